// What layers do, forward and backward. A tensor is {shape, data} of one image, without a batch; the last axis changes fastest.
//
//   forward(node, inputs, tools)                 -> output tensor; what the way back needs besides may lie in its `kept`
//   backward(node, inputs, output, R, tools)     -> for each input ∂y/∂input, or null where none is wanted; R is ∂y/∂output
//
// node: as tools/explorer/networks.py writes it. tools: weights(node, name), panels(node, name, ...) and gemm.multiply.

import { mixed, spread, unmixed } from "./resize.js";

const product = (shape) => shape.reduce((a, b) => a * b, 1);
const tensor = (shape, data) => ({ shape, data: data ?? new Float32Array(product(shape)) });
const last = (shape) => shape[shape.length - 1];

// --- element by element ----------------------------------------------------------------------------------------------

// node.inPlace: nothing else reads the input, which the output may take the place of.
const relu = {
  forward(node, [x]) {
    const out = tensor(node.shape, node.inPlace ? x.data : x.data.slice());
    clip(out.data);
    out.positive = true;
    return out;
  },
  backward(node, [x], out, R, { gate }) {
    const back = new Float32Array(R.length), f = out.data;
    if (gate === "guided") for (let i = 0; i < R.length; i++) back[i] = f[i] > 0 && R[i] > 0 ? R[i] : 0;
    else if (gate === "deconvnet") for (let i = 0; i < R.length; i++) back[i] = R[i] > 0 ? R[i] : 0;
    else for (let i = 0; i < R.length; i++) back[i] = f[i] > 0 ? R[i] : 0;
    return [back];
  },
};

// Negative numbers to 0 by their bits, of which the first is the sign: an `if` that falls now this way, now that, takes longer.
function clip(data) {
  const bits = bitsOf(data);
  for (let i = 0; i < bits.length; i++) bits[i] &= ~(bits[i] >> 31);
}

function bitsOf(data) {
  return new Int32Array(data.buffer, data.byteOffset, data.length);
}

// scale * x + shift, with one scale and one shift for each channel, or one for all.
const affine = {
  forward(node, [x], tools) {
    const { scale, shift } = scaling(node, tools), out = tensor(node.shape), channels = scale.length;
    for (let i = 0; i < x.data.length; i += channels)
      for (let k = 0; k < channels; k++) out.data[i + k] = scale[k] * x.data[i + k] + shift[k];
    return out;
  },
  backward(node, inputs, out, R, tools) {
    const { scale } = scaling(node, tools), channels = scale.length, back = new Float32Array(R.length);
    for (let i = 0; i < R.length; i += channels) for (let k = 0; k < channels; k++) back[i + k] = scale[k] * R[i + k];
    return [back];
  },
};

// Batch normalization is γ (x - mean) / √(variance + ε) + β; other layers bring scale and shift themselves.
function scaling(node, tools) {
  return tools.once(node, "scaling", () => {
    if (!node.weights) return { scale: Float32Array.from(node.scale), shift: Float32Array.from(node.shift) };
    const [mean, variance, gamma, beta] = ["mean", "variance", "gamma", "beta"].map((name) => tools.weights(node, name));
    const scale = variance.map((value, k) => (gamma ? gamma[k] : 1) / Math.sqrt(value + node.epsilon));
    return { scale, shift: scale.map((value, k) => (beta ? beta[k] : 0) - value * mean[k]) };
  });
}

const log1p = {
  forward: (node, [x]) => tensor(node.shape, x.data.map(Math.log1p)),
  backward: (node, [x], out, R) => [R.map((value, i) => value / (1 + x.data[i]))],
};

const gelu = {
  forward: (node, [x]) => tensor(node.shape, x.data.map((value) => value * below(value))),
  backward: (node, [x], out, R) =>
    [R.map((value, i) => value * (below(x.data[i]) + x.data[i] * Math.exp(-0.5 * x.data[i] ** 2) / Math.sqrt(2 * Math.PI)))],
};

// The share of a normal distribution below x, Φ(x) = (1 + erf(x / √2)) / 2; Abramowitz and Stegun 7.1.26 is good to 1.5e-7.
function below(x) {
  const z = Math.abs(x) / Math.SQRT2, t = 1 / (1 + 0.3275911 * z);
  const polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = polynomial * Math.exp(-z * z) / 2;
  return x > 0 ? 1 - tail : tail;
}

