// The images as thumbnails: radio buttons, of which the arrow keys choose.

import { make, of, roving } from "./making.js";

/** images: [{id, name: {en, ko}, src}]; own pictures have a src as well. onChoose(id). */
export function drawThumbnails(images, chosen, language, onChoose) {
  const group = of("images");
  const focused = group.contains(document.activeElement);
  const same = group.children.length === images.length && images.every((image, n) => shows(group.children[n], image, language));
  if (!same) group.replaceChildren(...images.map(image => thumbnail(image, language, onChoose)));
  const any = images.some(image => image.id === chosen);
  [...group.children].forEach((button, n) => {
    const checked = images[n].id === chosen;
    button.setAttribute("aria-checked", String(checked));
    button.tabIndex = checked || (!any && n === 0) ? 0 : -1;
    if (checked && focused) button.focus();
    if (checked && (!same || button.dataset.revealed !== "true")) reveal(group, button);
    button.dataset.revealed = String(checked);
  });
}

/** Arrow keys move from image to image; to be called once. */
export function prepareThumbnails() {
  roving(of("images"));
}

function shows(button, { id, name, src }, language) {
  return button.dataset.image === id && button.title === name[language] && button.firstChild.getAttribute("src") === src;
}

function thumbnail(image, language, onChoose) {
  const name = image.name[language];
  const button = make("button", { type: "button", role: "radio", title: name, "aria-label": name, "data-image": image.id },
    make("img", { src: image.src, alt: "" }));
  button.addEventListener("click", () => onChoose(image.id));
  return button;
}

/** Scrolls the group alone, never the page. */
function reveal(group, button) {
  const box = group.getBoundingClientRect(), one = button.getBoundingClientRect();
  if (one.top < box.top || one.bottom > box.bottom) group.scrollTop += one.top - box.top - (box.height - one.height) / 2;
  if (one.left < box.left || one.right > box.right) group.scrollLeft += one.left - box.left - (box.width - one.width) / 2;
}
