// Pictures that the reader brings: a file read within bounds, and fitted to a network. Nothing leaves the computer.
//
// A picture is {values, height, width, channels}: Float32Array in [0, 1], row after row, the channels of a pixel together.
// What is wrong with a file ends in an Error whose message is a key of picture_texts.js.

const MAX_BYTES = 60e6;
const MAX_PIXELS = 110e6;       // of a telephone's photograph: 12 to 108 million
const ROUGH_SIDE = 1280;        // pixels: so far the browser shrinks what is larger, without a copy at full size on this side
const PHOTO_SIDE = 320;         // pixels; a photograph is shown no larger
const DIGIT_SIDE = 28, DIGIT_INK = 20;      // MNIST's pictures, and the square in them that the ink fills

/** The picture in an image file (a Blob), upright, transparent places white, its longest side at most 320 pixels. */
export async function readPicture(file) {
  if (file.size > MAX_BYTES) throw new Error("pictureTooManyBytes");
  const size = await sizeOf(file);
  if (size.width * size.height > MAX_PIXELS) throw new Error("pictureTooManyPixels");
  const rough = within(size, ROUGH_SIDE), small = within(size, PHOTO_SIDE);
  const pixels = resized(onWhite(await decoded(file, rough), rough), small);
  return { values: Float32Array.from(pixels.values, value => value / 255), ...small, channels: 3 };
}

/** Height and width of an image file as it stands upright, from its head alone: nothing is decoded yet. */
function sizeOf(file) {
  return new Promise((resolve, reject) => {
    const address = URL.createObjectURL(file), image = new Image();
    const end = finish => { URL.revokeObjectURL(address); finish(); };
    image.onload = () => end(() => resolve({ height: image.naturalHeight, width: image.naturalWidth }));
    image.onerror = () => end(() => reject(new Error("pictureUnreadable")));
    image.src = address;
  });
}

async function decoded(file, { height, width }) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", resizeWidth: width, resizeHeight: height,
                                           resizeQuality: "medium" });
  } catch {
    throw new Error("pictureUnreadable");
  }
}

/** The bitmap's red, green and blue, 0 to 255, over white paper. */
function onWhite(bitmap, { height, width }) {
  const paper = new OffscreenCanvas(width, height).getContext("2d");
  paper.fillStyle = "white";
  paper.fillRect(0, 0, width, height);
  paper.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { values: withoutAlpha(paper.getImageData(0, 0, width, height).data), height, width, channels: 3 };
}

function withoutAlpha(rgba) {
  const rgb = new Uint8Array(rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3)
    for (let channel = 0; channel < 3; channel++) rgb[to + channel] = rgba[from + channel];
  return rgb;
}

/** The size of a picture whose longest side shall be `side` at most, its sides in proportion. */
function within({ height, width }, side) {
  const scale = Math.min(1, side / Math.max(height, width));
  return { height: Math.max(1, Math.round(height * scale)), width: Math.max(1, Math.round(width * scale)) };
}

/**
 * A picture as an image for a network that takes `input`: {height, width, channels}.
 *
 * A photograph stays whole, and the engine fits it, a drawing in three equal channels; a grey network gets the middle of the
 * picture at its own size; digits, 28×28×1, are brought into MNIST's form. Throws Error("drawingEmpty") for a digit without ink.
 */
export function fitPicture(picture, input) {
  if (input.channels === 3) return picture.channels === 3 ? picture : inThreeChannels(picture);
  const grey = inGrey(picture);
  return input.height === DIGIT_SIDE && input.width === DIGIT_SIDE ? asDigit(grey) : middle(grey, input);
}

function inThreeChannels({ values, height, width }) {
  return { values: Float32Array.from({ length: 3 * values.length }, (_, n) => values[Math.floor(n / 3)]), height, width, channels: 3 };
}

/** Bytes of luminance, as ITU-R 601 weighs the colours, rounded as Pillow does. */
function inGrey({ values, height, width, channels }) {
  const bytes = Uint8Array.from(values, value => Math.round(255 * value));
  if (channels === 1) return { values: bytes, height, width, channels: 1 };
  const grey = new Uint8Array(height * width);
  for (let n = 0; n < grey.length; n++)
    grey[n] = (19595 * bytes[3 * n] + 38470 * bytes[3 * n + 1] + 7471 * bytes[3 * n + 2] + 0x8000) >> 16;
  return { values: grey, height, width, channels: 1 };
}

function middle(grey, { height, width }) {
  const ratio = width / height, wide = grey.width / grey.height >= ratio;
  const seen = wide ? { height: grey.height, width: ratio * grey.height } : { height: grey.width / ratio, width: grey.width };
  return asImage(resized(grey, { height, width }, seen));
}

function asImage({ values, ...size }) {
  return { values: Float32Array.from(values, value => value / 255), ...size };
}

/**
 * A written digit, bytes of grey, as MNIST has it: 28×28, white on black.
 *
 * The ink is scaled into 20×20 pixels and its centre of mass put into the middle, as LeCun, Cortes and Burges did. Dark ink on
 * light paper, which the border tells, is turned round. The same as `as_digit` in lecture_utils/explorer/uploads.py, hence the
 * single precision; but Pillow resizes some shapes along the columns first, and rounds other numbers in between.
 */
