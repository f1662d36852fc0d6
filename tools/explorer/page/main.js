// The page: what is asked is kept in `state`; whatever changes it, controls follow at once and the answer when it is there.

import { workerSource } from "build:worker";
import { Engine } from "../engine/client.js";
import { takePhoto } from "./camera.js";
import { catalog, imagesOf, pixelsOf, receive } from "./catalog.js";
import { evidenceOf, largest, short, signedPicture } from "./colours.js";
import { Controls, WITHOUT_LAYER } from "./controls.js";
import { Eraser } from "./eraser.js";
import { STRONGEST, WITH_FORMULA, drawFormula } from "./formula.js";
import { make, of, roving } from "./making.js";
import { Networks, listed } from "./networks.js";
import { fitPicture, readPicture } from "./pictures.js";
import { DrawingPad } from "./pad.js";
import { drawScores, percentOf, prepareScores, tenths } from "./scores.js";
import { saveFigure, showAddress } from "./sharing.js";
import { prepareSqueezenet, takeSqueezenet } from "./squeezenet.js";
import { Side } from "./stage.js";
import { SIDE, firstState, fromAddress, toAddress } from "./state.js";
import { filled, texts, towards } from "./texts.js";
import { drawThumbnails, prepareThumbnails } from "./thumbnails.js";

const OWN = "own";                  // the id of the reader's picture; the address cannot carry it

class Page {
  language = "en";
  own = null;                       // {picture, src, drawn}: what the reader drew or brought
  erased = null;                    // the image with rubbed places, or null
  shown = null;                     // what the last answer was about, side by side
  #brought = 0;                     // so many pictures were brought
  #awaited = null;                   // an address that asks SqueezeNet, while its dialog is open
  #waiting = false;
  #asking = false;

