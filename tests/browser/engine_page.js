// What the tests in Chromium load: the engine without the explorer's page, and its parts for those that try them alone.

import { Engine } from "../../tools/explorer/engine/client.js";
import { PlainGemm, WasmGemm } from "../../tools/explorer/engine/gemm.js";
import { LAYERS } from "../../tools/explorer/engine/layers.js";
import { Backward, Network } from "../../tools/explorer/engine/network.js";
import { resized } from "../../tools/explorer/engine/resize.js";
import { workerSource } from "build:worker";

const loaded = {};

globalThis.parts = { PlainGemm, WasmGemm, LAYERS, Backward, Network, resized, workerSource };
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

globalThis.asTexts = (value) => value instanceof Float32Array ? { float32: text(value) }
  : Array.isArray(value) ? value.map(globalThis.asTexts)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, globalThis.asTexts(each)]))
      : value;

globalThis.fromTexts = (value) => value && typeof value === "object" && "float32" in value ? numbers(value.float32)
  : Array.isArray(value) ? value.map(globalThis.fromTexts)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, globalThis.fromTexts(each)]))
      : value;

// One call of the engine's: what it resolves to, or {error: sentence}.
globalThis.told = async ([task, ...given]) => {
  await loaded[given[0].network ?? given[0]];
  try {
    return globalThis.asTexts(await globalThis.engine[task](...given.map(globalThis.fromTexts)));
  } catch (error) {
    return { error: error.message };
  }
};