function asDigit({ values, height, width }) {
  const light = Float32Array.from(values, value => Math.fround(value) / Math.fround(255));
  const paper = median(border(light, height, width)), ink = light.map(value => Math.abs(value - paper));
  const darkest = ink.reduce((one, other) => Math.max(one, other));
  if (darkest < 0.2) throw new Error("drawingEmpty");
  const { top, bottom, left, right } = bounds(ink, height, width, darkest / 4);
  const cut = { values: new Uint8Array((bottom - top) * (right - left)), height: bottom - top, width: right - left, channels: 1 };
  for (let i = top, n = 0; i < bottom; i++)
    for (let j = left; j < right; j++) cut.values[n++] = Math.fround(Math.fround(255 * ink[i * width + j]) / darkest);
  return inTheMiddle(resized(cut, contained(cut, DIGIT_INK)));
}

function border(light, height, width) {
  const edge = [...light.subarray(0, width), ...light.subarray((height - 1) * width)];
  for (let i = 0; i < height; i++) edge.push(light[i * width], light[(i + 1) * width - 1]);
  return edge;
}

function median(numbers) {          // of an even count, as a border has
  const ranked = Float32Array.from(numbers).sort(), half = ranked.length / 2;
  return Math.fround((ranked[half - 1] + ranked[half]) / 2);
}

/** The rows and columns in which anything lies above `threshold`; the upper bounds are exclusive. */
function bounds(ink, height, width, threshold) {
  let top = height, bottom = 0, left = width, right = 0;
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++)
      if (ink[i * width + j] > threshold) {
        top = Math.min(top, i), bottom = i + 1;
        left = Math.min(left, j), right = Math.max(right, j + 1);
      }
  return { top, bottom, left, right };
}

/** The largest size with these proportions in a square of `side`, as Pillow's `ImageOps.contain` rounds it. */
function contained({ height, width }, side) {
  if (width > height) return { height: Math.max(1, evenly(height / width * side)), width: side };
  return { height: side, width: Math.max(1, evenly(width / height * side)) };
}

function evenly(number) {           // Python rounds a half to the even neighbour
  const nearest = Math.round(number);
  return nearest - number === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

function inTheMiddle(small) {
  let mass = 0, down = 0, across = 0;
  small.values.forEach((value, n) => {
    mass += value, down += value * Math.floor(n / small.width), across += value * (n % small.width);
  });
  const place = (moment, size) => Math.min(Math.max(evenly((DIGIT_SIDE - 1) / 2 - moment / mass), 0), DIGIT_SIDE - size);
  const top = place(down, small.height), left = place(across, small.width);
  const values = new Float32Array(DIGIT_SIDE * DIGIT_SIDE);
  small.values.forEach((value, n) => {
    values[(top + Math.floor(n / small.width)) * DIGIT_SIDE + left + n % small.width] = value / 255;
  });
  return { values, height: DIGIT_SIDE, width: DIGIT_SIDE, channels: 1 };
}

/**
 * Bytes resized by the bicubic filter, widened where the picture shrinks so that no pixel is passed over: as Pillow does, along
 * the rows and then along the columns, bytes in between. Of the picture its middle of the size `seen`, the whole if not given.
 */
function resized(picture, { height, width }, seen = picture) {
  const { channels } = picture;
  const rows = along(picture.values, { count: picture.height, size: picture.width, step: channels }, seen.width, width);
  const values = along(rows, { count: 1, size: picture.height, step: width * channels }, seen.height, height);
  return { values, height, width, channels };
}

/** The middle axis of bytes (count, size, step) resized: of its `size` places the `seen` in the middle become `wanted`. */
function along(bytes, { count, size, step }, seen, wanted) {
  if (seen === size && wanted === size) return bytes;
  const to = new Uint8ClampedArray(count * wanted * step), start = (size - seen) / 2, scale = seen / wanted;
  for (let place = 0; place < wanted; place++) {
    const { first, weights } = bicubic(start + (place + 0.5) * scale, Math.max(scale, 1), size);
    for (let one = 0; one < count; one++)
      for (let k = 0; k < step; k++) {
        let sum = 2 ** 21;
        for (let n = 0; n < weights.length; n++) sum += weights[n] * bytes[(one * size + first + n) * step + k];
        to[(one * wanted + place) * step + k] = Math.floor(sum / 2 ** 22);
      }
  }
  return to;
}

/** The places around `centre` that the filter sees, and their weights, which sum to 2^22 but for rounding. */
function bicubic(centre, stretch, size) {
  const first = Math.max(0, Math.trunc(centre - 2 * stretch + 0.5));
  const last = Math.min(size, Math.trunc(centre + 2 * stretch + 0.5));
  const weights = [];
  for (let place = first; place < last; place++) weights.push(cubic((place + 0.5 - centre) / stretch));
  const sum = weights.reduce((one, other) => one + other);
  return { first, weights: weights.map(weight => Math.sign(weight) * Math.floor(Math.abs(weight / sum) * 2 ** 22 + 0.5)) };
}

function cubic(x) {                 // Keys' filter, a = -1/2
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}
