// Products of matrices, which are nearly all of a network's work: by WebAssembly (gemm.wat) where the browser has its vectors,
// else in plain JavaScript. Both take what they multiply a "strip" of rows at a time, which stays in the processor's cache.

import { gemmBinary } from "build:gemm";
import { bytesOf } from "./bytes.js";

const COLUMNS = 8;               // of a panel of B
const STRIP = 1 << 16;           // numbers of A in a strip: 256 KiB
const SCRATCH = 1 << 23;         // bytes of WebAssembly's memory before the matrices B

// A matrix B (k rows, n columns) made ready once, to be multiplied often. transposed: the data are those of B's transpose.
class Panels {
  constructor(data, k, n, transposed) {
    this.k = k;
    this.n = n;
    this.copiedTo = null;        // where in WebAssembly's memory; the numbers are then given up
    this.count = Math.ceil(n / COLUMNS);
    this.numbers = new Float32Array(this.count * k * COLUMNS);
    for (let column = 0; column < n; column++) {
      const start = (column >> 3) * k * COLUMNS + (column & 7);
      for (let row = 0; row < k; row++)
        this.numbers[start + row * COLUMNS] = transposed ? data[column * k + row] : data[row * n + column];
    }
  }
}

// The multiplication in plain JavaScript, of the same panels.
export class PlainGemm {
  panels(data, k, n, transposed) {
    return new Panels(data, k, n, transposed);
  }

  // C = A B by strips: `fill(strip, first, count)` writes rows of A, `take(strip, first, count, stride)` reads those of C.
  multiply(panels, rows, fill, take) {
    const { k, count, numbers } = panels, stride = count * COLUMNS, height = stripHeight(k, stride);
    const A = new Float32Array(height * k), C = new Float32Array(height * stride);
    for (let first = 0; first < rows; first += height) {
      const here = Math.min(height, rows - first);
      fill(A, first, here);
      C.fill(0);
      for (let i = 0; i < here; i++)
        for (let panel = 0; panel < count; panel++)
          for (let j = 0, b = panel * k * COLUMNS; j < k; j++) {
            const a = A[i * k + j], c = i * stride + panel * COLUMNS;
            for (let column = 0; column < COLUMNS; column++) C[c + column] += a * numbers[b++];
          }
      take(C, first, here, stride);
    }
  }
}

// The same by WebAssembly. Its memory holds a strip of A, a strip of C, and after them every matrix B that was made ready.
export class WasmGemm {
  constructor() {
    const module = new WebAssembly.Module(bytesOf(gemmBinary));
    const { memory, gemm } = new WebAssembly.Instance(module).exports;
    this.memory = memory;
    this.gemm = gemm;
    this.end = SCRATCH;
  }

  panels(data, k, n, transposed) {
    return new Panels(data, k, n, transposed);
  }

  multiply(panels, rows, fill, take) {
    const { k, count } = panels, stride = count * COLUMNS, height = stripHeight(k, stride);
    const a = 0, c = height * k, b = this._placed(panels, c + height * stride);
    const A = new Float32Array(this.memory.buffer, 4 * a, height * k);
    const C = new Float32Array(this.memory.buffer, 4 * c, height * stride);
    for (let first = 0; first < rows; first += height) {
      const here = Math.min(height, rows - first);
      fill(A, first, here);
      this.gemm(4 * a, b, 4 * c, (here + 3) & ~3, k, count);
      take(C, first, here, stride);
    }
  }

  _placed(panels, scratch) {
    if (4 * scratch > SCRATCH) throw new Error(`a matrix of ${panels.k} rows is beyond what the engine multiplies`);
    if (panels.copiedTo === null) {
      panels.copiedTo = this.end;
      this.end += panels.numbers.byteLength;
      const missing = this.end - this.memory.buffer.byteLength;
      if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
      new Float32Array(this.memory.buffer, panels.copiedTo, panels.numbers.length).set(panels.numbers);
      panels.numbers = null;
    }
    return panels.copiedTo;
  }
}

function stripHeight(k, stride) {
  return Math.max(4, Math.floor(STRIP / Math.max(k, stride)) & ~3);
}

export function fastestGemm() {
  try {
    return new WasmGemm();
  } catch {
    return new PlainGemm();      // a browser without WebAssembly's vectors, or a page whose rules forbid WebAssembly
  }
}