  constructor() {
    this.networks = new Networks(new Engine(workerSource), name => this.#say(this.#loadingText(name), true));
    this.sides = [0, 1].map(n => new Side(n + 1, (sentence, cell) => this.#pointed(n, sentence, cell)));
    this.sides[1].box.hidden = true;
    of("sides").append(...this.sides.map(side => side.box));
    this.controls = new Controls(this);
    const canvas = make("canvas", { className: "eraser", hidden: true, id: "eraser" });
    this.sides[0].laid.box.append(canvas);
    this.eraser = new Eraser(canvas, image => this.#rubbed(image));
    this.pad = new DrawingPad(of("paper"), picture => picture && this.takePicture(picture, true));
  }

  get words() { return texts[this.language]; }

  /** The name of a network's class in the page's language. */
  className({ classes, question }, c) {
    const name = classes[c];
    if (question?.kind === "word") return name;                 // a word of the English caption
    return this.language === "ko" ? catalog.korean[name] ?? name : name.replaceAll("_", " ");
  }

  // --- what is asked

  /** Change what is asked; the answer follows. Whatever is not about the picture alone ends the preset's question. */
  change(changes, keepsPreset = false) {
    Object.assign(this.state, changes);
    if (!keepsPreset) this.state.preset = null;
    this.#ask();
  }

  /** Change how the answer is shown; nothing need be asked for it. */
  redraw(changes) {
    Object.assign(this.state, changes);
    this.#follow();
    if (this.shown && !this.#asking) this.#show();
  }

  /** As a slider moves, only the colours follow. */
  setOpacity(opacity) {
    this.state.opacity = opacity;
    this.controls.showOpacity(opacity);
    for (const side of this.sides) side.setOpacity(opacity);
    this.#remember();
  }

  /** Change one side. A class or layer that the new network or method does not have gives way. */
  changeSide(n, changes) {
    const sides = this.state.sides.map((side, number) => number === n ? { ...side, ...changes } : side);
    if (changes.network && n === 0) this.#followNetwork(sides, changes.network);
    else if (changes.network) Object.assign(sides[n], { layer: null, dice: 0 });
    this.change({ sides });
  }

  /** Images of another set, and a comparison with a network of another kind, end with a new network. */
  #followNetwork(sides, name) {
    const before = listed(this.state.sides[0].network), now = listed(name) ?? { group: "photographs", set: "photos" };
    Object.assign(sides[0], { layer: null, dice: 0 });
    if (before?.group !== now.group) {
      Object.assign(sides[0], { class: null });
      sides.splice(1);
      this.state.channels = null;
    }
    if (before?.set === now.set) return;
    this.state.erase = false;
    if (this.state.image !== OWN) this.state.image = null;
  }

  choosePreset(preset) {
    const side = from => ({ ...SIDE, network: from.network, method: from.method ?? SIDE.method, layer: from.layer ?? null,
      class: from.class ?? null, dice: from.dice ?? 0 });
    const one = side(preset), sides = [one];
    if (preset.other) sides.push({ ...one, ...side({ ...preset, ...preset.other }) });
    this.state = { ...firstState(), image: preset.image, sides, boxes: preset.boxes ?? false, erase: preset.erase ?? false,
      common: !preset.own_scale, preset: preset.id };
    this.#ask();
  }

  compare() {
    const { sides } = this.state;
    this.change({ sides: sides.length > 1 ? sides.slice(0, 1) : [sides[0], { ...sides[0] }] });
  }

  setErasing(on) {
    this.change({ erase: on }, true);
  }

  takePicture(picture, drawn = false) {
    this.#brought++;
    this.own = { picture, src: addressOf(picture), drawn };
    this.change({ image: OWN, erase: false });
  }

  async takeFiles(files) {
    try {
      const described = await takeSqueezenet(files, this.networks, this.words);
      if (described && this.#awaited) return void (location.hash = this.#awaited);
      if (described) return this.changeSide(0, { network: "squeezenet" });
      if (files.length) await this.#bring(files[0]);
    } catch (error) {
      this.#complain(error);
    }
  }

  async photograph() {
    try {
      const file = await takePhoto(this.words);
      if (file) await this.#bring(file);
    } catch (error) {
      this.#complain(error);
    }
  }

  /** A large photograph takes a while: a picture that was brought after it stays. */
  async #bring(file) {
    const turn = ++this.#brought, picture = await readPicture(file);
    if (turn === this.#brought) this.takePicture(picture);
  }

  // --- asking: one question at a time; what changes meanwhile is asked when the answer is there, with what is newest then

  async #ask() {
    this.#waiting = true;
    this.#follow();
    if (this.#asking) return;
    this.#asking = true;
    of("show").setAttribute("aria-busy", "true");
    while (this.#waiting) {
      this.#waiting = false;
      try {
        await this.#answer();
      } catch (error) {
        this.#complain(error);
      }
    }
    this.#asking = false;
    of("show").setAttribute("aria-busy", "false");
  }

  async #answer() {
    const descriptions = [], { sides } = this.state, asked = [];
    for (const side of sides) descriptions.push(await this.networks.description(side.network));
    const images = await imagesOf(listed(descriptions[0].name)?.set ?? "photos");
    if (this.state.sides !== sides) return;         // another network was chosen while this one was loaded
    const image = this.#chosenImage(images);
    this.#complete(descriptions);
    const completed = this.state.sides, whole = await Promise.all(descriptions.map(description => this.#imageFor(image, description)));
    this.#followEraser(whole[0], image.own ?? image);
    for (const [n, side] of completed.entries())
      asked.push(await this.#answerSide(side, n, descriptions[n], this.#rubbedImage(whole, n, descriptions[n]), image));
    if (this.state.sides !== completed) return;
    this.shown = { sides: asked, image, descriptions };
    await this.#compareWithWhole(asked, whole, descriptions);
    this.#show();
    await this.#openFormula();
  }

  async #answerSide(side, n, description, image, listedImage) {
    const network = await this.networks.nameOf(side.network, side.dice);
    const choice = { method: side.method, layer: side.layer, classIndex: side.class };
    const answer = await this.networks.engine.ask({ network, image, ...this.#question(description), choices: [choice] });
    return { ...answer, answer: answer.answers[0], image, network, side, description, boxes: listedImage.boxes ?? [], size: listedImage.size };
  }

  #question(description) {
    return { pair: { question: this.state.question }, word: { question: this.state.words } }[description.question?.kind] ?? {};
  }

  /** The listed image that is asked about, or the reader's own as one like it. */
  #chosenImage(images) {
    this.images = images;
    if (this.state.image === OWN && this.own) return { id: OWN, own: this.own.picture, boxes: null };
    const found = images.find(image => image.id === this.state.image) ?? images[0];
    this.state.image = found.id;
    return found;
  }

  /** The image as a network takes it. */
  async #imageFor(image, { input }) {
    if (image.own) return fitPicture(image.own, input);
    const pixels = await pixelsOf(image, input.channels);
    const fits = pixels.height === input.height && pixels.width === input.width;
    return fits || input.channels === 3 ? pixels : fitPicture(pixels, input);
  }

  /** What the network has not gives way: an unknown method, layer, class, question or word. Presets name classes. */
  #complete(descriptions) {
    for (const { question } of descriptions) this.#completeQuestion(question);
    this.state.sides = this.state.sides.map((side, n) => {
      const { methods, layers, classes } = descriptions[n], named = typeof side.class === "string" ? classes.indexOf(side.class) : side.class;
      return { ...side, method: methods.includes(side.method) ? side.method : methods[0],
        layer: layers.some(layer => layer.name === side.layer) ? side.layer : null,
        class: named !== null && named >= 0 && named < classes.length ? named : null };
    });
    this.descriptions = descriptions;
    this.#follow();
  }

  #completeQuestion(question) {
    const { state } = this, [kind, colour] = state.question;
    if (question?.kind === "pair" && (kind >= question.kinds || colour >= question.colours.length)) state.question = [0, 0];
    if (question?.kind === "word" && state.words >= question.length) state.words = 0;
  }

  // --- the eraser

  /** A new image, another size of it, and the end of erasing bring the whole image back. `source`: of which `image` was made. */
  #followEraser(image, source) {
    const { canvas, original } = this.eraser;
    const another = this.eraser.source !== source || original.height !== image.height || original.width !== image.width;
    if (another || !this.state.erase) {
      this.erased = null;
      if (this.eraser.share || another) this.eraser.start(image);
      this.eraser.source = source;
    }
    canvas.hidden = !this.state.erase;
    this.controls.showEraser(this.state.erase, this.eraser);
  }

  #rubbed(image) {
    this.erased = this.eraser.share ? image : null;
    this.sides[0].showImage(image);
    this.controls.showEraser(this.state.erase, this.eraser);
    if (this.state.erase) this.#ask();
  }

  /** The image of a side with the places rubbed out; the other network's image may be of another size. */
  #rubbedImage(whole, n, { input }) {
    if (!this.erased) return whole[n];
    const same = this.erased.height === whole[n].height && this.erased.width === whole[n].width && this.erased.channels === whole[n].channels;
    return same ? this.erased : fitPicture(this.erased, input);
  }

