// The class scores as bars, each a button that asks for its class.

import { make, of, roving } from "./making.js";

const LISTED = 10;

/**
 * Draws the bars. shown: {names, results: one or two {scores, probabilities, predicted}, before: the same before the eraser or
 * null, chosen: [class or null a side], sigmoid, words}; onChoose(class or null) is called with the class that is asked for.
 *
 * The bar is the probability, the number beside it the score; of a thousand classes the ten best are listed. Two networks have two
 * bars a class; what the eraser changed is seen as the outline of the bar before.
 */
export function drawScores({ names, results, before, chosen, sigmoid, words }, onChoose) {
  of("scores-title").textContent = sigmoid ? words.scoresEach : words.scores;
  const bars = of("bars"), focused = bars.contains(document.activeElement) ? document.activeElement.dataset.class : null;
  const rows = listed(results).map(c => row({ c, name: names[c], results, before, chosen, words }, onChoose));
  const automatic = make("button", { type: "button", className: "automatic", "data-class": "", "aria-pressed": String(chosen[0] === null),
    textContent: words.askPredicted });
  automatic.addEventListener("click", () => onChoose(null));
  bars.replaceChildren(automatic, ...rows);
  of("bars-hint").textContent = [words.barsHint, results.length > 1 && words.barsTwo, before && words.barsErased].filter(Boolean).join(" ");
  const buttons = [...bars.querySelectorAll("button")], pressed = buttons.find(button => button.getAttribute("aria-pressed") === "true");
  for (const button of buttons) button.tabIndex = button === (pressed ?? buttons[0]) ? 0 : -1;
  if (focused !== null) buttons.find(button => button.dataset.class === focused)?.focus();
}

/** Arrow keys move from class to class; to be called once. */
export function prepareScores() {
  of("bars").setAttribute("role", "group");
  of("bars").setAttribute("aria-labelledby", "scores-title");
  roving(of("bars"));
}

function listed([{ scores }]) {
  const all = [...scores.keys()];
  return all.length <= LISTED ? all : all.sort((a, b) => scores[b] - scores[a]).slice(0, LISTED);
}

function row({ c, name, results, before, chosen, words }, onChoose) {
  const predicted = results.map(({ predicted }, n) => predicted === c ? n : -1).filter(n => n >= 0);
  const lines = results.map((result, n) => line(result, before?.[n], c, words));
  const asked = chosen.map((each, n) => (each ?? results[Math.min(n, results.length - 1)].predicted) === c);
  const button = make("button", { type: "button", "data-class": c, "aria-pressed": String(chosen[0] === c) },
    make("span", { className: "name", textContent: name }),
    make("span", { className: "mark", textContent: predictedBy(predicted, results.length, words) }), make("span", { className: "lines" }, ...lines));
  button.classList.toggle("asked", asked[0]);
  button.classList.toggle("asked-other", Boolean(asked[1]));
  button.addEventListener("click", () => onChoose(c));
  return button;
}

function predictedBy(sides, count, words) {
  if (!sides.length) return "";
  return sides.length < count ? `${words.predicted}: ${sides[0] ? words.right : words.left}` : words.predicted;
}

function line({ scores, probabilities }, before, c, words) {
  const bar = make("span", { className: "bar" }, make("i", { style: `width:${100 * probabilities[c]}%` }));
  if (before) bar.append(make("b", { style: `width:${100 * before.probabilities[c]}%` }));
  const percent = percentOf(probabilities[c], words);
  return make("span", { className: "line" }, bar, make("span", { className: "percent", textContent: percent }),
    make("span", { className: "score", textContent: before ? `${tenths(before.scores[c])} → ${tenths(scores[c])}` : tenths(scores[c]) }));
}

/** A score with one digit behind the point, and no minus before a zero. */
export function tenths(value) {
  return value.toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−");
}

/** A probability as one reads it: "97 %", "< 1 %"; in Korean "97%". */
export function percentOf(probability, { percent: sign }) {
  const percent = 100 * probability;
  if (percent > 0 && percent < 0.5) return `< 1${sign}`;
  return percent > 99.5 && percent < 100 ? `> 99${sign}` : `${Math.round(percent)}${sign}`;
}
