// The controls: they show the page's state, and change it.

import { catalog } from "./catalog.js";
import { fill, make, of } from "./making.js";
import { listed } from "./networks.js";

export const WITHOUT_LAYER = ["CAM", "guided backprop", "deconvnet", "gradient-weighted rollout"];
const DICE = 1_000;                 // so many heads there are to throw

export class Controls {
  constructor(page) {
    this.page = page;
    this.rows = [0, 1].map(n => this.#makeRow(n));
    of("choices").append(...this.rows.map(({ box }) => box));
    this.question = this.#makeQuestion();
    of("choices").append(this.question.box);
  }

  // --- made once

  #makeRow(n) {
    const end = n ? "2" : "", row = { n, labels: {} };
    const labelled = (key, control, id) => {
      row.labels[key] = make("span");
      return make("label", { className: key }, row.labels[key], Object.assign(control, { id: id + end }));
    };
    Object.assign(row, { network: make("select"), method: make("select"), layer: make("select"), class: make("select"), dice: make("select"),
      again: make("button", { type: "button", id: `again${end}` }) });
    row.heading = make("strong");
    row.fixed = make("span", { className: "fixed" });
    row.box = make("div", { className: `row choice side-choice${n ? " second" : ""}`, role: "group" }, row.heading,
      n ? labelled("network", row.network, "network") : row.fixed, labelled("method", row.method, "method"), labelled("layer", row.layer, "layer"),
      labelled("class", row.class, "class"), labelled("head", row.dice, "dice"), make("span", { className: "again" }, row.again));
    if (!n) row.network = of("network");
    return row;
  }

