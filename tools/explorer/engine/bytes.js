// Bytes out of the texts that a page can hold.

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

export async function unpacked(gzip) {
  const stream = new Blob([gzip]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// float16 numbers, the low bytes of all of them before the high bytes (so that they compress better), as float32.
export function halves(planes) {
  const count = planes.length / 2, numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = half(planes[i] | planes[count + i] << 8);
  return numbers;
}

export function half(bits) {
  const exponent = bits >> 10 & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