// --- two tensors -----------------------------------------------------------------------------------------------------

// The place in a tensor of `shape` for each place of the larger `full`: axes of length 1 are repeated.
function broadcast(shape, full) {
  const padded = [...Array(full.length - shape.length).fill(1), ...shape], places = new Int32Array(product(full));
  for (let i = 0; i < places.length; i++) {
    let rest = i, at = 0, step = 1;
    for (let axis = full.length - 1; axis >= 0; axis--) {
      const here = rest % full[axis];
      rest = (rest - here) / full[axis];
      if (padded[axis] > 1) at += here * step;
      step *= padded[axis];
    }
    places[i] = at;
  }
  return places;
}

// Both tensors' places, and null for one that has the output's own shape.
function placesOf(node, inputs, tools) {
  return inputs.map((x, n) => product(x.shape) === product(node.shape) ? null
    : tools.once(node, `places${n}`, () => broadcast(x.shape, node.shape)));
}

function gathered(values, places, input) {
  if (!places) return values;
  const sum = new Float32Array(product(input.shape));
  for (let i = 0; i < values.length; i++) sum[places[i]] += values[i];
  return sum;
}

function elementwise(combine, slopeA, slopeB) {
  return {
    forward(node, [a, b], tools) {
      const [p, q] = placesOf(node, [a, b], tools), out = tensor(node.shape);
      for (let i = 0; i < out.data.length; i++) out.data[i] = combine(a.data[p ? p[i] : i], b.data[q ? q[i] : i]);
      return out;
    },
    backward(node, [a, b], out, R, tools) {
      const [p, q] = placesOf(node, [a, b], tools), [wantedA, wantedB] = tools.wanted;
      return [wantedA ? gathered(R.map((r, i) => r * slopeA(a.data[p ? p[i] : i], b.data[q ? q[i] : i])), p, a) : null,
        wantedB ? gathered(R.map((r, i) => r * slopeB(a.data[p ? p[i] : i], b.data[q ? q[i] : i])), q, b) : null];
    },
  };
}

const add = elementwise((a, b) => a + b, () => 1, () => 1);
const subtract = elementwise((a, b) => a - b, () => 1, () => -1);
const multiply = elementwise((a, b) => a * b, (a, b) => b, (a) => a);

const concatenate = {       // along the last axis
  forward(node, inputs) {
    const out = tensor(node.shape), wide = last(node.shape);
    let begin = 0;
    for (const x of inputs) {
      const own = last(x.shape);
      for (let i = 0, to = begin; i < x.data.length; i += own, to += wide) out.data.set(x.data.subarray(i, i + own), to);
      begin += own;
    }
    return out;
  },
  backward(node, inputs, out, R) {
    const wide = last(node.shape);
    let begin = 0;
    return inputs.map((x) => {
      const own = last(x.shape), back = new Float32Array(product(x.shape));
      for (let i = 0, at = begin; i < back.length; i += own, at += wide) back.set(R.subarray(at, at + own), i);
      begin += own;
      return back;
    });
  },
};

// --- windows: convolutions and poolings ------------------------------------------------------------------------------
// node.window: {size, strides, dilation, before}, each [rows, columns]; `before` is the padding above and to the left.

const convolution = {
  forward(node, [x], tools) {
    const { gemm } = tools, panels = tools.panels(node, "kernel", last(node.shape), false), out = tensor(node.shape);
    const bias = tools.weights(node, "bias");
    gemm.multiply(panels, node.shape[0] * node.shape[1], patches(node, x), rowsInto(out.data, panels.n, bias));
    return out;
  },
  backward(node, [x], out, R, tools) {
    const { gemm } = tools, panels = tools.panels(node, "kernel", last(node.shape), true), back = new Float32Array(x.data.length);
    gemm.multiply(panels, node.shape[0] * node.shape[1], rowsOf(R, panels.k), patchesInto(node, x.shape, back));
    return [back];
  },
};

function rowsOf(data, k) {
  return (strip, first, count) => strip.set(data.subarray(first * k, (first + count) * k));
}

