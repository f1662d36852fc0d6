// What benchmarks/browser.py measures inside the page: the engine, and TensorFlow.js on the same networks.

import { Engine } from "../tools/explorer/engine/client.js";
import { Subject } from "../tools/explorer/engine/asking.js";
import { bytesOf, halves, unpacked } from "../tools/explorer/engine/bytes.js";
import { fastestGemm } from "../tools/explorer/engine/gemm.js";
import { Network } from "../tools/explorer/engine/network.js";
import { workerSource } from "build:worker";

const given = {}, gemm = fastestGemm();

globalThis.course = { network: (name, description, weights) => { given[name] = { description, weights }; } };

// An image like no other: nothing that was computed for another serves it.
function another({ height, width, channels }) {
  return { height, width, channels, values: Float32Array.from({ length: height * width * channels }, Math.random) };
}

async function network(name) {
  const { description, weights } = given[name];
  return new Network(description, halves(await unpacked(bytesOf(weights))), gemm);
}

async function times(rounds, run) {
  const found = [];
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    await run(round);
    found.push(performance.now() - begin);
  }
  return found;
}

const CAM = { method: "Grad-CAM", layer: null, classIndex: null };

// The engine's answers in the page's own thread, which Chromium can slow down (a worker's it cannot): milliseconds of each round.
globalThis.ownThread = async (name, rounds) => {
  const subject = new Subject(await network(name)), { input, layers, methods } = given[name].description;
  const ask = (image, ...choices) => subject.ask({ image, choices }), first = another(input);
  ask(another(input), CAM);
  return {
    answer: await times(rounds, () => ask(another(input), CAM)),
    scores: await times(rounds, () => ask(another(input))),
    layers: await times(rounds, () => ask(another(input), ...layers.map(({ name: layer }) => ({ ...CAM, layer })))),
    everything: await times(rounds, () => ask(another(input), ...methods.map((method) => ({ ...CAM, method })))),
    anotherClass: await times(rounds, (round) => ask(first, { ...CAM, classIndex: round % 6 })),
  };
};

// Answers in the worker, as the page asks for them, and meanwhile the page's longest time between two frames.
globalThis.inWorker = async (name, rounds) => {
  const engine = new Engine(workerSource), { description, weights } = given[name];
  let longest = 0, before = null, ended = false;
  (function frame(now) {
    if (before !== null) longest = Math.max(longest, now - before);
    before = now;
    if (!ended) requestAnimationFrame(frame);
  })(null);
  const loading = await times(1, () => engine.load(description, weights));
  const answer = await times(rounds, () => engine.ask({ network: name, image: another(description.input), choices: [CAM] }));
  ended = true;
  return { loading, answer, longest };
};

// --- TensorFlow.js -----------------------------------------------------------------------------------------------------------

const OPS = {                   // of the operations of tools/explorer/networks.py those of the three networks that are measured
  affine: ([x], { scale, shift }, w) => (scale ? x.mul(scale).add(shift)
    : x.sub(w("mean")).div(w("variance").add(1e-3).sqrt()).mul(w("gamma")).add(w("beta"))),
  log1p: ([x]) => globalThis.tf.log1p(x), subtract: ([a, b]) => a.sub(b), relu: ([x]) => x.relu(), mean: ([x]) => x.mean([1, 2]),
  resize: ([x], { shape }) => globalThis.tf.image.resizeBilinear(x, shape.slice(0, 2), false, true),
  reshape: ([x], { shape }) => x.reshape([1, ...shape]), maxPooling: ([x], node) => pooled(x, node, "max"),
  averagePooling: ([x], node) => pooled(x, node, "avg"),
  pad: ([x], { before: [top, left] }) => x.pad([[0, 0], [top, top], [left, left], [0, 0]]),
  convolution: ([x], { window: { strides, dilation } }, w) =>
    biased(globalThis.tf.conv2d(x, w("kernel"), strides, "same", "NHWC", dilation), w("bias")),
  dense: ([x], node, w) => biased(x.matMul(w("kernel")), w("bias")),
};

function pooled(x, { window: { size, strides, before } }, kind) {
  return globalThis.tf.pool(x, size, kind, before.some(Boolean) ? "same" : "valid", [1, 1], strides);
}

function biased(x, bias) {
  return bias ? x.add(bias) : x;
}

globalThis.tensorflow = async (name, backend, rounds) => {
  const { tf } = globalThis, ours = await network(name), { nodes, output, layers, input } = ours.description, kept = {};
  await tf.setBackend(backend);
  await tf.ready();
  const weight = (node) => (key) => {
    const place = node.weights[key];
    return place ? kept[`${node.name} ${key}`] ??= tf.keep(tf.tensor(ours.weights(node, key), place.shape)) : null;
  };
  const run = (from, x) => {
    const tensors = { [from]: x };
    for (const node of nodes)
      if (node.op !== "input" && !(node.name in tensors) && node.inputs.every((one) => one in tensors))
        tensors[node.name] = OPS[node.op](node.inputs.map((one) => tensors[one]), node, weight(node));
    return tensors;
  };
  const picture = () => tf.tensor(another(input).values, [1, input.height, input.width, input.channels]);
  const forward = () => tf.tidy(() => run("images", picture())[output].dataSync());
  const gradCam = (layer) => tf.tidy(() => {
    const A = run("images", picture())[layer], score = (x) => run(layer, x)[output].max();
    const alpha = tf.grad(score)(A).mean([1, 2], true);
    return A.mul(alpha).sum(3).relu().dataSync();
  });
  const tasks = { forward, gradCam: () => gradCam(layers.at(-1).name), first: () => gradCam(layers[0].name) }, results = {};
  for (const [what, task] of Object.entries(tasks)) {
    try {
      task();
      results[what] = await times(rounds, task);
    } catch (error) {
      results[what] = error.message.split("\n")[0];
    }
  }
  return results;
};

globalThis.kernels = async (backend) => {
  await globalThis.tf.setBackend(backend);
  return globalThis.tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName);
};
