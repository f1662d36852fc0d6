// QR codes (ISO/IEC 18004): text as bytes, with error correction of level M, which bears 15 % of the code hidden.

// Of versions 1 to 40 at level M: the bytes of error correction in each block, and how many blocks there are.
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
                    26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
                17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49];

const MASKS = [(i, j) => (i + j) % 2, i => i % 2, (i, j) => j % 3, (i, j) => (i + j) % 3,
               (i, j) => (Math.floor(i / 2) + Math.floor(j / 3)) % 2, (i, j) => i * j % 2 + i * j % 3,
               (i, j) => (i * j % 2 + i * j % 3) % 2, (i, j) => ((i + j) % 2 + i * j % 3) % 2];      // dark is turned where 0

/** Rows of booleans, true for dark, without the light border of four modules that belongs around; Error("addressTooLong"). */
export function qrMatrix(text) {
  const bytes = new TextEncoder().encode(text), version = smallestVersion(bytes.length);
  const bits = interleaved(packed(bytes, version), version).flatMap(byte => digits(byte, 8));
  const code = withPatterns(version);
  placeBits(code, bits);
  return best(MASKS.map((mask, number) => masked(code, mask, number)));
}

// ---- how much fits

function side(version) { return 17 + 4 * version; }

/** Where the centres of the small squares stand, along either axis: evenly from the far end, beginning at 6. */
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2, last = side(version) - 7;
  const step = version === 32 ? 26 : 2 * Math.ceil((last - 6) / (2 * (count - 1)));
  return [6, ...Array.from({ length: count - 1 }, (_, n) => last - (count - 2 - n) * step)];
}

/** Bytes of all modules that hold neither patterns nor formats. */
function capacity(version) {
  const aligned = alignments(version).length, small = aligned ? aligned ** 2 - 3 : 0;
  const inTiming = aligned ? 2 * (aligned - 2) : 0;                  // small squares that stand in the timing lines
  const patterns = 3 * 64 + 2 * (side(version) - 16) + 25 * small - 5 * inTiming + 31 + (version > 6 ? 36 : 0);
  return Math.floor((side(version) ** 2 - patterns) / 8);
}

function dataBytes(version) { return capacity(version) - CORRECTION[version - 1] * BLOCKS[version - 1]; }

function lengthBits(version) { return version < 10 ? 8 : 16; }

function smallestVersion(length) {
  for (let version = 1; version <= 40; version++)
    if (4 + lengthBits(version) + 8 * length <= 8 * dataBytes(version)) return version;
  throw new Error("addressTooLong");
}

// ---- from text to bits

function digits(number, count) { return Array.from({ length: count }, (_, n) => number >> (count - 1 - n) & 1); }

/** The mode "bytes", the length, the bytes, and what fills up the rest. */
function packed(bytes, version) {
  const room = dataBytes(version);
  const bits = [0, 1, 0, 0, ...digits(bytes.length, lengthBits(version)), ...[...bytes].flatMap(byte => digits(byte, 8))];
  bits.push(...new Array(Math.min(4, 8 * room - bits.length)).fill(0));
  bits.push(...new Array(-bits.length & 7).fill(0));
  const full = Array.from({ length: bits.length / 8 }, (_, n) => bits.slice(8 * n, 8 * n + 8).reduce((sum, bit) => 2 * sum + bit));
  for (let n = 0; full.length < room; n++) full.push(n % 2 ? 0x11 : 0xec);
  return full;
}

/** The bytes dealt out to blocks, the last of which hold one more, and read across them; then their corrections likewise. */
function interleaved(data, version) {
  const count = BLOCKS[version - 1], short = Math.floor(data.length / count), longer = data.length % count;
  const starts = Array.from({ length: count + 1 }, (_, n) => n * short + Math.max(0, n - (count - longer)));
  const blocks = Array.from({ length: count }, (_, n) => data.slice(starts[n], starts[n + 1]));
  const corrections = blocks.map(block => remainder(block, generator(CORRECTION[version - 1])));
  return [...across(blocks, short + 1), ...across(corrections, CORRECTION[version - 1])];
}

function across(blocks, length) {
  return Array.from({ length }, (_, n) => blocks.map(block => block[n])).flat().filter(byte => byte !== undefined);
}

// ---- Reed-Solomon's code over the field of 256 elements, x^8 + x^4 + x^3 + x^2 + 1

function product(a, b) {
  let sum = 0;
  for (let bit = 7; bit >= 0; bit--) sum = sum << 1 ^ (sum >> 7) * 0x11d ^ (b >> bit & 1) * a;
  return sum;
}

/** The coefficients of (x - 1)(x - 2)(x - 4)…, `degree` factors, without the leading 1. */
function generator(degree) {
  let coefficients = [1];
  for (let n = 0, root = 1; n < degree; n++, root = product(root, 2))
    coefficients = [...coefficients, 0].map((one, k) => one ^ product(k ? coefficients[k - 1] : 0, root));
  return coefficients.slice(1);
}

