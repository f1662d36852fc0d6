// One side of the page: the image with the map laid over it, and beside it the map alone, its cells in their true place.

import { colourOf, evidenceOf, largest, overlay, placesOf, short, signedPicture } from "./colours.js";
import { draw, make } from "./making.js";

/**
 * What a side shows: {image, boxes, input, answer, cells, field, opacity, tops: {overlay, map}, tables, title, name,
 * words}.
 *
 * boxes: in the image's pixels, or []; input: {height, width} of the network; cells, field: of the answer's layer, as the network
 * tells them, or null; tops: where the two scales end; words: the texts of the language.
 */
export class Side {
  #shown = null;
  #cell = null;             // [row, column] that is pointed at

  /** onCell(sentence): what is told of the cell that is pointed at, "" for none. */
  constructor(number, onCell) {
    this.onCell = onCell;
    this.title = make("h2");
    this.laid = new Stage("laid");
    this.alone = new Stage("alone");
    this.bar = make("canvas", { width: 256, height: 1, "aria-hidden": "true" });
    this.low = make("span");
    this.high = make("span");
    this.marker = make("i", { hidden: true });
    const scale = make("div", { className: "scale" }, this.low, make("div", {}, this.bar, this.marker), this.high);
    this.box = make("section", { className: "side", id: `side-${number}` }, this.title,
      make("div", { className: "pair" }, this.laid.frame, this.alone.frame));
    this.laid.caption.append(this.caption = make("span"));
    this.alone.caption.append(scale);
    this.#listen();
    new ResizeObserver(() => this.#drawAlone()).observe(this.alone.frame);
  }

  show(shown) {
    const before = this.#shown;
    this.#shown = shown;
    if (!before || before.answer.height !== shown.answer.height || before.answer.width !== shown.answer.width) this.#cell = null;
    for (const stage of [this.laid, this.alone]) stage.fit(shown.image, shown.input);
    this.title.textContent = shown.title;
    this.alone.box.setAttribute("aria-label", `${shown.title}. ${shown.words.mapKeys}`);
    this.laid.canvas.setAttribute("aria-label", `${shown.title}, ${shown.words.laidOver}`);
    this.#drawLaid();
    this.#drawAlone();
    this.#drawScale();
    this.#drawMarks();
  }

  /** Only the image has changed, as under the eraser: the map stays until its answer is there. */
  showImage(image) {
    if (!this.#shown) return;
    this.#shown = { ...this.#shown, image };
    this.#drawLaid();
  }

  setOpacity(opacity) {
    if (!this.#shown) return;
    this.#shown = { ...this.#shown, opacity };
    this.#drawLaid();
  }

  /** [row, column] of the strongest cell. */
  get strongest() {
    const { answer } = this.#shown, sizes = evidenceOf(answer);
    const at = sizes.indexOf(sizes.reduce((one, other) => Math.max(one, other), -Infinity));
    return [Math.floor(at / answer.width), at % answer.width];
  }

  get cell() { return this.#cell; }

  /** What `saveFigure` needs. */
  forSaving() {
    return { title: this.#shown.title, pictures: [this.laid.canvas, this.alone.canvas], bar: this.bar, low: this.low.textContent,
      high: this.high.textContent, aspect: this.#shown.image.width / this.#shown.image.height };
  }

  // --- pictures

  #places() {
    const { answer, input, cells } = this.#shown;
    return placesOf(answer, input, answer.pixels ? null : cells);
  }

  #drawLaid() {
    const { image, answer, opacity, tops, tables, words, name } = this.#shown;
    const evidence = { values: evidenceOf(answer), height: answer.height, width: answer.width };
    this.laid.put(overlay(image, evidence, { table: tables.evidence, opacity, top: tops.overlay, places: this.#places() }));
    this.caption.textContent = words.inputCaption.replace("{name}", name).replace("{height}", image.height).replace("{width}", image.width);
  }

  #drawAlone() {
    if (!this.#shown) return;
    const { answer, input, tops, tables } = this.#shown;
    if (answer.pixels) return this.alone.put(signedPicture(answer, tops.map).picture);
    const context = this.alone.sharp(), { width, height } = context.canvas, places = this.#places();
    const table = answer.signed ? tables.signed : tables.evidence;
    for (let i = 0; i < answer.height; i++)
      for (let j = 0; j < answer.width; j++) {
        const [top, bottom] = edges(places.y, i).map(edge => Math.round(edge / input.height * height));
        const [left, right] = edges(places.x, j).map(edge => Math.round(edge / input.width * width));
        context.fillStyle = `rgb(${colourOf(answer.values[i * answer.width + j], tops.map, table, answer.signed)})`;
        context.fillRect(left, top, right - left, bottom - top);
      }
  }

  #drawScale() {
    const { answer, tops, tables } = this.#shown, both = answer.signed || answer.pixels;
    const context = this.bar.getContext("2d"), row = context.createImageData(256, 1);
    const top = tops.map;
    for (let n = 0; n < 256; n++)
      row.data.set([...(answer.pixels ? [n, n, n] : (answer.signed ? tables.signed : tables.evidence)[n]), 255], 4 * n);
    context.putImageData(row, 0, 0);
    this.low.textContent = both ? short(-top) : "0";
    this.high.textContent = short(top);
    this.scale = { low: both ? -top : 0, top };
  }

  // --- cells

  #listen() {
    for (const stage of [this.laid, this.alone]) {
      stage.box.addEventListener("pointermove", event => this.#point(this.#cellAt(stage, event)));
      stage.box.addEventListener("pointerdown", event => this.#point(this.#cellAt(stage, event)));
      stage.box.addEventListener("pointerleave", event => event.pointerType === "mouse" && this.#point(null));
    }
    this.alone.box.tabIndex = 0;
    this.alone.box.setAttribute("role", "application");
    this.alone.box.addEventListener("focus", () => this.#shown && this.alone.box.matches(":focus-visible") && !this.#cell &&
      this.#point(this.strongest));
    this.alone.box.addEventListener("blur", () => this.#point(null));
    this.alone.box.addEventListener("keydown", event => this.#key(event));
  }

  #key(event) {
    if (!this.#shown || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const { height, width } = this.#shown.answer, [i, j] = this.#cell ?? this.strongest;
    if (step) this.#point([Math.min(height - 1, Math.max(0, i + step[0])), Math.min(width - 1, Math.max(0, j + step[1]))]);
    else if (event.key === "Home") this.#point(this.strongest);
    else if (event.key === "Escape") this.#point(null);
    else return;
    event.preventDefault();
  }

  /** The cell whose centre is nearest to where the pointer is. */
  #cellAt(stage, event) {
    if (!this.#shown) return null;
    const { answer, input } = this.#shown, box = stage.box.getBoundingClientRect(), places = this.#places();
    const at = (share, { stride, offset }, pixels, count) =>
      Math.min(count - 1, Math.max(0, Math.round((share * pixels - 0.5 - offset) / stride)));
    return [at((event.clientY - box.top) / box.height, places.y, input.height, answer.height),
      at((event.clientX - box.left) / box.width, places.x, input.width, answer.width)];
  }

  #point(cell) {
    if (String(cell) === String(this.#cell)) return;
    this.#cell = cell;
    this.#drawMarks();
    this.onCell(cell ? this.#sentence() : "", cell);
  }

  #valueAt([i, j]) {
    const { answer } = this.#shown, n = i * answer.width + j;
    return answer.pixels ? signedPicture(answer).means[n] : answer.values[n];
  }

  /** Rows and columns, from and to, that a cell sees of the network's input. */
  #seen([i, j]) {
    const { input, field, answer } = this.#shown, places = this.#places();
    if (answer.pixels || !field) return null;
    const reach = ({ stride, offset }, n, size, pixels) => {
      const centre = stride * n + offset + 0.5;
      return [Math.max(0, centre - size / 2), Math.min(pixels, centre + size / 2)];
    };
    return { y: reach(places.y, i, field[0], input.height), x: reach(places.x, j, field[1], input.width) };
  }

  #sentence() {
    const { answer, tops, words } = this.#shown, [i, j] = this.#cell, value = this.#valueAt([i, j]), seen = this.#seen([i, j]);
    const top = answer.pixels ? tops.map : largest(answer.values);
    const share = top > 0 ? Math.round(100 * value / top) : 0;
    const sentence = (answer.pixels ? words.pixelValue : words.cellValue).replace("{row}", i + 1).replace("{column}", j + 1)
      .replace("{value}", short(value)).replace("{share}", String(share).replace("-", "−"));
    if (answer.pixels) return sentence;
    if (!seen) return `${sentence} ${words.cellSeesAll}`;
    const [height, width] = [seen.y[1] - seen.y[0], seen.x[1] - seen.x[0]].map(Math.round);
    return `${sentence} ${words.cellSees.replace("{height}", height).replace("{width}", width)}`;
  }

  #drawMarks() {
    const { input, image, boxes, answer } = this.#shown, cell = this.#cell, marks = [];
    for (const [x0, y0, x1, y1] of boxes)
      marks.push(outline("annotated", x0 * input.width / image.width, y0 * input.height / image.height,
        x1 * input.width / image.width, y1 * input.height / image.height));
    this.alone.mark([...marks, ...this.#cellMarks(cell)]);
    const seen = cell && this.#seen(cell);
    if (seen) marks.push(outline("seen", seen.x[0], seen.y[0], seen.x[1], seen.y[1]));
    this.laid.mark([...marks, ...this.#cellMarks(cell)]);
    this.marker.hidden = !cell;
    if (cell) {
      const { low, top } = this.scale, share = top > low ? (this.#valueAt(cell) - low) / (top - low) : 0;
      this.marker.style.left = `${100 * Math.min(1, Math.max(0, share))}%`;
    }
  }

  #cellMarks(cell) {
    if (!cell) return [];
    const { input } = this.#shown, places = this.#places();
    const [y0, y1] = edges(places.y, cell[0]).map(edge => Math.min(input.height, Math.max(0, edge)));
    const [x0, x1] = edges(places.x, cell[1]).map(edge => Math.min(input.width, Math.max(0, edge)));
    return [outline("pointed", x0, y0, x1, y1)];
  }
}

/** Where a cell begins and ends, in pixels of the input from its edge on. */
function edges({ stride, offset }, n) {
  const centre = stride * n + offset + 0.5;
  return [centre - stride / 2, centre + stride / 2];
}

/** A rectangle seen on light and on dark. */
function outline(kind, x0, y0, x1, y1) {
  const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
  return draw("g", { class: kind }, draw("rect", { ...place, class: "under" }), draw("rect", place));
}

/** A picture of fixed proportions that is as large as its frame allows, with marks over it. */
class Stage {
  constructor(kind) {
    this.canvas = make("canvas", { role: "img" });
    this.marks = draw("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
    this.box = make("div", { className: `stage ${kind}` }, this.canvas, this.marks);
    this.caption = make("figcaption");
    this.fitting = make("figure", {}, this.box, this.caption);
    this.frame = make("div", { className: "frame" }, this.fitting);
    if (kind === "alone") this.canvas.setAttribute("aria-hidden", "true"), this.canvas.removeAttribute("role");
  }

  fit(image, input) {
    const fitted = `${image.width / image.height} ${input.width} ${input.height}`;
    if (fitted === this.fitted) return;         // else the browser would lay out the page anew
    this.fitted = fitted;
    this.fitting.style.setProperty("--aspect", image.width / image.height);
    this.marks.setAttribute("viewBox", `0 0 ${input.width} ${input.height}`);
  }

  /** Show pixels, each as a square where they are few. */
  put(picture) {
    Object.assign(this.canvas, { width: picture.width, height: picture.height });
    this.canvas.classList.toggle("squares", Math.max(picture.width, picture.height) <= 128);
    this.canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  /** A context with a pixel for each of the screen's. */
  sharp() {
    const { width, height } = this.box.getBoundingClientRect();
    Object.assign(this.canvas, { width: Math.max(1, Math.round(width * devicePixelRatio)), height: Math.max(1, Math.round(height * devicePixelRatio)) });
    this.canvas.classList.remove("squares");
    return this.canvas.getContext("2d");
  }

  mark(marks) {
    this.marks.replaceChildren(...marks);
  }
}
