// How numbers become colours: the same as in the notebooks, lecture_utils/plots.py, to rounding.

/** A colour's number in a table of 256, for a share from 0 to 1, as matplotlib takes it. */
const numberOf = share => Math.min(255, Math.max(0, Math.floor(256 * share)));

/** RGB of a value whose scale ends at `top`; with two signs around the table's middle. */
export function colourOf(value, top, table, signed) {
  const share = top > 0 ? value / top : 0;
  return table[numberOf(signed ? share / 2 + 0.5 : share)];
}

/** What an overlay shows: of a map its positive part; of pixels with two signs the strongest colour channel. */
export function evidenceOf({ values, height, width, channels, pixels }) {
  if (!pixels) return values.map(value => Math.max(0, value));
  return Float32Array.from({ length: height * width }, (_, n) => {
    let most = 0;
    for (let c = 0; c < channels; c++) most = Math.max(most, Math.abs(values[n * channels + c]));
    return most;
  });
}

/**
 * A map at the size of the image: bilinear between the centres of its cells, beyond the outermost ones the nearest one's value.
 *
 * map: {values, height, width}; size: [height, width] of the image; places: as `placesOf` gives them.
 */
function upsample({ values, height, width }, size, places) {
  const rows = between(size[0], places.y, height), columns = between(size[1], places.x, width);
  const large = new Float32Array(size[0] * size[1]);
  for (let p = 0, n = 0; p < size[0]; p++) {
    const above = rows.low[p] * width, below = rows.high[p] * width, t = rows.share[p];
    for (let q = 0; q < size[1]; q++, n++) {
      const j = columns.low[q], next = columns.high[q], s = columns.share[q];
      const top = values[above + j] + (values[above + next] - values[above + j]) * s;
      large[n] = top + (values[below + j] + (values[below + next] - values[below + j]) * s - top) * t;
    }
  }
  return large;
}

/** For each pixel of an axis, the two cells between which it lies, and how far from the first. */
function between(pixels, { stride, offset, input }, count) {
  const low = new Int32Array(pixels), high = new Int32Array(pixels), share = new Float32Array(pixels);
  for (let p = 0; p < pixels; p++) {
    const place = (p + 0.5) * (input / pixels) - 0.5, t = Math.min(count - 1, Math.max(0, (place - offset) / stride));
    low[p] = Math.floor(t);
    high[p] = Math.min(low[p] + 1, count - 1);
    share[p] = t - low[p];
  }
  return { low, high, share };
}

/**
 * Where a map's cells look in the network's input: {y, x}, each {stride, offset, input}, in its pixels, of which there are `input`.
 * Without `cells` they are spread evenly.
 */
export function placesOf({ height, width }, input, cells) {
  const axis = (count, pixels, n) => cells ? { stride: cells.stride[n], offset: cells.offset[n], input: pixels } :
    { stride: pixels / count, offset: (pixels / count - 1) / 2, input: pixels };
  return { y: axis(height, input.height, 0), x: axis(width, input.width, 1) };
}

/** RGBA of the image with the map laid over it; top: the value that gets the brightest colour. */
export function overlay(image, map, { table, opacity, top, places }) {
  const { height, width, channels, values } = image, large = upsample(map, [height, width], places);
  const pixels = new Uint8ClampedArray(4 * height * width), heats = table.map(heat => heat.map(value => opacity * value));
  const seen = 255 * (1 - opacity), green = channels === 1 ? 0 : 1, blue = 2 * green, times = top > 0 ? 1 / top : 0;
  for (let n = 0, at = 0, to = 0; to < pixels.length; n++, at += channels, to += 4) {
    const heat = heats[numberOf(large[n] * times)];
    pixels[to] = seen * values[at] + heat[0];               // such an array rounds
    pixels[to + 1] = seen * values[at + green] + heat[1];
    pixels[to + 2] = seen * values[at + blue] + heat[2];
    pixels[to + 3] = 255;
  }
  return new ImageData(pixels, width, height);
}

/** RGBA of pixels with two signs: the mean of the colour channels around grey; top: where the scale ends, of itself at the
 *  99.5th percentile of the absolute values. */
export function signedPicture({ values, height, width, channels }, top = null) {
  const means = Float32Array.from({ length: height * width }, (_, n) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += values[n * channels + c];
    return sum / channels;
  });
  const sizes = means.map(Math.abs).sort(), scale = top ?? (percentile(sizes, 0.995) || sizes[sizes.length - 1] || 1);
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  means.forEach((mean, n) => pixels.fill(Math.round(255 * Math.min(1, Math.max(0, 0.5 + 0.5 * mean / scale))), 4 * n, 4 * n + 3));
  return { picture: new ImageData(pixels, width, height), scale, means };
}

/** Of sorted numbers, linear between two of them, as NumPy does. */
function percentile(sorted, share) {
  const place = share * (sorted.length - 1), low = Math.floor(place);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (place - low);
}

/** The largest of absolute values; 0 for none. */
export function largest(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

/** A number with three digits that count: "0.0504", "−3.2", "9.8×10⁻⁴". */
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value), [mantissa, exponent] = value.toExponential(1).split("e");
  const text = size < 0.001 || size >= 10_000 ? `${mantissa}×10${raised(Number(exponent))}` : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

const raised = exponent => [...String(exponent)].map(each => each === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[each]).join("");
