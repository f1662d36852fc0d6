// The methods, each as its equation, in the names of lecture_utils/explain: A feature maps, g = ∂y/∂A, both (places, channels),
// Z places, K channels.

import { between, mixed } from "./resize.js";

// One map of Z cells out of A and g, with K channels.
const OF_A_LAYER = {
  "Grad-CAM": (A, g, Z, K) => positive(weighted(A, means(g, Z, K), Z, K)),                     // ReLU(Σ_k α_k A^k)
  "counterfactual": (A, g, Z, K) => positive(weighted(A, means(g, Z, K).map((alpha) => -alpha), Z, K)),
  "HiResCAM": (A, g, Z, K) => overChannels(Z, K, (i) => g[i] * A[i]),                          // Σ_k g ⊙ A^k
  "LayerCAM": (A, g, Z, K) => positive(overChannels(Z, K, (i) => Math.max(g[i], 0) * A[i])),   // ReLU(Σ_k ReLU(g) ⊙ A^k)
  "Grad-CAM++": (A, g, Z, K) => positive(weighted(A, plusWeights(A, g, Z, K), Z, K)),
};

export const SIGNED = ["CAM", "HiResCAM"];
export const OF_PIXELS = ["guided backprop", "deconvnet", "Guided Grad-CAM"];

export function mapOf(method, A, g, Z, K) {
  return OF_A_LAYER[method](A, g, Z, K);
}

// α_k: the mean of the gradient over all places.
export function means(g, Z, K) {
  const alpha = new Float32Array(K);
  for (let i = 0; i < Z * K; i++) alpha[i % K] += g[i];
  return alpha.map((sum) => sum / Z);
}

// Σ_k w_k A^k at every place.
export function weighted(A, w, Z, K) {
  return overChannels(Z, K, (i, k) => w[k] * A[i]);
}

function overChannels(Z, K, term) {
  const map = new Float32Array(Z);
  for (let place = 0; place < Z; place++) {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += term(place * K + k, k);
    map[place] = sum;
  }
  return map;
}

function positive(map) {
  return map.map((value) => Math.max(value, 0));
}

// Grad-CAM++: w_k = Σ ReLU(g) / (2 + g Σ A^k), 0 where the denominator is.
function plusWeights(A, g, Z, K) {
  const sums = means(A, Z, K).map((mean) => Z * mean), w = new Float32Array(K);
  for (let i = 0; i < Z * K; i++) {
    const below = 2 + g[i] * sums[i % K];
    if (below !== 0) w[i % K] += Math.max(g[i], 0) / below;
  }
  return w;
}

// Gradient-weighted rollout: R = I, then for each block R ← R + E_h ReLU(∂y/∂A ⊙ A) R; of it the last `places` of the first row,
// the class token's. blocks: {A, g, shape: [heads, tokens, tokens]} each.
export function rollout(blocks, places) {
  const [, T] = blocks[0].shape;
  let R = Float32Array.from({ length: T * T }, (_, i) => (i % (T + 1) === 0 ? 1 : 0));
  for (const { A, g, shape: [heads] } of blocks) {
    const taken = new Float32Array(T * T), next = R.slice();
    for (let i = 0; i < heads * T * T; i++) taken[i % (T * T)] += Math.max(g[i] * A[i], 0) / heads;
    for (let i = 0; i < T; i++)
      for (let j = 0; j < T; j++) for (let n = 0; n < T; n++) next[i * T + n] += taken[i * T + j] * R[j * T + n];
    R = next;
  }
  return R.slice(T - places, T);
}

// A map at the size of the network's input, each cell where it looks; stretched evenly where that is not known.
export function enlarged(map, layer, height, width) {
  const { stride, offset } = layer.cells ?? {
    stride: [height / layer.height, width / layer.width],
    offset: [(height / layer.height - 1) / 2, (width / layer.width - 1) / 2],
  };
  return mixed(map, layer.height, layer.width, 1, between(layer.height, height, stride[0], offset[0]),
    between(layer.width, width, stride[1], offset[1]));
}
