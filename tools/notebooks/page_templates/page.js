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
  const current = read();
  links.forEach((link, k) => k === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"));
  if (current >= 0 && !narrow.matches) show(links[current]);
}

/** The number of the heading whose section is being read, -1 above the first. */
function read() {
  const tops = headings.map(heading => heading.getBoundingClientRect().top);
  const atEnd = document.documentElement.scrollHeight - innerHeight - scrollY < 2;
  const sought = links.findIndex(link => link.hash && link.hash === location.hash);
  if (atEnd && tops[sought] >= 0) return sought;      // the last sections can't come up to the top
  return tops.findLastIndex(top => top < (atEnd ? innerHeight : innerHeight / 4));
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
