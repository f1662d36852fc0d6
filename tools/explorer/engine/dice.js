// A head thrown by dice: the last layer with weights gets random ones, and the network no longer knows what it has learned.

// The same network with the last kernel drawn anew (Glorot uniform) and no bias; the same seed draws the same.
export function diced(network, seed) {
  const node = network.nodes.findLast(({ weights }) => weights?.kernel), { shape } = node.weights.kernel;
  const inputs = shape.slice(0, -1).reduce((a, b) => a * b, 1), outputs = shape.at(-1), limit = Math.sqrt(6 / (inputs + outputs));
  const random = generator(seed);
  const kernel = Float32Array.from({ length: inputs * outputs }, () => limit * (2 * random() - 1));
  return network.with(node.name, { kernel, bias: new Float32Array(outputs) });
}

// Numbers in [0, 1) by the generator "mulberry32" (Tommy Ettinger, public domain).
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6D2B79F5 >>> 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t = t + Math.imul(t ^ t >>> 7, t | 61) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}