  /** The scores of the whole image, which the bars are held against. */
  async #compareWithWhole(asked, whole, descriptions) {
    this.shown.before = null;
    if (!this.erased) return;
    const key = asked.map(({ network }) => network).join() + this.state.question + this.state.words;
    if (this.wholeScores?.key !== key || this.wholeScores.source !== this.eraser.source) {
      const scores = [];
      for (const [n, { network }] of asked.entries())
        scores.push(await this.networks.engine.ask({ network, image: whole[n], ...this.#question(descriptions[n]), choices: [] }));
      this.wholeScores = { key, source: this.eraser.source, scores };
    }
    this.shown.before = this.wholeScores.scores;
  }

  // --- what is seen

  /** Controls, thumbnails and the address follow what is asked, before there is an answer. */
  #follow() {
    const { state } = this;
    this.#remember();
    this.controls.show();
    const own = this.own ? [{ id: OWN, src: this.own.src, name: bothLanguages(this.own.drawn ? "ownDrawing" : "ownPicture") }] : [];
    if (this.images) drawThumbnails([...own, ...this.images], state.image, this.language, id => this.change({ image: id }));
    document.body.classList.toggle("comparing", state.sides.length > 1);
    document.body.classList.toggle("erasing", state.erase);
    const preset = catalog.presets.find(({ id }) => id === state.preset);
    of("task").hidden = !preset;
    of("task").textContent = preset ? this.language === "ko" ? preset.question_ko : preset.question : "";
  }

  /** Writes the address. Safari takes a hundred in half a minute; what is too many is written a little later. */
  #remember() {
    const { state } = this, shared = { ...state, image: state.image === OWN ? this.images?.[0]?.id ?? "" : state.image };
    clearTimeout(this.later);
    try {
      history.replaceState(null, "", `#${toAddress(shared, this.language)}`);
    } catch {
      this.later = setTimeout(() => this.#remember(), 1_000);
    }
  }

  #show() {
    const { sides } = this.shown, scales = sides.map(({ answer }) => this.#scale(answer));
    const common = this.state.common && sides.length > 1 && new Set(sides.map(({ answer }) => answer.pixels)).size === 1;
    this.sides[1].box.hidden = sides.length < 2;
    sides.forEach((side, n) => this.sides[n].show({
      image: side.image, boxes: this.state.boxes ? boxesOn(side) : [], input: side.description.input, answer: side.answer,
      ...this.#layerOf(side), opacity: this.state.opacity, tables: catalog.colours, title: this.titleOf(side), words: this.words, name: this.#imageName(),
      tops: common ? { overlay: Math.max(...scales.map(({ overlay }) => overlay)), map: Math.max(...scales.map(({ map }) => map)) } : scales[n],
    }));
    this.#showCaption();
    this.showScores();
    this.#say(this.#sentence());
  }

  /** The words of the caption as buttons; of the one that is chosen, scores and map are shown. */
  #showCaption() {
    const [{ caption, description }] = this.shown.sides, box = of("caption"), focused = box.contains(document.activeElement);
    box.hidden = !caption;
    if (!caption) return;
    const end = caption.indexOf(description.question.end), words = caption.slice(0, end < 0 ? caption.length : end);
    box.replaceChildren(...words.map((word, t) => {
      const chosen = t === this.state.words, button = make("button", { type: "button", textContent: description.classes[word], "aria-pressed": String(chosen),
        tabIndex: chosen || (t === 0 && this.state.words >= words.length) ? 0 : -1, lang: "en" });
      button.addEventListener("click", () => this.change({ words: t }));
      return button;
    }));
    if (focused) (box.children[this.state.words] ?? box.firstChild).focus();
  }

