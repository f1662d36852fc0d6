// The drawing pad: white ink on black paper, as MNIST is written.

import { Strokes, cleared, drawRing, onceAFrame } from "./strokes.js";

const SIDE = 280;           // pixels of the paper, which is square: ten for one of MNIST's
const PEN = SIDE / 12;      // width of a line

/** A pad on a canvas that the page shows as a square; `onDrawn(image)` at most once a frame, null for empty paper. */
export class DrawingPad {
  #paper = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
  #empty = true;

  constructor(canvas, onDrawn) {
    this.canvas = canvas;
    this.#show = onceAFrame(() => this.#draw());
    const tell = onceAFrame(() => onDrawn(this.image()));
    this.strokes = new Strokes(canvas, {
      start: () => {},
      line: (from, to) => { this.#line(from, to); this.#show(); tell(); },
      end: () => this.#show(),
      moved: () => this.#show(),
    });
    new ResizeObserver(this.#show).observe(canvas);
    this.#wipe();
  }

  #show;

  /** What is drawn, as a picture of pictures.js; null if nothing is. */
  image() {
    if (this.#empty) return null;
    const { data } = this.#paper.getImageData(0, 0, SIDE, SIDE);
    return { values: Float32Array.from({ length: SIDE * SIDE }, (_, n) => data[4 * n] / 255), height: SIDE, width: SIDE, channels: 1 };
  }

  clear() {
    this.#wipe();
    this.#show();
  }

  #wipe() {
    this.#paper.fillStyle = "black";
    this.#paper.fillRect(0, 0, SIDE, SIDE);
    this.#empty = true;
  }

  #line(from, to) {
    const paper = this.#paper, [x0, y0, x1, y1] = [...from, ...to].map(share => share * SIDE);
    Object.assign(paper, { strokeStyle: "white", fillStyle: "white", lineWidth: PEN, lineCap: "round" });
    paper.beginPath();
    paper.moveTo(x0, y0);
    paper.lineTo(x1, y1);
    paper.stroke();
    paper.beginPath();
    paper.arc(x1, y1, PEN / 2, 0, 2 * Math.PI);         // of a line without length a canvas draws nothing
    paper.fill();
    this.#empty = false;
  }

  #draw() {
    const context = cleared(this.canvas), { width, height } = this.canvas, { place, down } = this.strokes;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#paper.canvas, 0, 0, width, height);
    if (place) drawRing(context, place, PEN / 2 / SIDE * width, down);
  }
}
