// The engine's own thread: it answers what client.js sends, one message after another.

import { description as squeezenet } from "build:squeezenet";
import { Subject } from "./asking.js";
import { bytesOf, halves, unpacked } from "./bytes.js";
import { diced } from "./dice.js";
import { fastestGemm } from "./gemm.js";
import { Network } from "./network.js";
import { squeezenetWeights } from "./squeezenet.js";

const THROWN = 4;                // so many networks with a thrown head are kept: each holds an image's tensors, and one can throw all day
const gemm = fastestGemm(), subjects = new Map(), thrown = new Map();

function subject(name) {
  const found = subjects.get(name) ?? thrown.get(name);
  if (!found) throw new Error(`The network ${name} is not loaded.`);
  return found;
}

function keep(description, numbers) {
  subjects.set(description.name, new Subject(new Network(description, numbers, gemm)));
}

const TASKS = {
  async load(description, weights) {
    keep(description, halves(await unpacked(bytesOf(weights))));
  },
  loadSqueezenet(buffer, names) {
    const { length } = squeezenet.classes;
    if (names && names.length !== length)
      throw new Error(`SqueezeNet has ${length} classes. The file of their names holds ${names.length}.`);
    const description = { ...squeezenet, classes: names ?? squeezenet.classes };
    keep(description, squeezenetWeights(buffer, description));
    return description;
  },
  dice(name, seed) {
    const key = `${name} dice ${seed}`, found = thrown.get(key) ?? new Subject(diced(subject(name).network, seed));
    thrown.delete(key);
    thrown.set(key, found);                                     // the newest comes last
    if (thrown.size > THROWN) thrown.delete(thrown.keys().next().value);
    return key;
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
