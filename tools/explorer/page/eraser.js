// The eraser: rubs places out of an image, so that one sees what the scores lose.

import { Strokes, cleared, drawRing, onceAFrame } from "./strokes.js";

const RADIUS = 0.07;        // of the image's shorter side

/**
 * An eraser on a canvas that lies over the picture, edge on edge; `onErased(image)` at most once a frame, with the image as it
 * is then: {values, height, width, channels}, the very image given to `start` where nothing is rubbed out.
 */
export class Eraser {
  #history = [];            // the masks before each stroke
  #fill = "mean";

  constructor(canvas, onErased) {
    this.canvas = canvas;
    this.#show = onceAFrame(() => this.#draw());
    this.#tell = onceAFrame(() => this.original && onErased(this.image()));
    this.strokes = new Strokes(canvas, {
      start: () => this.original && this.#history.push(this.mask.slice()),
      line: (from, to) => this.original && this.#rub(from, to),
      end: () => this.#show(),
      moved: () => this.#show(),
    });
    new ResizeObserver(this.#show).observe(canvas);
    canvas.addEventListener("keydown", event => {
      if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) event.preventDefault(), this.undo();
    });
  }

  #show;
  #tell;

  /** Take another image to rub; whatever was rubbed out of the last one is forgotten. */
  start(image) {
    this.original = image;
    this.mask = new Uint8Array(image.height * image.width);         // 1: rubbed out
    this.#history = [];
    this.#show();
  }

  /** What stands in rubbed places: "mean", the image's mean colour, or "black". */
  get fill() { return this.#fill; }
  set fill(fill) {
    this.#fill = fill;
    this.#changed();
  }

  /** The share of the image that is rubbed out. */
  get share() { return this.original ? this.mask.reduce((one, other) => one + other, 0) / this.mask.length : 0; }

  get canUndo() { return this.#history.length > 0; }

  /** Take the last stroke back. */
  undo() {
    if (!this.canUndo) return;
    this.mask = this.#history.pop();
    this.#changed();
  }

  /** Take all strokes back, in one step that can itself be undone. */
  reset() {
    if (!this.share) return;
    this.#history.push(this.mask);
    this.mask = new Uint8Array(this.mask.length);
    this.#changed();
  }

  /** The image as it is now. */
  image() {
    if (!this.share) return this.original;
    const { channels } = this.original, values = this.original.values.slice(), colour = this.#colour();
    this.mask.forEach((rubbed, n) => { if (rubbed) values.set(colour, n * channels); });
    return { ...this.original, values };
  }

  /** One value for each channel. */
  #colour() {
    const { values, channels } = this.original, sums = new Array(channels).fill(0);
    if (this.#fill === "mean") values.forEach((value, n) => { sums[n % channels] += value; });
    return sums.map(sum => sum * channels / values.length);
  }

  /** All pixels are rubbed out whose centres the disc passes on its way. */
  #rub(from, to) {
    const { height, width } = this.original, radius = this.#radius();
    const [x0, y0, x1, y1] = [from[0] * width, from[1] * height, to[0] * width, to[1] * height];
    const [left, right] = [Math.min(x0, x1) - radius, Math.max(x0, x1) + radius];
    const [top, bottom] = [Math.min(y0, y1) - radius, Math.max(y0, y1) + radius];
    for (let i = Math.max(0, Math.floor(top)); i < Math.min(height, bottom); i++)
      for (let j = Math.max(0, Math.floor(left)); j < Math.min(width, right); j++)
        if (distance(j + 0.5, i + 0.5, x0, y0, x1, y1) <= radius) this.mask[i * width + j] = 1;
    this.#changed();
  }

  /** In pixels of the image; at least that of a circle which holds a pixel's centre wherever it lies. */
  #radius() { return Math.max(Math.SQRT1_2, RADIUS * Math.min(this.original.height, this.original.width)); }

  #changed() {
    this.#show();
    this.#tell();
  }

  #draw() {
    const context = cleared(this.canvas), { place, down } = this.strokes;
    if (!this.original) return;
    if (this.share) this.#drawRubbed(context);
    if (place) drawRing(context, place, this.#radius() / this.original.width * this.canvas.width, down);
  }

  #drawRubbed(context) {
    const { height, width, channels } = this.original, colour = this.#colour().map(value => 255 * value);
    const rgb = channels === 1 ? [colour[0], colour[0], colour[0]] : colour;
    const rubbed = new OffscreenCanvas(width, height), picture = rubbed.getContext("2d"), pixels = new ImageData(width, height);
    this.mask.forEach((each, n) => { if (each) pixels.data.set([...rgb, 255], 4 * n); });
    picture.putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(rubbed, 0, 0, this.canvas.width, this.canvas.height);
  }
}

/** From a point to the nearest of a segment. */
function distance(x, y, x0, y0, x1, y1) {
  const along = [x1 - x0, y1 - y0], length = along[0] ** 2 + along[1] ** 2;
  const share = length ? Math.min(1, Math.max(0, ((x - x0) * along[0] + (y - y0) * along[1]) / length)) : 0;
  return Math.hypot(x - x0 - share * along[0], y - y0 - share * along[1]);
}
