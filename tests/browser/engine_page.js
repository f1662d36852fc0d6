// What the tests in Chromium load: the engine without the explorer's page, and its parts for those that try them alone.

import { Subject } from "../../tools/explorer/engine/asking.js";
import { Engine } from "../../tools/explorer/engine/client.js";
import { PlainGemm, WasmGemm } from "../../tools/explorer/engine/gemm.js";
import { LAYERS } from "../../tools/explorer/engine/layers.js";
import { rollout } from "../../tools/explorer/engine/methods.js";
import { Network } from "../../tools/explorer/engine/network.js";
import { workerSource } from "build:worker";

const loaded = {};

globalThis.engine = new Engine(workerSource);
globalThis.course = {
  network(name, description, weights) { loaded[name] = globalThis.engine.load(description, weights); },
};

// Float32Arrays do not pass between a page and the tests: they go as base64.
function text(values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let letters = "";
  for (let i = 0; i < bytes.length; i += 32768) letters += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(letters);
}

function numbers(base64) {
  return new Float32Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
}

function each(value, change) {
  if (Array.isArray(value)) return value.map(change);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one)]));
}

globalThis.asTexts = (value) => value instanceof Float32Array ? { float32: text(value) } : each(value, globalThis.asTexts);
globalThis.fromTexts = (value) => typeof value?.float32 === "string" ? numbers(value.float32) : each(value, globalThis.fromTexts);

// One call of the engine's: what it resolves to, or {error: sentence}.
globalThis.told = async ([task, ...given]) => {
  await loaded[given[0].network ?? given[0]];
  try {
    return globalThis.asTexts(await globalThis.engine[task](...given.map(globalThis.fromTexts)));
  } catch (error) {
    return { error: error.message };
  }
};

// C = A B by one of the two multiplications; A (m, k), B (k, n).
globalThis.multiplied = ([kind, A, B, m, k, n, transposed]) => {
  const gemm = new { PlainGemm, WasmGemm }[kind](), C = new Float32Array(m * n), left = numbers(A.float32);
  gemm.multiply(gemm.panels(numbers(B.float32), k, n, transposed), m,
    (strip, first, count) => strip.set(left.subarray(first * k, (first + count) * k)),
    (strip, first, count, stride) => {
      for (let i = 0; i < count; i++) C.set(strip.subarray(i * stride, i * stride + n), (first + i) * n);
    });
  return globalThis.asTexts(C);
};

globalThis.layerNames = () => Object.keys(LAYERS);

// What a layer gives for inputs [{shape, data}], and what goes back for R; weights {name: numbers}.
function oneLayer(node, given, weights) {
  const inputs = globalThis.fromTexts(given), values = globalThis.fromTexts(weights), kept = {}, gemm = new WasmGemm();
  const tools = {
    gemm, gate: null, wanted: inputs.map(() => true), weights: (_, name) => values[name] ?? null,
    once: (_, what, make) => kept[what] ??= make(),
    panels: (_, name, n, transposed) => transposed ? gemm.panels(values[name], n, values[name].length / n, true)
      : gemm.panels(values[name], values[name].length / n, n, false),
  };
  return { layer: LAYERS[node.op], inputs, tools };
}

globalThis.forwardOf = ([node, given, weights]) => {
  const { layer, inputs, tools } = oneLayer(node, given, weights);
  return globalThis.asTexts(layer.forward(node, inputs, tools).data);
};

globalThis.backwardOf = ([node, given, weights, R]) => {
  const { layer, inputs, tools } = oneLayer(node, given, weights), out = layer.forward(node, inputs, tools);
  return globalThis.asTexts(layer.backward(node, inputs, out, globalThis.fromTexts(R), tools));
};

globalThis.rolledOut = ([blocks, places]) => globalThis.asTexts(rollout(globalThis.fromTexts(blocks), places));

// The answer of a network whose matrices are multiplied in plain JavaScript, as in a browser without WebAssembly's vectors.
globalThis.plainly = ([description, weights, request]) => {
  const network = new Network(description, numbers(weights.float32), new PlainGemm());
  return globalThis.asTexts(new Subject(network).ask(globalThis.fromTexts(request)));
};
