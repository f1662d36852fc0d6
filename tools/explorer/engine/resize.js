// Images and maps at another size: bilinear, along one axis and then the other.

// Which cells each of `to` new places is a mean of, and with what weights: {first, count, weight} of one list of weights.
// Half-pixel centres; shrunk with `antialias`, every old place counts (as tf.image.resize does it).
export function spread(from, to, antialias) {
  const ratio = from / to, reach = antialias ? Math.max(ratio, 1) : 1, rows = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * ratio;
    const first = Math.max(0, Math.ceil(centre - reach - 0.5)), last = Math.min(from - 1, Math.floor(centre + reach - 0.5));
    const weights = [];
    for (let j = first; j <= last; j++) weights.push(Math.max(0, 1 - Math.abs((j + 0.5 - centre) / reach)));
    const sum = weights.reduce((a, b) => a + b, 0);
    rows.push({ first, weights: weights.map((weight) => weight / sum) });
  }
  return rows;
}

// Where pixels 0 ... `to` - 1 lie between cells that look at pixel stride * i + offset: the same form as `spread`.
export function between(cells, to, stride, offset) {
  const rows = [];
  for (let pixel = 0; pixel < to; pixel++) {
    const t = Math.min(Math.max((pixel - offset) / stride, 0), cells - 1);
    const first = Math.min(Math.floor(t), Math.max(cells - 2, 0));
    rows.push({ first, weights: cells > 1 ? [1 - (t - first), t - first] : [1] });
  }
  return rows;
}

// values (height, width, channels) with new rows and new columns, as `spread` or `between` give them.
export function mixed(values, height, width, channels, rows, columns) {
  const across = new Float32Array(height * columns.length * channels), line = columns.length * channels;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < columns.length; x++) {
      const { first, weights } = columns[x], to = (y * columns.length + x) * channels;
      for (let n = 0; n < weights.length; n++)
        for (let k = 0, at = (y * width + first + n) * channels; k < channels; k++) across[to + k] += weights[n] * values[at + k];
    }
  const out = new Float32Array(rows.length * line);
  for (let y = 0; y < rows.length; y++) {
    const { first, weights } = rows[y];
    for (let n = 0; n < weights.length; n++)
      for (let i = 0, at = (first + n) * line, to = y * line; i < line; i++) out[to + i] += weights[n] * across[at + i];
  }
  return out;
}

// The way back of `mixed`: what each old place contributed to.
export function unmixed(gradient, height, width, channels, rows, columns) {
  const line = columns.length * channels, across = new Float32Array(height * line);
  for (let y = 0; y < rows.length; y++) {
    const { first, weights } = rows[y];
    for (let n = 0; n < weights.length; n++)
      for (let i = 0, to = (first + n) * line, at = y * line; i < line; i++) across[to + i] += weights[n] * gradient[at + i];
  }
  const out = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < columns.length; x++) {
      const { first, weights } = columns[x], at = (y * columns.length + x) * channels;
      for (let n = 0; n < weights.length; n++)
        for (let k = 0, to = (y * width + first + n) * channels; k < channels; k++) out[to + k] += weights[n] * across[at + k];
    }
  return out;
}

// An image at the size that a network takes: {values, height, width, channels}.
export function resized(image, height, width) {
  if (image.height === height && image.width === width) return image;
  const values = mixed(image.values, image.height, image.width, image.channels,
    spread(image.height, height, true), spread(image.width, width, true));
  return { values, height, width, channels: image.channels };
}