  #makeQuestion() {
    const kind = make("select", { id: "kind" }), colour = make("select", { id: "colour" }), labels = [make("span"), make("span")];
    return { kind, colour, labels, box: make("div", { className: "row choice", id: "question", role: "group" },
      make("label", {}, labels[0], kind), make("label", {}, labels[1], colour)) };
  }

  listen() {
    const { page } = this;
    for (const { n, network, method, layer, class: class_, dice, again } of this.rows) {
      network.addEventListener("change", () => network.value === "squeezenet" && !page.networks.has("squeezenet") ?
        (this.show(), of("squeezenet").showModal()) : page.changeSide(n, { network: network.value }));
      method.addEventListener("change", () => page.changeSide(n, { method: method.value }));
      layer.addEventListener("change", () => page.changeSide(n, { layer: layer.value || null }));
      class_.addEventListener("change", () => page.changeSide(n, { class: class_.value === "" ? null : Number(class_.value) }));
      dice.addEventListener("change", () => page.changeSide(n, { dice: Number(dice.value) }));
      again.addEventListener("click", () => page.changeSide(n, { dice: page.state.sides[n].dice % DICE + 1 }));
    }
    for (const select of [this.question.kind, this.question.colour])
      select.addEventListener("change", () => page.change({ question: [Number(this.question.kind.value), Number(this.question.colour.value)] }));
    of("opacity").addEventListener("input", () => page.setOpacity(of("opacity").value / 100));
    of("boxes").addEventListener("change", () => page.redraw({ boxes: of("boxes").checked }));
    of("common").addEventListener("change", () => page.redraw({ common: of("common").checked }));
    of("compare").addEventListener("click", () => page.compare());
    of("formula-button").addEventListener("click", () => page.toggleFormula());
    this.#listenToEraser();
    this.#listenToPictures();
    this.#listenToTools();
    this.#makePresets();
  }

  #listenToEraser() {
    const { page } = this;
    of("erase").addEventListener("click", () => page.setErasing(!page.state.erase));
    of("undo").addEventListener("click", () => page.eraser.undo());
    of("reset").addEventListener("click", () => page.eraser.reset());
    of("fill").addEventListener("change", () => { page.eraser.fill = of("fill").value; });
  }

  #listenToPictures() {
    const { page } = this;
    of("draw").addEventListener("click", () => {
      of("pad").hidden = !of("pad").hidden;
      of("draw").setAttribute("aria-expanded", String(!of("pad").hidden));
      if (!of("pad").hidden) of("paper").focus();
    });
    of("clear").addEventListener("click", () => page.pad.clear());
    of("open-file").addEventListener("click", () => of("file").click());
    of("file").addEventListener("change", () => {
      const files = [...of("file").files];
      of("file").value = "";
      page.takeFiles(files);
    });
    of("photo").addEventListener("click", () => page.photograph());
    addEventListener("paste", event => event.clipboardData.files.length && page.takeFiles([...event.clipboardData.files]));
    addEventListener("dragover", event => { event.preventDefault(); document.body.classList.add("dropping"); });
    addEventListener("dragleave", event => event.relatedTarget === null && document.body.classList.remove("dropping"));
    addEventListener("drop", event => {
      event.preventDefault();
      document.body.classList.remove("dropping");
      if (event.dataTransfer.files.length) page.takeFiles([...event.dataTransfer.files]);
    });
  }

  #listenToTools() {
    const { page } = this, root = document.documentElement;
    of("language").addEventListener("click", () => page.speak(page.language === "en" ? "ko" : "en"));
    of("theme").addEventListener("click", () => {
      const dark = getComputedStyle(root).colorScheme === "dark";
      root.dataset.theme = dark ? "light" : "dark";
    });
    of("link").addEventListener("click", () => page.link());
    of("save").addEventListener("click", () => page.shown && page.save());
    of("copy").addEventListener("click", async () => {
      of("address").select();
      await navigator.clipboard?.writeText(of("address").value).catch(() => {});
      of("copy").textContent = page.words.copied;
      setTimeout(() => { of("copy").textContent = page.words.copy; }, 2_000);
    });
  }

  #makePresets() {
    of("presets").append(...catalog.presets.map(preset => {
      const button = make("button", { type: "button", "data-preset": preset.id });
      button.addEventListener("click", () => this.page.choosePreset(preset));
      return button;
    }));
  }

  // --- shown whenever something changes

  /** Names in the page's language. */
  name() {
    const { words, language } = this.page;
    for (const { n, labels, heading, again, box } of this.rows) {
      for (const [key, label] of Object.entries(labels)) label.textContent = words[key];
      heading.textContent = n ? words.right : words.left;
      again.textContent = words.again;
      box.setAttribute("aria-label", n ? words.right : words.left);
    }
    [words.question, words.questionColour].forEach((text, n) => { this.question.labels[n].textContent = text; });
    this.question.box.setAttribute("aria-label", words.question);
    for (const button of of("presets").children) {
      const preset = catalog.presets.find(({ id }) => id === button.dataset.preset);
      button.textContent = language === "ko" ? preset.title_ko : preset.title;
    }
  }

  show() {
    const { state, descriptions, words } = this.page;
    fill(of("network"), this.#networkOptions(), state.sides[0].network);
    this.rows.forEach((row, n) => this.#showRow(row, state.sides[n], descriptions?.[n]));
    this.showOpacity(state.opacity);
    of("boxes").checked = state.boxes;
    of("boxes").disabled = !this.page.images?.some(({ id, boxes }) => id === state.image && boxes?.length);
    of("common").checked = state.common;
    of("common-label").hidden = state.sides.length < 2;
    pressed(of("compare"), state.sides.length > 1);
    pressed(of("erase"), state.erase);
    pressed(of("formula-button"), state.channels !== null);
    of("eraser-tools").hidden = !state.erase;
    of("draw").hidden = listed(state.sides[0].network)?.group !== "digits";
    if (of("draw").hidden) of("pad").hidden = true, of("draw").setAttribute("aria-expanded", "false");
    for (const button of of("presets").children) pressed(button, button.dataset.preset === state.preset);
    this.#showQuestion(state, words);
  }

  showOpacity(opacity) {
    of("opacity").value = Math.round(100 * opacity);
    of("opacity-value").textContent = `${Math.round(100 * opacity)}${this.page.words.percent}`;
  }

  #networkOptions() {
    const { language, words } = this.page, groups = Object.entries(catalog.groups);
    return groups.map(([group, korean]) => ({ label: language === "ko" ? korean : group, options: [
      ...catalog.networks.filter(network => network.group === group).map(({ name, title }) => [name, title[language]]),
      ...(group === "photographs" ? [["squeezenet", words.squeezenetName]] : [])] }));
  }

  networkTitle(name) {
    const { language, words } = this.page;
    return listed(name)?.title[language] ?? words.squeezenetName.replace(" …", "");
  }

  /** Without the kind of images, which both sides share. */
  shortTitle(name) {
    return this.networkTitle(name).replace(/^[^:]*: /, "");
  }

  #showRow(row, side, description) {
    row.box.hidden = !side;
    row.heading.hidden = row.fixed.hidden = this.page.state.sides.length < 2;
    row.fixed.textContent = side ? this.shortTitle(side.network) : "";
    if (!side) return;
    const { words, state } = this.page, group = listed(state.sides[0].network)?.group ?? "photographs";
    if (row.n) fill(row.network, [...catalog.networks.filter(network => network.group === group).map(({ name }) => [name, this.shortTitle(name)]),
      ...(this.page.networks.has("squeezenet") && group === "photographs" ? [["squeezenet", this.shortTitle("squeezenet")]] : [])], side.network);
    if (!description || (description.name !== side.network)) return;
    fill(row.method, description.methods.map(method => [method, method]), side.method);
    fill(row.layer, [["", `${words.lastLayer} (${description.layers.at(-1).name})`], ...description.layers.slice(0, -1).map(({ name }) => [name, name])], side.layer ?? "");
    row.layer.disabled = WITHOUT_LAYER.includes(side.method);
    if (row.layer.disabled) fill(row.layer, [["", words.noLayer]], "");
    const order = this.#listedClasses(row.n, description);
    fill(row.class, [["", words.askPredicted], ...order.map(c => [c, this.page.className(description, c)])], side.class ?? "");
    fill(row.dice, [[0, words.trained], [side.dice || 1, words.thrown]], side.dice);
    row.dice.parentElement.hidden = state.sides.length < 2;
    row.again.parentElement.hidden = state.sides.every(({ dice }) => !dice);
    row.again.hidden = !side.dice;
  }

  /** All classes, or of many the ten best of this image and the one that is asked for. */
  #listedClasses(n, { classes }) {
    const all = [...classes.keys()], scores = this.page.shown?.sides[n]?.scores, asked = this.page.state.sides[n].class;
    if (classes.length <= 20 || scores?.length !== classes.length) return classes.length <= 20 ? all : asked === null ? [] : [asked];
    const best = all.sort((a, b) => scores[b] - scores[a]).slice(0, 10);
    return asked === null || best.includes(asked) ? best : [...best, asked];
  }

  #showQuestion(state, words) {
    const { language } = this.page, { colours, colours_ko: korean } = catalog.questions;
    this.question.box.hidden = state.sides.every(({ network }) => network !== "scene_answers");
    fill(this.question.kind, words.kinds.map((text, n) => [n, text]), state.question[0]);
    fill(this.question.colour, colours.map((name, n) => [n, language === "ko" ? korean[name] : name]), state.question[1]);
  }

  showEraser(on, eraser) {
    of("undo").disabled = !eraser.canUndo;
    of("reset").disabled = !eraser.share;
  }
}

function pressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
}