function rowsInto(data, n, bias) {
  return (strip, first, count, stride) => {
    for (let i = 0; i < count; i++)
      for (let column = 0, at = i * stride, to = (first + i) * n; column < n; column++, at++, to++)
        data[to] = bias ? strip[at] + bias[column] : strip[at];
  };
}

// Fills a strip with what the windows see, one window a row.
function patches(node, { shape: [height, width, channels], data }) {
  const { size: [kh, kw], strides: [sy, sx], dilation: [dy, dx], before: [top, left] } = node.window, across = node.shape[1];
  if (kh * kw === 1 && sy * sx === 1) return rowsOf(data, channels);
  const run = dx === 1 ? kw : 1;                                // cells of a window that lie side by side in the input
  return (strip, first, count) => {
    let to = 0;
    for (let window = first; window < first + count; window++) {
      const x0 = window % across, y0 = (window - x0) / across * sy - top;
      const inside = x0 * sx >= left && x0 * sx - left + kw <= width;
      for (let ky = 0; ky < kh; ky++) {
        const y = y0 + ky * dy, step = inside ? run : 1;
        for (let kx = 0; kx < kw; kx += step, to += step * channels) {
          const x = x0 * sx - left + kx * dx, there = y >= 0 && y < height && x >= 0 && x < width;
          copy(strip, to, data, there ? (y * width + x) * channels : -1, step * channels);
        }
      }
    }
  };
}

// Numbers from one place to another; zeros from the place -1.
function copy(strip, to, data, at, count) {
  if (at < 0) for (let k = 0; k < count; k++) strip[to + k] = 0;
  else for (let k = 0; k < count; k++) strip[to + k] = data[at + k];
}

function addTo(sum, to, data, at, count) {
  for (let k = 0; k < count; k++) sum[to + k] += data[at + k];
}

// Adds the rows of a strip to the places that the windows see: the way back of `patches`.
function patchesInto(node, [height, width, channels], data) {
  const { size: [kh, kw], strides: [sy, sx], dilation: [dy, dx], before: [top, left] } = node.window, across = node.shape[1];
  return (strip, first, count, stride) => {
    for (let i = 0; i < count; i++) {
      const x0 = (first + i) % across, y0 = (first + i - x0) / across * sy - top;
      for (let ky = 0; ky < kh; ky++) {
        const y = y0 + ky * dy;
        if (y < 0 || y >= height) continue;
        for (let kx = 0; kx < kw; kx++) {
          const x = x0 * sx - left + kx * dx;
          if (x < 0 || x >= width) continue;
          addTo(data, (y * width + x) * channels, strip, i * stride + (ky * kw + kx) * channels, channels);
        }
      }
    }
  };
}

// Calls see(place of the output's first channel, place of the input's first channel) for every cell that a window sees.
function eachCell(node, [height, width, channels], see) {
  const { size: [kh, kw], strides: [sy, sx], before: [top, left] } = node.window, [rows, columns] = node.shape;
  for (let y = 0, to = 0; y < rows; y++)
    for (let x = 0; x < columns; x++, to += channels)
      for (let v = Math.max(0, y * sy - top); v < Math.min(height, y * sy - top + kh); v++)
        for (let u = Math.max(0, x * sx - left); u < Math.min(width, x * sx - left + kw); u++)
          see(to, (v * width + u) * channels);
}

const maxPooling = {
  forward(node, [x]) {
    const out = tensor(node.shape), channels = last(node.shape), most = bitsOf(out.data), bits = bitsOf(x.data);
    if (x.positive) eachCell(node, x.shape, (to, at) => greaterBits(most, to, bits, at, channels));
    else {
      out.data.fill(-Infinity);
      eachCell(node, x.shape, (to, at) => greater(out.data, to, x.data, at, channels));
    }
    return out;
  },
  backward(node, [x], out, R) {
    const back = new Float32Array(x.data.length), left = R.slice(), channels = last(node.shape);
    eachCell(node, x.shape, (to, at) => {
      for (let k = 0; k < channels; k++)
        if (x.data[at + k] === out.data[to + k]) {
          back[at + k] += left[to + k];
          left[to + k] = 0;                                     // to the first of equal ones, as in TensorFlow
        }
    });
    return [back];
  },
};

