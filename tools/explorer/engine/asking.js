// Questions to one network about one image after another. What was computed for an image is kept, so that the next question
// about it costs only what is new in it.

import { enlarged, mapOf, means, OF_PIXELS, rollout, SIGNED, weighted } from "./methods.js";
import { Backward, dependentOn } from "./network.js";
import { resized } from "./resize.js";

export class Subject {
  constructor(network) {
    this.network = network;
    this.description = network.description;
    this._image = this._question = null;                        // what the rest belongs to
    const asking = network.nodes.filter(({ op, name }) => op === "input" && name !== "images");
    this._wordNodes = new Set(asking.flatMap(({ name }) => [...dependentOn(name, network.nodes)]));
  }

  // The answer to engine.ask, as client.js tells it.
  ask({ image, question, choices }) {
    this._look(image, question);
    const { scores } = this, predicted = scores.indexOf(Math.max(...scores));
    return {
      scores: scores.slice(), probabilities: probabilities(scores, this.description.sigmoid), predicted, caption: this.caption,
      answers: choices.map((choice) => this._answer(choice, predicted)),
    };
  }

  // The answer to engine.open: the channels of a map, the strongest first, and their running sum.
  open({ image, question, layer: name, classIndex, method, count }) {
    this._look(image, question);
    const c = this._class(classIndex), layer = this._layer(method === "CAM" ? null : name);
    const { height, width, channels: K } = layer, Z = height * width, A = this._maps(layer), g = this._gradient(layer, c);
    const alpha = method === "CAM" ? gapWeights(g, Z, K) : means(g, Z, K);
    const term = method === "HiResCAM" ? (i) => g[i] * A[i] : (i, k) => alpha[k] * A[i];
    const strengths = Array.from(alpha, (_, k) => strength(term, k, Z, K));
    const shown = [...strengths.keys()].sort((a, b) => strengths[b] - strengths[a]).slice(0, count);
    const sums = [], total = new Float32Array(Z);
    for (const k of shown) sums.push((sums.at(-1) ?? total).map((sum, place) => sum + term(place * K + k, k)));
    for (let i = 0; i < Z * K; i++) total[i / K | 0] += term(i, i % K);
    const map = (k) => Float32Array.from({ length: Z }, (_, place) => A[place * K + k]);
    const channels = shown.map((k) => ({ k, alpha: alpha[k], A: map(k) }));
    return { height, width, Z, channels, sums, total };
  }

  // Runs the network forward, unless it has seen this image and heard this question already.
  _look(image, question) {
    const { name, input: { height, width, channels } } = this.description;
    if (image.channels !== channels || image.values.length !== image.height * image.width * channels)
      throw new Error(`${name} takes images of ${channels} channels. This one has ${image.channels}, and `
        + `${image.values.length} values.`);
    const another = !sameImage(image, this._image);
    if (!another && JSON.stringify(question) === this._question) return;
    const seen = another ? { images: { shape: [height, width, channels], data: resized(image, height, width).values } }
      : Object.fromEntries(Object.entries(this.tensors).filter(([node]) => !this._wordNodes.has(node)));
    this._image = this._question = null;                        // should the run fail, nothing wrong is kept
    this._backward = new Map();
    this.tensors = this._run(seen, question);
    this._image = { ...image, values: image.values.slice() };
    this._question = JSON.stringify(question);
  }

  _run(seen, question) {
    const asked = this.description.question, { output, classes } = this.description;
    this.part = 0;                                              // which of the output's rows holds the scores
    this.caption = null;
    if (asked?.kind === "pair") seen.question = { shape: [2], data: Float32Array.from(question ?? [0, 0]) };
    if (asked?.kind !== "word") {
      const tensors = this.network.forward(seen);
      this.scores = tensors[output].data;
      return tensors;
    }
    const tensors = this._captioned(seen, asked);
    this.part = question ?? 0;
    this.scores = tensors[output].data.subarray(this.part * classes.length, (this.part + 1) * classes.length);
    return tensors;
  }

  // The caption word by word: each time the word with the highest score, given those so far; `end` is the word that ends it.
  _captioned(seen, { length, end }) {
    const before = new Float32Array(length).fill(end), { output, classes } = this.description;
    let tensors = seen;
    this.caption = [];
    for (let t = 0; t < length; t++) {
      const known = Object.fromEntries(Object.entries(tensors).filter(([node]) => !this._wordNodes.has(node)));
      tensors = this.network.forward({ ...known, before: { shape: [length], data: before.slice() } });
      const scores = tensors[output].data.subarray(t * classes.length, (t + 1) * classes.length);
      this.caption.push(scores.indexOf(Math.max(...scores)));
      if (t + 1 < length) before[t + 1] = this.caption[t];
    }
    return tensors;
  }