  #imageName() {
    const { image } = this.shown;
    return image.own ? this.words[this.own?.drawn ? "ownDrawing" : "ownPicture"] : image.name[this.language];
  }

  #scale(answer) {
    return { overlay: largest(evidenceOf(answer)), map: answer.pixels ? signedPicture(answer).scale : largest(answer.values) };
  }

  /** Where the answer's cells look, and what they see. */
  #layerOf({ answer, description }) {
    const layer = description.layers.find(({ name }) => name === answer.layer) ??
      description.layers.find(({ height, width }) => height === answer.height && width === answer.width);
    return { cells: answer.cells ?? layer?.cells ?? null, field: layer?.field ?? null };
  }

  showScores() {
    const { sides, before } = this.shown, [{ description }] = sides;
    const same = sides.length > 1 && sides[1].scores.length === sides[0].scores.length &&
      String(sides[1].description.classes) === String(description.classes) && sides[1].network !== sides[0].network;
    const results = same ? sides : sides.slice(0, 1);
    drawScores({ names: description.classes.map((_, c) => this.className(description, c)), results, before, sigmoid: description.sigmoid,
      chosen: sides.map(({ side }) => side.class), words: this.words }, c => this.changeSide(0, { class: c }));
    document.body.classList.toggle("rubbed", Boolean(before));
  }

  titleOf({ answer, description, side }) {
    const method = answer.method, values = { method, layer: answer.layer, class: this.className(description, answer.classIndex) };
    const several = this.state.sides.length > 1 && this.state.sides[0].network !== this.state.sides[1].network;
    const title = filled(WITHOUT_LAYER.includes(method) ? this.words.titleWithout : this.words.titleOf, values);
    return (several ? `${this.controls.shortTitle(side.network)}: ` : "") + title + (side.dice ? this.words.byDice : "");
  }

  #sentence() {
    const { words } = this, [first] = this.shown.sides;
    const read = filled(words.readAs, { class: this.#read(this.className(first.description, first.predicted)), percent: percentOf(first.probabilities[first.predicted], words) });
    return [read, ...this.shown.sides.map((side, n) => this.#mapInWords(side, n))].join(" ");
  }

  #read(name) {
    return this.language === "ko" ? towards(name) : name;
  }

  #mapInWords(side, n) {
    const { answer } = side, title = this.shown.sides.length > 1 ? this.words[n ? "right" : "left"] : this.titleOf(side), evidence = evidenceOf(answer), peak = largest(evidence);
    if (!peak) return filled(this.words.mapEmpty, { title });
    const { cells } = this.#layerOf(side), [i, j] = this.sides[n].strongest, { input } = side.description;
    const third = (k, axis, count, pixels) => {
      const place = cells && !answer.pixels ? cells.stride[axis] * k + cells.offset[axis] + 0.5 : (k + 0.5) * pixels / count;
      return Math.min(2, Math.max(0, Math.floor(3 * place / pixels)));
    };
    const place = this.words.places[3 * third(i, 0, answer.height, input.height) + third(j, 1, answer.width, input.width)];
    return filled(this.words.mapSays, { title, height: answer.height, width: answer.width, peak: short(peak), place,
      cells: answer.pixels ? this.words.pixels : this.words.cells });
  }

  #pointed(n, sentence, cell) {
    of("cell").textContent = sentence || this.words.cellHint;
    if (n === 0 && this.opened) this.#drawFormula(cell);
  }

  // --- the formula

  async #openFormula() {
    const [first] = this.shown.sides, { answer, network, image, description } = first;
    const open = this.state.channels !== null;
    of("formula").hidden = !open;
    this.opened = null;
    if (!open) return;
    if (!WITH_FORMULA.includes(answer.method)) return of("formula").replaceChildren(make("p", { textContent: this.words.formulaNot }));
    this.opened = await this.networks.engine.open({ network, image, ...this.#question(description), layer: answer.layer,
      classIndex: answer.classIndex, method: answer.method, count: STRONGEST });
    this.openedFor = { method: answer.method, class: answer.classIndex, description };
    this.#drawFormula(this.sides[0].cell);
  }

  #drawFormula(cell) {
    const { channels } = this.state, { method, class: asked, description } = this.openedFor;
    const shown = { opened: this.opened, method, className: this.className(description, asked), cell,
      count: channels > STRONGEST ? null : channels, tables: catalog.colours, words: this.words };
    drawFormula(shown, count => {
      this.state.channels = count ?? STRONGEST + 1;
      this.#follow();
      this.#drawFormula(this.sides[0].cell);
    });
  }

  toggleFormula() {
    this.change({ channels: this.state.channels === null ? STRONGEST + 1 : null }, true);
  }

  // --- words

  #loadingText(name) {
    return filled(this.words.loadingNetwork, { network: this.controls.networkTitle(name) });
  }

  #say(sentence, loading = false) {
    of("status").textContent = sentence;
    of("status").classList.remove("wrong");
    of("progress").hidden = !loading;
  }

  #complain(error) {
    const sentence = this.words[error.message] ?? filled(this.words.wrong, { error: error.message });
    this.#say(sentence);
    of("squeezenet-status").textContent = sentence;
    of("status").classList.add("wrong");
  }

  speak(language) {
    this.language = language;
    document.documentElement.lang = language;
    const { words } = this;
    document.title = words.title;
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
    for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[element.dataset.label]);
    for (const element of document.querySelectorAll("[data-title]")) element.title = words[element.dataset.title];
    for (const [id, text] of [["paper", words.padLabel], ["eraser", words.eraserLabel]]) of(id).setAttribute("aria-label", text);
    of("cell").textContent = words.cellHint;
    Object.assign(of("language"), language === "ko" ? { textContent: "English", lang: "en" } : { textContent: "한국어", lang: "ko" });
    this.controls.name();
    this.#follow();
    if (this.shown) this.#show(), this.opened && this.#drawFormula(null);
  }

  save() {
    const { sides: [first], before } = this.shown, { description } = first;
    const order = [...description.classes.keys()].sort((a, b) => first.scores[b] - first.scores[a]).slice(0, 10);
    saveFigure(this.shown.sides.map((side, n) => this.sides[n].forSaving()), (description.classes.length > 10 ? order : order.sort((a, b) => a - b)).map(c => ({
      name: this.className(description, c), share: first.probabilities[c], asked: c === first.answer.classIndex,
      text: `${percentOf(first.probabilities[c], this.words)}   ${before ? `${tenths(before[0].scores[c])} → ` : ""}${tenths(first.scores[c])}` })),
    this.words, this.shown.sides.map(side => this.titleOf(side)).join("-"));
  }

  link() {
    showAddress(location.href, this.state.image === OWN, this.words);
  }

  // --- the beginning

  start() {
    receive();
    prepareScores();
    prepareThumbnails();
    roving(of("caption"));
    prepareSqueezenet(this);
    this.controls.listen();
    of("squeezenet").addEventListener("close", () => { this.#awaited = null; });
    this.#readAddress();
    addEventListener("hashchange", () => this.#readAddress());
  }

  #readAddress() {
    const address = location.hash.slice(1), asked = new URLSearchParams(address).get("lang");
    const known = { networks: [...catalog.networks.map(({ name }) => name), ...(this.networks.has("squeezenet") ? ["squeezenet"] : [])],
      presets: catalog.presets.map(({ id }) => id) };
    this.state = fromAddress(address, known);
    this.descriptions = null;
    this.speak(Object.hasOwn(texts, asked) ? asked : navigator.language.startsWith("ko") ? "ko" : "en");
    this.#ask();
    if (!/(^|&)network=squeezenet(&|$)/.test(address) || this.networks.has("squeezenet")) return;
    this.#awaited = address;            // what was asked of it is shown once its file is there
    if (!of("squeezenet").open) of("squeezenet").showModal();
  }
}

const bothLanguages = key => Object.fromEntries(Object.entries(texts).map(([language, words]) => [language, words[key]]));

/** Boxes of the listed image in the pixels of the image that is shown, which may be of another size. */
function boxesOn({ boxes, size, image }) {
  if (!boxes.length) return [];
  const wider = image.width / size.width, higher = image.height / size.height;
  return boxes.map(([x0, y0, x1, y1]) => [x0 * wider, y0 * higher, x1 * wider, y1 * higher]);
}

/** A small PNG of a picture, for its thumbnail. */
function addressOf({ values, height, width, channels }) {
  const canvas = make("canvas", { height, width }), context = canvas.getContext("2d"), pixels = context.createImageData(width, height);
  for (let n = 0; n < height * width; n++)
    for (let c = 0; c < 4; c++) pixels.data[4 * n + c] = c === 3 ? 255 : Math.round(255 * values[n * channels + (channels === 1 ? 0 : c)]);
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL("image/png");
}

new Page().start();
