// The formula opened: the strongest channels A^k, their α_k, and the running sum as it becomes the map.

import { colourOf, largest, short } from "./colours.js";
import { make, math, of } from "./making.js";

export const STRONGEST = 8;         // channels that are shown, and that the slider counts
export const WITH_FORMULA = ["Grad-CAM", "CAM", "HiResCAM"];

/**
 * Draws the panel. shown: {opened: of engine.open, method, className, count: channels in the running sum or null for all, cell:
 * [row, column] or null, tables, words}; onCount(count or null) is called as the slider moves.
 */
export function drawFormula({ opened, method, className, count, cell, tables, words }, onCount) {
  const { channels, sums, total } = opened, panel = of("formula"), all = count === null || count > channels.length;
  const sum = all ? total : count ? sums[count - 1] : new Float32Array(total.length);
  const slider = make("input", { type: "range", min: 0, max: channels.length + 1, value: all ? channels.length + 1 : count,
    "aria-label": words.channelsLabel, "aria-valuetext": counted(all, count, words) });
  slider.addEventListener("input", () => onCount(slider.value > channels.length ? null : Number(slider.value)));
  const focused = panel.querySelector("input") === document.activeElement;
  const strip = panel.querySelector(".strip")?.scrollLeft ?? 0;
  panel.replaceChildren(head(method, opened, words),
    make("div", { className: "count" }, make("label", {}, make("span", { textContent: words.channels }), slider,
      make("output", { textContent: counted(all, count, words) }))),
    make("div", { className: "strip", tabIndex: 0, role: "group", "aria-label": words.strip }, ...channels.map((channel, n) => term(channel, n, { opened, method, used: all || n < count, cell, tables })),
      total.length ? make("div", { className: "rest", textContent: all ? words.andTheRest : "" }) : "",
      ...results(sum, { opened, method, className, all, cell, tables, words })),
    make("p", { className: "numbers" }, numbers({ opened, method, all, count, cell, sum, words })));
  panel.querySelector(".strip").scrollLeft = strip;
  if (focused) slider.focus();
}

const counted = (all, count, words) => all ? words.allChannels : words.ofChannels.replace("{count}", count);

/** The formula itself, and what α is. */
function head(method, { Z }, words) {
  const sup = (base, above) => ["msup", ["mi", base], ["mi", above]], sum = ["munder", ["mo", "∑"], ["mi", "k"]];
  const cells = ["munder", ["mo", "∑"], ["mrow", ["mi", "i"], ["mo", ","], ["mi", "j"]]];
  const slope = ["mfrac", ["mrow", ["mo", "∂"], sup("y", "c")],
    ["mrow", ["mo", "∂"], ["msubsup", ["mi", "A"], ["mrow", ["mi", "i"], ["mi", "j"]], ["mi", "k"]]]];
  const weight = name => ["msubsup", ["mi", name], ["mi", "k"], ["mi", "c"]];
  const formula = {
    "Grad-CAM": ["math", ["mrow", sup("L", "c"), ["mo", "="], ["mi", "ReLU"], ["mo", "("], sum, weight("α"), sup("A", "k"), ["mo", ")"],
      ["mo", ","], ["mspace"], weight("α"), ["mo", "="], ["mfrac", ["mn", "1"], ["mn", String(Z)]], cells, slope]],
    "CAM": ["math", ["mrow", sup("L", "c"), ["mo", "="], sum, weight("w"), sup("A", "k")]],
    "HiResCAM": ["math", ["mrow", sup("L", "c"), ["mo", "="], sum, slope, ["mo", "⊙"], sup("A", "k")]],
  }[method];
  return make("div", { className: "head" }, math(formula), make("p", { className: "quiet", textContent: words[`formula${method.replace("-", "")}`] }));
}

function term({ k, alpha, A }, n, { opened, method, used, cell, tables }) {
  const numeric = method === "HiResCAM" ? "" : `${alpha < 0 ? "− " : n ? "+ " : ""}${short(Math.abs(alpha))}`;
  const box = make("figure", { className: used ? "term" : "term unused" },
    make("span", { className: alpha < 0 ? "alpha against" : "alpha", textContent: numeric || (n ? "+" : "") }),
    tile(A, opened, largest(A), tables.evidence, false, cell), make("figcaption", {}, math(["math", ["msup", ["mi", "A"], ["mn", String(k)]]])));
  return box;
}

function results(sum, { opened, method, className, all, cell, tables, words }) {
  const top = largest(opened.total) || 1, figure = (picture, caption, sign) => make("figure", { className: "term result" },
    make("span", { className: "alpha", textContent: sign }), picture, make("figcaption", { textContent: caption }));
  const before = figure(tile(sum, opened, top, tables.signed, true, cell), all ? words.wholeSum : words.runningSum, "=");
  if (method !== "Grad-CAM") return [before];
  const map = sum.map(value => Math.max(0, value));
  return [before, figure(tile(map, opened, largest(opened.total.map(value => Math.max(0, value))), tables.evidence, false, cell),
    all ? words.theMap.replace("{class}", className) : words.mapSoFar, "ReLU →")];
}

/** A small picture of h×w numbers; the cell that is pointed at is outlined. */
function tile(values, { height, width }, top, table, signed, cell) {
  const canvas = make("canvas", { width, height, "aria-hidden": "true" }), context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  values.forEach((value, n) => pixels.data.set([...colourOf(value, top, table, signed), 255], 4 * n));
  context.putImageData(pixels, 0, 0);
  const box = make("span", { className: "tile", style: `--ratio:${width / height}` }, canvas);
  if (cell) box.append(make("i", { style: `left:${100 * cell[1] / width}%;top:${100 * cell[0] / height}%;width:${100 / width}%;height:${100 / height}%` }));
  return box;
}

/** The sum in true numbers: at the cell that is pointed at, or at the map's strongest. */
function numbers({ opened, method, all, count, cell, sum, words }) {
  const { width, channels, total } = opened, strongest = total.indexOf(total.reduce((a, b) => Math.max(a, b), -Infinity));
  const at = cell ? cell[0] * width + cell[1] : strongest;
  const place = (cell ? words.atCell : words.atStrongest).replace("{row}", Math.floor(at / width) + 1).replace("{column}", at % width + 1);
  const used = channels.slice(0, all ? channels.length : count);
  if (method === "HiResCAM") return `${place}: ${short(sum[at])}`;
  const terms = used.slice(0, 4).map(({ alpha, A }, n) =>
    `${n ? (alpha < 0 ? " − " : " + ") : alpha < 0 ? "−" : ""}${short(Math.abs(alpha))} · ${short(A[at])}`).join("");
  const more = used.length > 4 || all ? " + …" : "", relu = method === "Grad-CAM" ? `  →  ReLU  →  ${short(Math.max(0, sum[at]))}` : "";
  return `${place}: ${terms || "0"}${more} = ${short(sum[at])}${relu}`;
}
