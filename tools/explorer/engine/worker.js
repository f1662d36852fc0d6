// The engine's own thread: it answers what client.js sends, one message after another.

import { Subject } from "./asking.js";
import { bytesOf, halves, unpacked } from "./bytes.js";
import { fastestGemm } from "./gemm.js";
import { Network } from "./network.js";

const gemm = fastestGemm(), subjects = new Map();

function subject(name) {
  if (!subjects.has(name)) throw new Error(`The network ${name} is not loaded.`);
  return subjects.get(name);
}

const TASKS = {
  async load(description, weights) {
    subjects.set(description.name, new Subject(new Network(description, halves(await unpacked(bytesOf(weights))), gemm)));
  },
  ask(request) {
    const begin = performance.now(), answer = subject(request.network).ask(request);
    return { ...answer, milliseconds: performance.now() - begin };
  },
  open: (request) => subject(request.network).open(request),
};

let busy = Promise.resolve();                                   // a task begins when the one before it has ended

globalThis.onmessage = ({ data: { id, task, given } }) => {
  busy = busy.then(async () => {
    try {
      globalThis.postMessage({ id, answer: await TASKS[task](...given) });
    } catch (error) {
      globalThis.postMessage({ id, error: error.message });
    }
  });
};
