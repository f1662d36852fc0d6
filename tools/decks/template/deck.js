"use strict";
// Plays a deck. The place in it is a slide and a step; the address names both, as in #why_relu or #why_relu/2.
// Two windows show one deck, the hall's and the speaker's. They tell each other the place by messages, which works
// for files opened by double click as well.

const WIDTH = 1280, HEIGHT = 720, FRAME_SECONDS = 0.9;
const slides = [...document.querySelectorAll("section")];
const isSpeaker = location.search === "?speaker";
let place = { slide: 0, step: 0 };
let other = isSpeaker ? window.opener : null;  // the other window
let overview = false, player = null, begun = null;
const element = id => document.getElementById(id);

// ---- steps: the frames of an animation, and under the flag `steps` list items and formulas, in time with each other

const animated = slides.map(slide => [...slide.querySelectorAll(".animation")].map(one => [...one.children]));
const revealed = slides.map(slide => slide.matches(".steps") ? [...slide.querySelectorAll("li, .formula.block")] : []);
const steps = slides.map((_, n) => Math.max(1, revealed[n].length, ...animated[n].map(frames => frames.length)));

function showStep(n, step) {
  for (const frames of animated[n])
    frames.forEach((frame, k) => frame.classList.toggle("shown", k === Math.min(step, frames.length - 1)));
  revealed[n].forEach((one, k) => one.classList.toggle("waiting", k > step));
}

// ---- drawing

function draw() {
  document.body.classList.toggle("overview", overview);
  document.body.classList.toggle("speaking", isSpeaker);
  slides.forEach((slide, n) => {
    slide.hidden = !overview;
    slide.classList.toggle("current", n === place.slide);
    showStep(n, n === place.slide ? place.step : steps[n] - 1);
  });
  if (overview) drawOverview();
  else if (isSpeaker) drawSpeaker();
  else put(place.slide, 0, 0, innerWidth, innerHeight);
}

function put(n, left, top, width, height) {
  const scale = Math.min(width / WIDTH, height / HEIGHT);
  slides[n].hidden = false;
  slides[n].style.transform =
    `translate(${left + (width - scale * WIDTH) / 2}px, ${top + (height - scale * HEIGHT) / 2}px) scale(${scale})`;
}

function drawOverview() {
  const columns = 4, gap = 16, width = (innerWidth - gap * (columns + 1)) / columns, height = width * HEIGHT / WIDTH;
  slides.forEach((_, n) => put(n, gap + n % columns * (width + gap), gap + Math.floor(n / columns) * (height + gap), width, height));
  slides[place.slide].scrollIntoView({ block: "nearest" });
}

function drawSpeaker() {
  const split = Math.round(0.62 * innerWidth), gap = 20, next = place.slide + 1;
  const large = split - 2 * gap, small = innerWidth - split - gap, top = 90;
  put(place.slide, gap, top, large, large * HEIGHT / WIDTH);
  if (next < slides.length) {
    showStep(next, 0);
    put(next, split, top + 44, small, small * HEIGHT / WIDTH);
  }
  element("following").hidden = next === slides.length;
  element("ended").hidden = next < slides.length;
  const at = (id, style) => Object.assign(element(id).style, style);
  at("clock", { left: gap + "px", top: "22px" });
  at("following", { left: split + "px", top: top + "px" });
  at("ended", { left: split + "px", top: top + "px" });
  at("notes", { left: split + "px", width: small + "px", top: top + 60 + small * HEIGHT / WIDTH + "px", bottom: "50px" });
  at("keys", { left: gap + "px", bottom: "12px" });
  element("notes").innerHTML = slides[place.slide].querySelector(".notes").innerHTML;
  const { begins, minutes } = slides[place.slide].dataset;
  element("planned").textContent = `${begins}–${Number(begins) + Number(minutes)}`;
}

function drawClock() {
  const seconds = begun ? Math.floor((Date.now() - begun) / 1000) : 0;
  element("elapsed").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// ---- moving

function go(slide, step) {
  place = { slide: Math.max(0, Math.min(slide, slides.length - 1)), step };
  place.step = Math.max(0, Math.min(step, steps[place.slide] - 1));
  arrive();
  if (other && !other.closed) other.postMessage({ deck: document.title, place }, "*");
}

function arrive() {
  begun = begun || Date.now();
  history.replaceState(null, "", "#" + slides[place.slide].id + (place.step ? "/" + place.step : ""));
  draw();
}

function next() {
  if (place.step < steps[place.slide] - 1) go(place.slide, place.step + 1);
  else if (place.slide < slides.length - 1) go(place.slide + 1, 0);
}

function back() {
  if (place.step > 0) go(place.slide, place.step - 1);
  else if (place.slide > 0) go(place.slide - 1, Infinity);
}

function play() {
  if (player) return stop();
  if (place.step === steps[place.slide] - 1) go(place.slide, 0);
  player = setInterval(() => {
    if (place.step < steps[place.slide] - 1) go(place.slide, place.step + 1);
    if (place.step === steps[place.slide] - 1) stop();
  }, 1000 * FRAME_SECONDS);
}

function stop() {
  clearInterval(player);
  player = null;
}

function fromAddress() {
  const [name, step] = decodeURIComponent(location.hash.slice(1)).split("/");
  const slide = slides.findIndex(one => one.id === name);
  place = slide < 0 ? { slide: 0, step: 0 } : { slide, step: Math.min(Number(step) || 0, steps[slide] - 1) };
  draw();
}

// ---- keys, mouse, touch, messages

const KEYS = {
  ArrowRight: next, PageDown: next, " ": next, Enter: next, ArrowLeft: back, PageUp: back, Backspace: back,
  ArrowDown: () => go(place.slide + 1, 0), ArrowUp: () => go(place.slide - 1, 0),
  Home: () => go(0, 0), End: () => go(slides.length - 1, 0),
  p: play, o: () => { overview = !overview; draw(); }, Escape: () => { overview = false; draw(); },
  f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
  s: () => { if (!isSpeaker) other = window.open(location.pathname + "?speaker" + location.hash, "_blank", "width=1280,height=800"); },
};

addEventListener("keydown", event => {
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button")) return;
  event.preventDefault();
  if (action !== play) stop();
  action();
});

addEventListener("click", event => {
  const slide = slides.findIndex(one => one.contains(event.target));
  if (event.target.id === "restart") { begun = Date.now(); return drawClock(); }
  if (event.target.matches(".play")) { event.target.blur(); return play(); }
  if (slide < 0 || event.target.closest("a")) return;
  stop();
  if (overview) { overview = false; return go(slide, 0); }
  if (slide > place.slide || event.clientX > 0.3 * innerWidth) next(); else back();
});

let touched = null;
addEventListener("touchstart", event => { touched = event.changedTouches[0].clientX; }, { passive: true });
addEventListener("touchend", event => {
  const moved = event.changedTouches[0].clientX - touched;
  if (Math.abs(moved) < 50) return;  // a tap, which arrives as a click too
  stop();
  if (moved < 0) next(); else back();
});

addEventListener("message", event => {
  if (event.data?.deck !== document.title) return;
  other = event.source;
  if (event.data.place) {
    place = event.data.place;
    arrive();
  } else {
    other.postMessage({ deck: document.title, place }, "*");  // a window that has just opened asks for the place
  }
});

addEventListener("resize", draw);
addEventListener("hashchange", fromAddress);
fromAddress();
if (isSpeaker) {
  element("speaker").hidden = false;
  setInterval(drawClock, 500);
  if (other) other.postMessage({ deck: document.title }, "*");
}