function remainder(block, divisor) {
  let rest = new Array(divisor.length).fill(0);
  for (const byte of block) {
    const factor = byte ^ rest[0];
    rest = [...rest.slice(1), 0].map((one, n) => one ^ product(divisor[n], factor));
  }
  return rest;
}

// ---- the picture: modules are true or false, those for data undefined until they are placed

function withPatterns(version) {
  const size = side(version), rows = Array.from({ length: size }, () => new Array(size)), code = { size, rows, data: [] };
  for (let n = 8; n < size - 8; n++) rows[6][n] = rows[n][6] = n % 2 === 0;                      // timing
  for (const [i, j] of [[3, 3], [3, size - 4], [size - 4, 3]]) square(code, i, j, 4, [0, 1, 3]);   // the three corners
  const places = alignments(version), last = places.length - 1;
  places.forEach((i, m) => places.forEach((j, n) => {
    const corner = m === 0 && n === 0 || m === 0 && n === last || m === last && n === 0;
    if (!corner) square(code, i, j, 2, [0, 2]);
  }));
  placeFormat(code, 0);                                                                           // kept free for now
  if (version > 6) placeVersion(code, version);
  return code;
}

/** A square around (i, j): its rings at the distances `dark` are dark, the others up to `radius` light. */
function square({ size, rows }, i, j, radius, dark) {
  for (let y = Math.max(0, i - radius); y <= Math.min(size - 1, i + radius); y++)
    for (let x = Math.max(0, j - radius); x <= Math.min(size - 1, j + radius); x++)
      rows[y][x] = dark.includes(Math.max(Math.abs(y - i), Math.abs(x - j)));
}

/** `value` followed by the remainder of its division by the polynomial `divisor` over two elements. */
function withChecks(value, divisor) {
  const checks = 31 - Math.clz32(divisor);
  let rest = value << checks;
  for (let shift = 31 - Math.clz32(value || 1); shift >= 0; shift--) if (rest >> checks + shift & 1) rest ^= divisor << shift;
  return value << checks | rest;
}

/** Level M (00) and the mask's number, twice: around the upper left corner, and along the two others. */
function placeFormat({ size, rows }, mask) {
  const bits = withChecks(mask, 0x537) ^ 0x5412;
  for (let n = 0; n < 15; n++) {
    const dark = (bits >> n & 1) === 1;
    if (n < 8) rows[n + (n > 5)][8] = rows[8][size - 1 - n] = dark;
    else rows[8][n < 9 ? 7 : 14 - n] = rows[size - 15 + n][8] = dark;
  }
  rows[size - 8][8] = true;
}

function placeVersion({ size, rows }, version) {
  const bits = withChecks(version, 0x1f25);
  for (let n = 0; n < 18; n++) {
    const across = Math.floor(n / 3), along = size - 11 + n % 3;
    rows[across][along] = rows[along][across] = (bits >> n & 1) === 1;
  }
}

/** Up and down in columns two modules wide, from the right; the timing column is passed over. Noted where data stands. */
function placeBits({ size, rows, data }, bits) {
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let n = 0; n < size; n++)
      for (const j of [right, right - 1]) {
        const i = up ? size - 1 - n : n;
        if (rows[i][j] !== undefined) continue;
        rows[i][j] = bits[data.length] === 1;
        data.push([i, j]);
      }
  }
}

function masked({ size, rows, data }, mask, number) {
  const copy = { size, rows: rows.map(row => [...row]) };
  for (const [i, j] of data) copy.rows[i][j] = rows[i][j] !== (mask(i, j) === 0);
  placeFormat(copy, number);
  return copy.rows;
}

// ---- of the eight masks that one whose picture a camera mistakes least

function best(pictures) {
  const marks = pictures.map(penalty);
  return pictures[marks.indexOf(Math.min(...marks))];
}

function penalty(rows) {
  const columns = rows.map((_, j) => rows.map(row => row[j]));
  const lines = [...rows, ...columns].map(line => line.map(dark => dark ? "1" : "0").join(""));
  return runs(lines) + 3 * evenSquares(rows) + 40 * likeCorners(lines) + unbalanced(rows);
}

function runs(lines) {
  return lines.flatMap(line => line.match(/0{5,}|1{5,}/g) ?? []).reduce((sum, run) => sum + run.length - 2, 0);
}

function evenSquares(rows) {
  let count = 0;
  for (let i = 1; i < rows.length; i++)
    for (let j = 1; j < rows.length; j++)
      count += rows[i][j] === rows[i - 1][j] && rows[i][j] === rows[i][j - 1] && rows[i][j] === rows[i - 1][j - 1];
  return count;
}

function likeCorners(lines) {
  return lines.flatMap(line => [...line.matchAll(/(?=00001011101|10111010000)/g)]).length;
}

function unbalanced(rows) {
  const dark = rows.flat().filter(Boolean).length / rows.length ** 2;
  return 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}