// Of numbers that are not negative the greater has the greater bits, which are compared without an `if`.
function greaterBits(most, to, data, at, count) {
  for (let k = 0; k < count; k++) {
    const less = most[to + k] - data[at + k];
    most[to + k] -= less & less >> 31;
  }
}

function greater(most, to, data, at, count) {
  for (let k = 0; k < count; k++) most[to + k] = Math.max(most[to + k], data[at + k]);
}

// Means of what a window sees of the input: where it reaches beyond the rim, of fewer cells.
const averagePooling = {
  forward(node, [x], tools) {
    const out = tensor(node.shape), channels = last(node.shape), seen = cellsSeen(node, x.shape, tools);
    eachCell(node, x.shape, (to, at) => addTo(out.data, to, x.data, at, channels));
    for (let i = 0; i < out.data.length; i++) out.data[i] /= seen[i / channels | 0];
    return out;
  },
  backward(node, [x], out, R, tools) {
    const channels = last(node.shape), seen = cellsSeen(node, x.shape, tools), back = new Float32Array(x.data.length);
    eachCell(node, x.shape, (to, at) => {
      const share = 1 / seen[to / channels];
      for (let k = 0; k < channels; k++) back[at + k] += share * R[to + k];
    });
    return [back];
  },
};

function cellsSeen(node, shape, tools) {
  return tools.once(node, "seen", () => {
    const seen = new Float32Array(node.shape[0] * node.shape[1]);
    eachCell(node, shape, (to) => seen[to / shape[2]]++);
    return seen;
  });
}

const pad = {                   // zeros around: node.before [rows above, columns to the left, channels before]
  forward(node, [x]) {
    const out = tensor(node.shape);
    insidePad(node, x.shape, (at, to, count) => out.data.set(x.data.subarray(at, at + count), to));
    return out;
  },
  backward(node, [x], out, R) {
    const back = new Float32Array(x.data.length);
    insidePad(node, x.shape, (at, to, count) => back.set(R.subarray(to, to + count), at));
    return [back];
  },
};

function insidePad({ before: [top, left, front], shape: [, wide, deep] }, [height, width, channels], move) {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      move((y * width + x) * channels, ((y + top) * wide + x + left) * deep + front, channels);
}

const resize = {                // bilinear, half-pixel centres
  forward(node, [x], tools) {
    const [height, width, channels] = x.shape, [rows, columns] = spreads(node, x.shape, tools);
    return tensor(node.shape, mixed(x.data, height, width, channels, rows, columns));
  },
  backward(node, [x], out, R, tools) {
    const [height, width, channels] = x.shape, [rows, columns] = spreads(node, x.shape, tools);
    return [unmixed(R, height, width, channels, rows, columns)];
  },
};

function spreads(node, shape, tools) {
  return tools.once(node, "spreads", () => [0, 1].map((axis) => spread(shape[axis], node.shape[axis], false)));
}

// --- over all places -------------------------------------------------------------------------------------------------
// Input (groups..., places, channels) to (groups..., channels): node.places says how many places are taken together.

const mean = {
  forward(node, [x]) {
    const out = tensor(node.shape), k = last(node.shape), all = node.places * k;
    for (let i = 0; i < x.data.length; i++) out.data[(i / all | 0) * k + i % k] += x.data[i] / node.places;
    return out;
  },
  backward(node, [x], out, R) {
    const back = new Float32Array(x.data.length), k = last(node.shape), all = node.places * k;
    for (let i = 0; i < back.length; i++) back[i] = R[(i / all | 0) * k + i % k] / node.places;
    return [back];
  },
};

const maximum = {               // where several places have the greatest value, they share the gradient, as in TensorFlow
  forward(node, [x]) {
    const out = tensor(node.shape), k = last(node.shape), all = node.places * k;
    out.data.fill(-Infinity);
    for (let i = 0; i < x.data.length; i++) {
      const to = (i / all | 0) * k + i % k;
      if (x.data[i] > out.data[to]) out.data[to] = x.data[i];
    }
    return out;
  },
  backward(node, [x], out, R) {
    const back = new Float32Array(x.data.length), k = last(node.shape), all = node.places * k, ties = new Float32Array(R.length);
    const to = (i) => (i / all | 0) * k + i % k;
    for (let i = 0; i < back.length; i++) if (x.data[i] === out.data[to(i)]) ties[to(i)]++;
    for (let i = 0; i < back.length; i++) if (x.data[i] === out.data[to(i)]) back[i] = R[to(i)] / ties[to(i)];
    return [back];
  },
};

