// One network: its description and weights, run forward for an image and backward from a class score.

import { LAYERS } from "./layers.js";

export class Network {
  // description: as tools/explorer/networks.py writes it. numbers: its weights, float32, in one list.
  constructor(description, numbers, gemm) {
    this.description = description;
    this.gemm = gemm;
    this._numbers = numbers;
    this._replaced = {};                                        // node name -> {weight name: numbers}, of a head thrown by dice
    this._kept = new Map();
    this.nodes = description.nodes;
    for (const { name, op } of this.nodes)
      if (op !== "input" && !LAYERS[op]) throw new Error(`${description.name} has a layer, ${name}, of an unknown kind: ${op}.`);
  }

  // The same network with other weights for one of its layers.
  with(nodeName, weights) {
    const twin = new Network(this.description, this._numbers, this.gemm);
    twin._replaced = { ...this._replaced, [nodeName]: weights };
    twin._kept = new Map([...this._kept].filter(([key]) => !key.startsWith(`${nodeName} `)));
    return twin;
  }

  weights(node, name) {
    const replaced = this._replaced[node.name]?.[name], place = node.weights?.[name];
    if (replaced || !place) return replaced ?? null;
    const count = place.shape.reduce((a, b) => a * b, 1), numbers = this._numbers.subarray(place.offset, place.offset + count);
    if (place.rest === undefined) return numbers;
    return this.once(node, name, () => numbers.map((value, i) => value + this._numbers[place.rest + i]));
  }

  // The matrix (all inputs, n) of a layer's weights, ready to be multiplied; or its transpose (n, all inputs).
  panels(node, name, n, transposed) {
    return this.once(node, `panels ${name} ${transposed}`, () => {
      const data = this.weights(node, name), k = data.length / n;
      return transposed ? this.gemm.panels(data, n, k, true) : this.gemm.panels(data, k, n, false);
    });
  }

  // What `make` gives, made once for a node.
  once(node, what, make) {
    const key = `${node.name} ${what}`;
    if (!this._kept.has(key)) this._kept.set(key, make());
    return this._kept.get(key);
  }

  // The tensors of all nodes, by their names. known: those of the inputs, and of any node that need not run again.
  forward(known) {
    const tensors = { ...known };
    for (const node of this.nodes)
      tensors[node.name] ??= LAYERS[node.op].forward(node, node.inputs.map((name) => tensors[name]), this);
    return tensors;
  }
}

// The way back from one score. It goes only as far as it is asked to, and goes on from there when it is asked for more.
export class Backward {
  // seed: ∂y/∂output, of the output's length. gate: null, "guided" or "deconvnet", the way back through a ReLU.
  constructor(network, tensors, seed, gate = null) {
    const { nodes, description: { output } } = network;
    this._network = network;
    this._tensors = tensors;
    this._gate = gate;
    this._gradients = { [output]: seed };
    this._next = nodes.length - 1;
    this._dependent = dependentOn("images", nodes);
  }

  // ∂y/∂A, as long as the tensor of the node.
  at(name) {
    const { nodes } = this._network, goal = nodes.findIndex((node) => node.name === name);
    for (; this._next > goal; this._next--) this._step(nodes[this._next]);
    return this._gradients[name] ?? new Float32Array(this._tensors[name].data.length);
  }

  _step(node) {
    const R = this._gradients[node.name], network = this._network;
    if (!R || node.op === "input" || !this._dependent.has(node.name)) return;
    const tools = {
      gate: this._gate, gemm: network.gemm, wanted: node.inputs.map((name) => this._dependent.has(name)),
      weights: (...all) => network.weights(...all), panels: (...all) => network.panels(...all),
      once: (...all) => network.once(...all),
    };
    const inputs = node.inputs.map((name) => this._tensors[name]);
    const back = LAYERS[node.op].backward(node, inputs, this._tensors[node.name], R, tools);
    node.inputs.forEach((name, i) => {
      if (back[i] && tools.wanted[i]) this._gradients[name] = sum(this._gradients[name], back[i]);
    });
  }
}

function sum(a, b) {
  return a ? a.map((value, i) => value + b[i]) : b;
}

// The names of the nodes that depend on an input.
export function dependentOn(input, nodes) {
  const found = new Set([input]);
  for (const node of nodes) if (node.inputs.some((name) => found.has(name))) found.add(node.name);
  return found;
}
