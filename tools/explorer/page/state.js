// What is asked, and the same as the part of the page's address behind the #: whoever has the address sees the same page.

export const SIDE = { network: "neu_gap", method: "Grad-CAM", layer: null, class: null, dice: 0 };
const FIRST = { image: "steel-5", opacity: 0.5, boxes: false, common: true, channels: null, question: [0, 0], words: 0, erase: false, preset: null };

/** A new state: one side, nothing opened. `sides` has one entry, or two that are compared. */
export function firstState() {
  return { ...FIRST, question: [...FIRST.question], sides: [{ ...SIDE }] };
}

/** The state as "network=neu_gap&image=steel-5&…"; what is as at first is left out, except network and image. */
export function toAddress(state, language) {
  const all = new URLSearchParams({ lang: language });
  state.sides.forEach((side, n) => {
    const end = n ? "2" : "";
    for (const [key, value] of Object.entries(side))
      if (key === "network" || value !== SIDE[key]) all.set(key + end, value);
  });
  all.set("image", state.image);
  if (state.opacity !== FIRST.opacity) all.set("opacity", state.opacity);
  if (state.boxes) all.set("boxes", 1);
  if (!state.common) all.set("scale", "own");
  if (state.channels !== null) all.set("channels", state.channels);
  if (state.question.join() !== "0,0") all.set("question", state.question);
  if (state.words) all.set("word", state.words);
  if (state.erase) all.set("erase", 1);
  if (state.preset) all.set("preset", state.preset);
  return all.toString();
}

/**
 * The state of an address, whatever stands in it: what there is not, or what is no number where one is expected, is as at first.
 * `known`: {networks: names, presets: ids}. Whether the network has that image, method, layer and class is seen when it is there.
 */
export function fromAddress(address, known) {
  const all = new URLSearchParams(address), state = firstState();
  state.sides = ["", "2"].filter(end => !end || all.has("network2")).map(end => sideOf(all, end, known));
  state.image = all.get("image") ?? FIRST.image;
  const opacity = Number(all.get("opacity") ?? FIRST.opacity);
  state.opacity = opacity >= 0 && opacity <= 1 ? opacity : FIRST.opacity;
  state.boxes = all.get("boxes") === "1";
  state.common = all.get("scale") !== "own";
  state.channels = whole(all.get("channels"));
  const question = (all.get("question") ?? "").split(",").map(whole);
  if (question.length === 2 && question.every(each => each !== null)) state.question = question;
  state.words = whole(all.get("word")) ?? 0;
  state.erase = all.get("erase") === "1";
  state.preset = known.presets.includes(all.get("preset")) ? all.get("preset") : null;
  return state;
}

function sideOf(all, end, known) {
  const network = all.get("network" + end);
  return { network: known.networks.includes(network) ? network : SIDE.network, method: all.get("method" + end) ?? SIDE.method,
    layer: all.get("layer" + end), class: whole(all.get("class" + end)), dice: whole(all.get("dice" + end)) ?? 0 };
}

/** A whole number from 0 on, or null. */
function whole(text) {
  return /^\d{1,6}$/.test(text ?? "") ? Number(text) : null;
}