  _answer({ method, layer, classIndex }) {
    const c = this._class(classIndex), { input, name, methods } = this.description;
    if (!methods.includes(method)) throw new Error(`${method} does not apply to ${name}. These do: ${methods.join(", ")}.`);
    const pixels = OF_PIXELS.includes(method), asked = this._layer(OF_ITS_OWN.includes(method) ? null : layer);
    const size = pixels ? input : { height: asked.height, width: asked.width, channels: 1 };
    return {
      method, layer: asked.name, classIndex: c, pixels, signed: pixels || SIGNED.includes(method),
      height: size.height, width: size.width, channels: size.channels, values: this._values(method, asked, c),
    };
  }

  _values(method, layer, c) {
    const { input, rollout: blocks } = this.description, { channels: K } = layer, Z = layer.height * layer.width;
    if (method === "guided backprop") return this._back(c, "guided").at("images").slice();
    if (method === "deconvnet") return this._back(c, "deconvnet").at("images").slice();
    if (method === "Guided Grad-CAM") {
      const where = enlarged(this._values("Grad-CAM", layer, c), layer, input.height, input.width);
      return this._back(c, "guided").at("images").map((what, i) => what * where[i / input.channels | 0]);
    }
    if (method === "gradient-weighted rollout") {
      const block = (node) => ({ shape: this.tensors[node].shape, A: this.tensors[node].data, g: this._back(c, null).at(node) });
      return rollout(blocks.map(block), Z);
    }
    const A = this._maps(layer), g = this._gradient(layer, c);
    return method === "CAM" ? weighted(A, gapWeights(g, Z, K), Z, K) : mapOf(method, A, g, Z, K);
  }

  _class(classIndex) {
    const { name, classes } = this.description, c = classIndex ?? this.scores.indexOf(Math.max(...this.scores));
    if (!(c >= 0 && c < classes.length)) throw new Error(`${name} has no class number ${c}; it has ${classes.length}.`);
    return c;
  }

  _layer(name) {
    const { name: network, layers } = this.description;
    const found = name == null ? layers.at(-1) : layers.find((layer) => layer.name === name);
    if (!found) throw new Error(`${network} has no layer ${name}. It has ${layers.map((layer) => layer.name).join(", ")}.`);
    return found;
  }

  // A layer's feature maps (places, channels): of tokens those that stand for places, of a caption those of the word asked about.
  _maps(layer) {
    return this._places(layer, this.tensors[layer.name].data);
  }

  _gradient(layer, c) {
    return this._places(layer, this._back(c, null).at(layer.name));
  }

  _places({ height, width, channels, tokensBefore = 0, ofWord = false }, data) {
    const count = height * width * channels, begin = tokensBefore * channels + (ofWord ? this.part * count : 0);
    return data.subarray(begin, begin + count);
  }

  _back(c, gate) {
    const key = `${gate} ${c}`;
    if (!this._backward.has(key)) {
      const { output, classes } = this.description, seed = new Float32Array(this.tensors[output].data.length);
      seed[this.part * classes.length + c] = 1;
      this._backward.set(key, new Backward(this.network, this.tensors, seed, gate));
    }
    return this._backward.get(key);
  }
}

// Methods without a layer to choose.
const OF_ITS_OWN = ["CAM", "gradient-weighted rollout", "guided backprop", "deconvnet"];

// The head's weights under global average pooling, w_k = Z ∂y/∂A^k at any place.
function gapWeights(g, Z, K) {
  return means(g, Z, K).map((mean) => Z * mean);
}

function strength(term, k, Z, K) {
  let most = 0;
  for (let place = 0; place < Z; place++) most = Math.max(most, Math.abs(term(place * K + k, k)));
  return most;
}

function probabilities(scores, sigmoid) {
  if (sigmoid) return scores.map((score) => 1 / (1 + Math.exp(-score)));
  const top = Math.max(...scores), powers = scores.map((score) => Math.exp(score - top)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function sameImage(a, b) {
  return b !== null && a.height === b.height && a.width === b.width && a.values.every((value, i) => value === b.values[i]);
}
