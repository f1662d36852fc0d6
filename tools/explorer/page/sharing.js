// The page as it is, to hand on: its address with a QR code, and the figure as a PNG.

import { draw, make, of } from "./making.js";
import { qrMatrix } from "./qr.js";

/** Opens the dialog with the page's address. own: whether a picture is shown that the address cannot carry. */
export function showAddress(address, own, words) {
  of("address").value = address;
  try {
    of("qr").replaceChildren(qrPicture(qrMatrix(address), words.qrLabel));
  } catch {
    of("qr").replaceChildren(words.addressTooLong);
  }
  const notes = [own && words.shareOwn, address.startsWith("file:") && words.shareFile].filter(Boolean);
  of("share-note").textContent = notes.join(" ");
  of("share-note").hidden = !notes.length;
  of("share").showModal();
}

/** Dark on white whatever the page's colours are, with the margin of four modules that readers need. */
function qrPicture(rows, label) {
  const side = rows.length + 8;
  const dark = rows.flatMap((row, i) => row.map((on, j) => on ? `M${j + 4} ${i + 4}h1v1h-1z` : "")).join("");
  return draw("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    draw("rect", { width: side, height: side, fill: "#fff" }), draw("path", { d: dark, fill: "#000" }));
}

const HEIGHT = 420, GAP = 24, LINE = 26, FONT = "18px system-ui, sans-serif";

/** Saves a PNG: for each side title, image with map, map alone and its scale; the class scores below. */
export function saveFigure(sides, scores, words, name) {
  const pictures = sides.map(side => side.pictures.map(canvas => [canvas, HEIGHT * side.aspect]));
  const width = 2 * GAP + Math.max(520, ...pictures.map(pair => pair.reduce((sum, [, wide]) => sum + wide + GAP, -GAP)));
  const height = GAP + sides.length * (HEIGHT + 3.5 * LINE) + LINE * (scores.length + 2);
  const canvas = make("canvas", { width: Math.ceil(width), height: Math.ceil(height) }), context = canvas.getContext("2d");
  Object.assign(context, { fillStyle: "#fff", textBaseline: "top", font: FONT });
  context.fillRect(0, 0, width, height);
  let y = GAP;
  sides.forEach((side, n) => { y = saveSide(context, side, pictures[n], y, words); });
  saveScores(context, scores, y);
  canvas.toBlob(blob => {
    const link = make("a", { href: URL.createObjectURL(blob), download: `${name.replace(/[^\p{L}\p{N}]+/gu, "-")}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

function saveSide(context, side, pictures, y, words) {
  context.fillStyle = "#1f2328";
  context.fillText(side.title, GAP, y);
  let x = GAP;
  for (const [picture, width] of pictures) {
    context.imageSmoothingEnabled = !picture.classList.contains("squares");
    context.drawImage(picture, x, y + LINE, width, HEIGHT);
    x += width + GAP;
  }
  const left = x - GAP - pictures[1][1], bottom = y + LINE + HEIGHT + 6;
  context.drawImage(side.bar, left, bottom, pictures[1][1], 10);
  context.fillStyle = "#1f2328";
  context.fillText(side.low, left, bottom + 14);
  context.textAlign = "right";
  context.fillText(side.high, left + pictures[1][1], bottom + 14);
  context.textAlign = "left";
  return y + HEIGHT + 3.5 * LINE;
}

function saveScores(context, scores, y) {
  const names = Math.max(...scores.map(({ name }) => context.measureText(name).width));
  scores.forEach(({ name, share, text, asked }, n) => {
    context.fillStyle = "#1f2328";
    context.fillText(name, GAP, y + n * LINE);
    context.fillStyle = asked ? "#D55E00" : "#0072B2";
    context.fillRect(GAP + names + 12, y + n * LINE + 3, Math.max(1, 220 * share), 14);
    context.fillStyle = "#1f2328";
    context.fillText(text, GAP + names + 244, y + n * LINE);
  });
}
