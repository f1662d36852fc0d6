// A pen on a canvas, for mouse, pen, finger and keyboard alike: where it goes, in shares of the canvas's width and height.

const STEP = 0.025, FAR = 0.1;      // of the canvas, for an arrow key, and with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Follows a pen: `pen.start()` when it is set down, `pen.line(from, to)` for each piece of its way (a dot, where both are the
 * same), `pen.end()` when it is lifted, `pen.moved()` when only what `place` and `down` say has changed.
 *
 * On the keyboard the arrow keys move it (with Shift farther), Space sets it down and lifts it, Escape lifts it.
 */
export class Strokes {
  constructor(canvas, pen) {
    this.canvas = canvas;
    this.pen = pen;
    this.place = null;              // [x, y] where the pen is seen: with the mouse above the canvas, or the keyboard's
    this.down = false;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");     // screen readers leave it the arrow keys
    canvas.style.touchAction = "none";
    canvas.addEventListener("pointerdown", event => this.#pressed(event));
    canvas.addEventListener("pointermove", event => this.#dragged(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.#lift());
    for (const name of ["pointerleave", "blur"]) canvas.addEventListener(name, () => this.#leave());
    canvas.addEventListener("keydown", event => this.#key(event));
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #pressed(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#lift();
    this.#set(this.#at(event));
  }

  #dragged(event) {
    if (!event.isPrimary) return;
    if (!event.buttons) this.#lift();                           // the keyboard's pen, where a mouse comes by
    const passed = event.getCoalescedEvents?.() ?? [];          // more places than frames: a curve stays round
    for (const each of passed.length ? passed : [event]) this.#go(this.#at(each));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key], at = this.place ?? [0.5, 0.5];
    if (arrow) this.#go(at.map((share, n) => Math.min(1, Math.max(0, share + arrow[n] * (event.shiftKey ? FAR : STEP)))));
    else if (event.key === " ") this.down ? this.#lift() : this.#set(at);
    else if (event.key === "Escape" && this.down) this.#lift();
    else return;
    event.preventDefault();
  }

  #set(place) {
    this.down = true;
    this.place = place;
    this.pen.start();
    this.pen.line(place, place);
  }

  #go(place) {
    const from = this.place;
    this.place = place;
    if (this.down) this.pen.line(from, place);
    else this.pen.moved();
  }

  #lift() {
    if (!this.down) return;
    this.down = false;
    this.pen.end();
  }

  #leave() {                        // while a button is held, the canvas has the pointer, and it does not leave
    this.#lift();
    this.place = null;
    this.pen.moved();
  }
}

/** Calls `act` once in the next frame, however often it is asked to meanwhile. */
export function onceAFrame(act) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      act();
    });
  };
}

/** Makes the canvas as many pixels as the screen shows of it, empties it, and gives its context. */
export function cleared(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), context = canvas.getContext("2d");
  canvas.width = Math.max(1, Math.round(width * devicePixelRatio));         // setting it empties it
  canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
  return context;
}

/** A ring around the pen, seen on light and on dark; thicker while it is down. */
export function drawRing(context, [x, y], radius, down) {
  context.setLineDash([]);
  for (const [colour, width] of [["black", 4], ["white", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = (down ? 1.5 : 1) * width * devicePixelRatio;
    context.beginPath();
    context.arc(x * context.canvas.width, y * context.canvas.height, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}
