"use strict";
// Plays a deck. The place in it is a slide and a step; the address names both, as in #why_relu or #why_relu/2, and by
// `?short` the short way, which leaves out the slides marked `long`.
// Two windows show one deck, the hall's and the speaker's. They tell each other the place by messages, which works
// for files opened by double click as well.

const WIDTH = 1280, HEIGHT = 720, FRAME_SECONDS = 0.9;
const asked = new URLSearchParams(location.search);
const isSpeaker = asked.has("speaker");
const every = [...document.querySelectorAll("section")];
const words = JSON.parse(document.getElementById("player-words").textContent);
const element = id => document.getElementById(id);
let place = { slide: 0, step: 0 };
let short = asked.has("short"), blank = "";    // blank: "", "black" or "white", what the hall sees in place of the slide
let other = isSpeaker ? window.opener : null;  // the other window
let overview = false, player = null, begun = null;

// ---- the way: its slides, the minute at which each begins, and their steps: the frames of an animation, and under the
// flag `steps` list items and formulas, in time with each other

let slides, begins, animated, revealed, steps;

function takeWay() {
  slides = every.filter(slide => !(short && slide.matches(".long")));
  begins = slides.map((_, n) => slides.slice(0, n).reduce((sum, slide) => sum + minutes(slide), 0));
  animated = slides.map(slide => [...slide.querySelectorAll(".animation")].map(one => [...one.children]));
  revealed = slides.map(stepwise);
  steps = slides.map((_, n) => Math.max(1, revealed[n].length, ...animated[n].map(frames => frames.length)));
  every.forEach(slide => { slide.hidden = true; });
  slides.forEach((slide, n) => { slide.querySelector(".place").textContent = `${n + 1} / ${slides.length}`; });
}

function minutes(slide) {
  return Number(slide.dataset.minutes);
}

function stepwise(slide) {
  return slide.matches(".steps") ? [...slide.querySelectorAll("li, .formula.block")] : [];
}

function showStep(n, step) {
  for (const frames of animated[n])
    frames.forEach((frame, k) => frame.classList.toggle("shown", k === Math.min(step, frames.length - 1)));
  revealed[n].forEach((one, k) => one.classList.toggle("waiting", k > step));
}

// ---- drawing