// --- dense, and what only changes the shape --------------------------------------------------------------------------

const dense = {
  forward(node, [x], tools) {
    const panels = tools.panels(node, "kernel", last(node.shape), false);
    return tensor(node.shape, rowsTimes(tools.gemm, x.data, panels, tools.weights(node, "bias")));
  },
  backward: (node, [x], out, R, tools) => [rowsTimes(tools.gemm, R, tools.panels(node, "kernel", last(node.shape), true), null)],
};

const reshape = {
  forward: (node, [x]) => tensor(node.shape, x.data),
  backward: (node, inputs, out, R) => [R],
};

const pick = {                  // number node.index along the first axis
  forward(node, [x]) {
    const count = product(node.shape);
    return tensor(node.shape, x.data.slice(node.index * count, (node.index + 1) * count));
  },
  backward(node, [x], out, R) {
    const back = new Float32Array(x.data.length);
    back.set(R, node.index * product(node.shape));
    return [back];
  },
};

const offsets = {               // adds weights of the input's own shape, such as positions
  forward(node, [x], tools) {
    const values = tools.weights(node, "values");
    return tensor(node.shape, x.data.map((value, i) => value + values[i]));
  },
  backward: (node, inputs, out, R) => [R],
};

// --- tokens ----------------------------------------------------------------------------------------------------------

const token = {                 // puts the learned token before the others
  forward(node, [x], tools) {
    const first = tools.weights(node, "token"), out = tensor(node.shape);
    out.data.set(first);
    out.data.set(x.data, first.length);
    return out;
  },
  backward: (node, [x], out, R) => [R.slice(R.length - x.data.length)],
};

// Each token's numbers less their mean, divided by their spread; then γ and β of each channel.
const layerNormalization = {
  forward(node, [x], tools) {
    const [gamma, beta] = ["gamma", "beta"].map((name) => tools.weights(node, name)), K = gamma.length, out = tensor(node.shape);
    const kept = { normal: new Float32Array(x.data.length), spread: new Float32Array(x.data.length / K) };
    for (let row = 0; row < kept.spread.length; row++) {
      const own = x.data.subarray(row * K, (row + 1) * K), mean = own.reduce((a, b) => a + b, 0) / K;
      kept.spread[row] = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / K + node.epsilon);
      for (let k = 0, i = row * K; k < K; k++, i++) {
        kept.normal[i] = (own[k] - mean) / kept.spread[row];
        out.data[i] = gamma[k] * kept.normal[i] + beta[k];
      }
    }
    out.kept = kept;
    return out;
  },
  backward(node, inputs, { kept: { normal, spread } }, R, tools) {
    const gamma = tools.weights(node, "gamma"), K = gamma.length, back = new Float32Array(R.length);
    for (let row = 0; row < spread.length; row++) {
      let sum = 0, along = 0;                                   // of the gradient, and of its part along the normalized numbers
      for (let k = 0, i = row * K; k < K; k++, i++) {
        sum += gamma[k] * R[i] / K;
        along += gamma[k] * R[i] * normal[i] / K;
      }
      for (let k = 0, i = row * K; k < K; k++, i++) back[i] = (gamma[k] * R[i] - sum - normal[i] * along) / spread[row];
    }
    return [back];
  },
};

