// Questions to one network about one image after another. What was computed for an image is kept, so that the next question
// about it costs only what is new in it.

import { enlarged, mapOf, means, OF_PIXELS, SIGNED, weighted } from "./methods.js";
import { Backward } from "./network.js";
import { resized } from "./resize.js";

export class Subject {
  constructor(network) {
    this.network = network;
    this.description = network.description;
    this._asked = null;                                         // the image and question that the rest belongs to
  }

  // The answer to engine.ask, as client.js tells it.
  ask({ image, question, choices }) {
    this._look(image, question);
    const { scores } = this;
    const predicted = scores.indexOf(Math.max(...scores));
    return {
      scores: scores.slice(), probabilities: probabilities(scores, this.description.sigmoid), predicted,
      answers: choices.map((choice) => this._answer(choice, predicted)),
    };
  }

  // The answer to engine.open: the channels of a map, the strongest first, and their running sum.
  open({ image, question, layer, classIndex, method, count }) {
    this._look(image, question);
    const c = classIndex ?? this.scores.indexOf(Math.max(...this.scores)), asked = this._layer(method === "CAM" ? null : layer);
    const { height, width, channels: K } = asked, Z = height * width, A = this._maps(asked), g = this._gradient(asked, c);
    const alpha = method === "CAM" ? means(g, Z, K).map((value) => value * Z) : means(g, Z, K);
    const term = method === "HiResCAM" ? (i) => g[i] * A[i] : (i, k) => alpha[k] * A[i];
    const ordered = [...alpha.keys()].map((k) => ({ k, strength: strength(term, k, Z, K) })).sort((a, b) => b.strength - a.strength);
    const sums = [], sum = new Float32Array(Z);
    for (const { k } of ordered.slice(0, count)) {
      for (let place = 0; place < Z; place++) sum[place] += term(place * K + k, k);
      sums.push(sum.slice());
    }
    const total = new Float32Array(Z);
    for (let i = 0; i < Z * K; i++) total[i / K | 0] += term(i, i % K);
    const channels = ordered.slice(0, count).map(({ k }) => ({ k, alpha: alpha[k], A: channel(A, k, Z, K) }));
    return { height, width, Z, channels, sums, total };
  }

  _look(image, question) {
    const key = [image.height, image.width, image.channels, JSON.stringify(question ?? null)].join();
    if (this._asked?.key === key && same(this._asked.values, image.values)) return;
    const { height, width, channels } = this.description.input;
    if (image.channels !== channels || image.values.length !== image.height * image.width * channels)
      throw new Error(`${this.description.name} takes images of ${channels} channels; this one has ${image.channels} and ${image.values.length} values.`);
    this._asked = { key, values: image.values };
    this._backward = new Map();
    this.tensors = this.network.forward({ images: { shape: [height, width, channels], data: resized(image, height, width).values } });
    this.scores = this.tensors[this.description.output].data;
  }

  _answer({ method, layer, classIndex }, predicted) {
    const c = classIndex ?? predicted, { input, layers } = this.description;
    if (!this.description.methods.includes(method)) throw new Error(`${method} does not apply to ${this.description.name}.`);
    if (!(c >= 0 && c < this.scores.length)) throw new Error(`${this.description.name} has no class number ${c}.`);
    const pixels = OF_PIXELS.includes(method), asked = this._layer(method === "CAM" ? null : layer);
    const size = pixels ? input : { height: asked.height, width: asked.width, channels: 1 };
    return {
      method, layer: asked.name, classIndex: c, pixels, signed: pixels || SIGNED.includes(method),
      height: size.height, width: size.width, channels: size.channels, values: this._values(method, asked, c),
    };
  }

  _values(method, layer, c) {
    const { height, width } = this.description.input, Z = layer.height * layer.width;
    if (method === "guided backprop") return this._back(c, "guided").at("images").slice();
    if (method === "deconvnet") return this._back(c, "deconvnet").at("images").slice();
    if (method === "Guided Grad-CAM") {
      const where = enlarged(this._values("Grad-CAM", layer, c), layer, height, width), what = this._back(c, "guided").at("images");
      return what.map((value, i) => value * where[i / this.description.input.channels | 0]);
    }
    const A = this._maps(layer), g = this._gradient(layer, c);
    if (method === "CAM") return weighted(A, means(g, Z, layer.channels).map((mean) => mean * Z), Z, layer.channels);
    return mapOf(method, A, g, Z, layer.channels);
  }

  _layer(name) {
    const { layers } = this.description, found = name == null ? layers[layers.length - 1] : layers.find((layer) => layer.name === name);
    if (!found) throw new Error(`${this.description.name} has no layer ${name}; it has ${layers.map((layer) => layer.name).join(", ")}.`);
    return found;
  }

  _maps(layer) {
    return this.tensors[layer.name].data;
  }

  _gradient(layer, c) {
    return this._back(c, null).at(layer.name);
  }

  _back(c, gate) {
    const key = `${gate} ${c}`;
    if (!this._backward.has(key)) {
      const seed = new Float32Array(this.scores.length);
      seed[c] = 1;
      this._backward.set(key, new Backward(this.network, this.tensors, seed, gate));
    }
    return this._backward.get(key);
  }
}

function strength(term, k, Z, K) {
  let most = 0;
  for (let place = 0; place < Z; place++) most = Math.max(most, Math.abs(term(place * K + k, k)));
  return most;
}

function channel(A, k, Z, K) {
  return Float32Array.from({ length: Z }, (_, place) => A[place * K + k]);
}

function probabilities(scores, sigmoid) {
  if (sigmoid) return scores.map((score) => 1 / (1 + Math.exp(-score)));
  const top = Math.max(...scores), powers = scores.map((score) => Math.exp(score - top)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function same(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