function draw() {
  document.body.classList.toggle("overview", overview);
  document.body.classList.toggle("speaking", isSpeaker);
  element("blank").hidden = !blank || isSpeaker;
  element("blank").style.background = blank;
  slides.forEach((slide, n) => {
    slide.hidden = !overview;
    slide.classList.toggle("current", n === place.slide);
    showStep(n, n === place.slide ? place.step : steps[n] - 1);
  });
  element("speaker").hidden = !isSpeaker || overview;
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

// The speaker's view: a bar of clocks; this slide and the next one; under both the notes.
function drawSpeaker() {
  const gap = 20, top = 92, next = place.slide + 1, large = Math.round(0.55 * innerWidth) - gap;
  const small = Math.min(innerWidth - large - 3 * gap, 0.8 * large), left = innerWidth - gap - small;
  put(place.slide, gap, top, large, large * HEIGHT / WIDTH);
  if (next < slides.length) {
    showStep(next, 0);
    put(next, left, top, small, small * HEIGHT / WIDTH);
  }
  element("following").textContent = next < slides.length ? words.next : words.end;
  element("following").style.left = left + "px";
  element("notes").style.top = top + large * HEIGHT / WIDTH + 18 + "px";
  element("notes").innerHTML = slides[place.slide].querySelector(".notes").innerHTML;
  fitNotes();
  const begin = begins[place.slide], end = begin + minutes(slides[place.slide]);
  element("planned").textContent = `${begin}–${end}`;
  element("way").textContent = short ? `(${words["short way"]})` : "";
  element("darkened").textContent = blank ? words["hall " + blank] : "";
  drawClock();
}

// The notes as large as they fit, between 26 and 15 pixels.
function fitNotes() {
  const notes = element("notes");
  for (let size = 26; size >= 15; size -= 0.5) {
    notes.style.fontSize = size + "px";
    if (notes.scrollHeight <= notes.clientHeight && notes.scrollWidth <= notes.clientWidth) return;
  }
}

function drawClock() {
  const now = new Date(), seconds = begun ? Math.floor((now - begun) / 1000) : 0, two = number => String(number).padStart(2, "0");
  element("now").textContent = `${two(now.getHours())}:${two(now.getMinutes())}`;
  element("elapsed").textContent = `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  drawPace(seconds / 60);
}

// Ahead of the plan before the slide's first minute, behind it after its last: by whole minutes.
function drawPace(elapsed) {
  const begin = begins[place.slide], ahead = Math.floor(begin - elapsed);
  const behind = Math.floor(elapsed - begin - minutes(slides[place.slide]));
  const pace = !begun ? "" : ahead >= 1 ? "ahead" : behind >= 1 ? "behind" : "on time";
  element("pace").className = pace;
  element("pace").textContent = pace && words[pace].replace("{}", Math.max(ahead, behind));
}

// ---- moving

function go(slide, step) {
  place = { slide: Math.max(0, Math.min(slide, slides.length - 1)), step };
  place.step = Math.max(0, Math.min(step, steps[place.slide] - 1));
  begun = begun || Date.now();
  arrive();
  tell();
}

function arrive() {
  history.replaceState(null, "", address(isSpeaker));
  draw();
}

// The address of this place, in this window or in the speaker's.
function address(speaker) {
  const query = [speaker && "speaker", short && "short"].filter(Boolean).join("&");
  return `${location.pathname}${query && "?" + query}#${slides[place.slide].id}${place.step ? "/" + place.step : ""}`;
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

function cover(colour) {
  blank = colour;
  draw();
  tell();
}

// To the slide of this name and step; on a way that leaves it out, to the last one before it.
function find(name, step) {
  const wanted = every.findIndex(slide => slide.id === name);
  const slide = Math.max(0, slides.findLastIndex(one => every.indexOf(one) <= wanted));
  place = { slide, step: wanted >= 0 && slides[slide].id === name ? Math.min(step, steps[slide] - 1) : 0 };
}

function changeWay() {
  const { id } = slides[place.slide], { step } = place;
  short = !short;
  takeWay();
  find(id, step);
  arrive();
  tell();
}

function fromAddress() {
  const [name, step] = location.hash.slice(1).split("/");
  find(name, Number(step) || 0);
  draw();
}

// ---- two windows

function tell() {
  const state = { deck: document.title, name: slides[place.slide].id, step: place.step, short, blank };
  if (other && !other.closed) other.postMessage(state, "*");
}

function hear(state) {
  const before = `${slides[place.slide].id}/${place.step}`;
  ({ short, blank } = state);
  takeWay();
  find(state.name, state.step);
  if (before !== `${state.name}/${state.step}`) begun = begun || Date.now();
  arrive();
}

function openSpeaker() {
  if (!isSpeaker) other = window.open(address(true), "_blank", "width=1280,height=800");
}

// ---- keys, mouse, touch, messages

const KEYS = {
  ArrowRight: next, PageDown: next, " ": next, Enter: next, ArrowLeft: back, PageUp: back, Backspace: back, "Shift+ ": back,
  ArrowDown: () => go(place.slide + 1, 0), ArrowUp: () => go(place.slide - 1, 0),
  Home: () => go(0, 0), End: () => go(slides.length - 1, 0),
  p: play, o: () => { overview = !overview; draw(); }, Escape: () => { overview = false; draw(); },
  b: () => cover("black"), ".": () => cover("black"), w: () => cover("white"), ",": () => cover("white"),
  l: changeWay, "?": () => element("help").showModal(), s: openSpeaker,
  f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
};

// What a key is called in KEYS: a letter by its place where the keyboard writes Korean.
function called(event) {
  if (event.key === " ") return event.shiftKey ? "Shift+ " : " ";
  if (/^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key)) return event.code.slice(3).toLowerCase();
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

addEventListener("keydown", event => {
  const action = KEYS[called(event)];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button, a")) return;
  event.preventDefault();
  if (element("help").open) return element("help").close();
  if (blank) return cover("");  // the first key only brings the slide back
  if (action !== play) stop();
  action();
});

addEventListener("click", event => {
  const slide = slides.findIndex(one => one.contains(event.target));
  if (element("help").open) return element("help").close();
  if (event.target.id === "blank") return cover("");
  if (event.target.id === "restart") { begun = Date.now(); event.target.blur(); return drawClock(); }
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
  if (event.data.name) hear(event.data); else tell();  // a window that has just opened asks for the place
});

// ---- the handout, on paper: `?print=notes`, each slide beside its notes; `?print=blanks`, with ruled lines for the answers

function layOutHandout(kind) {
  document.body.classList.add("handout", kind);
  document.head.insertAdjacentHTML("beforeend", "<style>@page { size: A4; margin: 11mm; }</style>");
  for (const slide of every) {
    const row = document.createElement("article"), side = slide.querySelector(".notes");
    slide.before(row);
    side.hidden = false;
    if (kind === "blanks") {
      blankAnswers(slide);
      side.innerHTML = "<hr>".repeat(7);
    }
    row.append(slide, side);
  }
}

// An answer is what the slide shows later or the computer prints: all but the first step, the first frame; outputs.
function blankAnswers(slide) {
  for (const one of [...stepwise(slide).slice(1), ...slide.querySelectorAll(".output pre")]) {
    const answer = document.createElement("span");
    answer.append(...one.childNodes);
    one.append(answer);
    one.classList.add("ruled");
  }
}

addEventListener("resize", draw);
addEventListener("hashchange", fromAddress);
takeWay();
if (asked.has("print")) {
  layOutHandout(asked.get("print"));
} else {
  fromAddress();
  if (isSpeaker) setInterval(drawClock, 500);
  if (other) other.postMessage({ deck: document.title }, "*");
}
