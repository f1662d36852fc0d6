// A page with contents: they are folded on a narrow screen, and mark where the reader is. The rest of the page needs no script.
"use strict";

const contents = document.querySelector(".contents");
const list = contents.querySelector("nav");
const links = [...list.querySelectorAll("a")];
const headings = links.map(({ hash }) => document.getElementById(hash.slice(1)) ?? document.getElementById(decodeURIComponent(hash.slice(1))));
const narrow = matchMedia("(max-width: 64rem)");   // as in course.css

const fold = () => { contents.open = !narrow.matches; };
fold();
narrow.addEventListener("change", fold);
list.addEventListener("click", event => { if (narrow.matches && event.target.closest("a")) contents.open = false; });

function mark() {
  const line = innerHeight / 4;   // a section counts as being read from where its heading has come up to here
  const current = headings.findLastIndex(heading => heading.getBoundingClientRect().top < line);
  links.forEach((link, k) => k === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"));
  if (current >= 0 && !narrow.matches) show(links[current]);
}

function show(link) {
  const { top, bottom } = link.getBoundingClientRect(), frame = list.getBoundingClientRect();
  if (top < frame.top || bottom > frame.bottom) list.scrollTop += top - frame.top - frame.height / 2;
}

let asked = false;
addEventListener("scroll", () => {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; mark(); });
}, { passive: true });
mark();

// What scrolls in itself can be scrolled with the keyboard, too.
function reach() {
  for (const box of document.querySelectorAll(".scroll, .highlight, .jp-OutputArea-output, .formula.block")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute("tabindex");
  }
}
reach();
addEventListener("resize", reach);