// Attention A (heads, tokens, tokens): softmax of the queries' products with the keys; of each head its own part of both.
const attention = {
  forward(node, [q, k], tools) {
    const out = tensor(node.shape), { heads, T, d } = tokens(node, q);
    eachPair(heads, T, (h, i, j, at) => {
      out.data[at] = inner(q.data, (i * heads + h) * d, k.data, (j * heads + h) * d, d) / Math.sqrt(d);
    });
    for (let row = 0; row < heads * T; row++) softmax(out.data.subarray(row * T, (row + 1) * T));
    return out;
  },
  backward(node, [q, k], A, R) {
    const { heads, T, d } = tokens(node, q), back = [q, k].map((x) => new Float32Array(x.data.length));
    for (let row = 0; row < heads * T; row++) {
      const h = row / T | 0, i = row % T, along = inner(R, row * T, A.data, row * T, T);
      for (let j = 0; j < T; j++) {
        const g = A.data[row * T + j] * (R[row * T + j] - along) / Math.sqrt(d);
        for (let n = 0, a = (i * heads + h) * d, b = (j * heads + h) * d; n < d; n++, a++, b++) {
          back[0][a] += g * k.data[b];
          back[1][b] += g * q.data[a];
        }
      }
    }
    return back;
  },
};

// What each token takes of the others' values, as the attention says.
const attended = {
  forward(node, [A, v]) {
    const out = tensor(node.shape), { heads, T, d } = tokens(A, v);
    eachPair(heads, T, (h, i, j, at) => {
      const to = (i * heads + h) * d, from = (j * heads + h) * d;
      for (let n = 0; n < d; n++) out.data[to + n] += A.data[at] * v.data[from + n];
    });
    return out;
  },
  backward(node, [A, v], out, R) {
    const { heads, T, d } = tokens(A, v), back = [A, v].map((x) => new Float32Array(x.data.length));
    eachPair(heads, T, (h, i, j, at) => {
      back[0][at] = inner(R, (i * heads + h) * d, v.data, (j * heads + h) * d, d);
      for (let n = 0, from = (i * heads + h) * d, to = (j * heads + h) * d; n < d; n++) back[1][to++] += A.data[at] * R[from++];
    });
    return back;
  },
};

function tokens({ shape: [heads, T] }, { data }) {
  return { heads, T, d: data.length / heads / T };
}

function eachPair(heads, T, see) {
  for (let h = 0, at = 0; h < heads; h++) for (let i = 0; i < T; i++) for (let j = 0; j < T; j++, at++) see(h, i, j, at);
}

function inner(a, i, b, j, count) {
  let sum = 0;
  for (let n = 0; n < count; n++) sum += a[i + n] * b[j + n];
  return sum;
}

function softmax(row) {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i] = Math.exp(row[i] - top);
  for (let i = 0; i < row.length; i++) row[i] /= sum;
}

// --- words. No gradient goes back through them: a map asks what the picture did --------------------------------------

const embedding = {
  forward(node, [x], tools) {
    const table = tools.weights(node, "table"), width = last(node.shape), out = tensor(node.shape);
    x.data.forEach((word, i) => out.data.set(table.subarray(word * width, (word + 1) * width), i * width));
    return out;
  },
};

// Keras' gated recurrent unit: z how much of the state stays, r how much of it the candidate sees.
const gru = {
  forward(node, [x], tools) {
    const [length, units] = node.shape, [bias, inside] = ["bias", "recurrentBias"].map((name) => tools.weights(node, name));
    const [W, U] = ["kernel", "recurrent"].map((name) => tools.panels(node, name, 3 * units, false));
    const read = rowsTimes(tools.gemm, x.data, W, bias), out = tensor(node.shape);
    let h = new Float32Array(units);
    for (let t = 0; t < length; t++) {
      const a = read.subarray(3 * units * t, 3 * units * (t + 1)), b = rowsTimes(tools.gemm, h, U, inside);
      h = h.map((old, n) => {
        const z = sigmoid(a[n] + b[n]), r = sigmoid(a[units + n] + b[units + n]);
        return z * old + (1 - z) * Math.tanh(a[2 * units + n] + r * b[2 * units + n]);
      });
      out.data.set(h, t * units);
    }
    return out;
  },
};

function rowsTimes(gemm, rows, panels, bias) {
  const count = rows.length / panels.k, out = new Float32Array(count * panels.n);
  gemm.multiply(panels, count, rowsOf(rows, panels.k), rowsInto(out, panels.n, bias));
  return out;
}

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

export const LAYERS = {
  relu, affine, log1p, gelu, add, subtract, multiply, concatenate, convolution, maxPooling, averagePooling, pad, resize, mean,
  maximum, dense, reshape, pick, offsets, token, layerNormalization, attention, attended, embedding, gru,
};
