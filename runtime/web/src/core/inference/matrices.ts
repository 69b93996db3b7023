/** Matrices of a model, by which the streams of a step are multiplied. */
import type { Tensor } from "../modelFile/weights";
import { roundHalfEven } from "../text";
import type { Kernel } from "./kernel";

/** Numbers [outputs, inputs] to multiply. */
export interface Matrix {
  readonly outputs: number;
  readonly inputs: number;
  /** Add the products with each stream of x [streams, inputs] to `sums` [streams, outputs]. */
  addTo(sums: Float32Array, x: Float32Array): void;
}

/** A matrix of float32. */
export class FloatMatrix implements Matrix {
  private readonly multiply: (x: Float32Array) => Float32Array;

  constructor(
    kernel: Kernel,
    rows: Float32Array,
    readonly outputs: number,
    readonly inputs: number,
  ) {
    this.multiply = kernel.floats(rows, outputs, inputs);
  }

  addTo(sums: Float32Array, x: Float32Array): void {
    for (let begin = 0, to = 0; begin < x.length; begin += this.inputs) {
      const found = this.multiply(part(x, begin, this.inputs));
      for (let n = 0; n < found.length; n++) sums[to++]! += found[n]!;
    }
  }
}

/**
 * A matrix of bytes with one scale. Streams are rounded to 256 steps, all by one scale, so that all
 * products and sums are of whole numbers, as in onnxruntime.
 */
export class ByteMatrix implements Matrix {
  private readonly multiply: (steps: Int16Array) => Int32Array;
  private steps = new Int16Array(); // of the last streams; memory that is not taken anew

  constructor(
    kernel: Kernel,
    rows: Int8Array,
    private readonly scale: number,
    readonly outputs: number,
    readonly inputs: number,
  ) {
    this.multiply = kernel.bytes(rows, outputs, inputs);
  }

  addTo(sums: Float32Array, x: Float32Array): void {
    if (this.steps.length !== x.length) this.steps = new Int16Array(x.length);
    const scale = round(x, this.steps);
    const both = Math.fround(scale * this.scale);
    for (let begin = 0, to = 0; begin < x.length; begin += this.inputs) {
      const found = this.multiply(part(this.steps, begin, this.inputs));
      for (let n = 0; n < found.length; n++) {
        sums[to++]! += Math.fround(Math.fround(found[n]!) * both);
      }
    }
  }
}

/** So many numbers from a place on. */
function part<T extends Float32Array | Int16Array>(all: T, begin: number, size: number): T {
  return all.length === size ? all : (all.subarray(begin, begin + size) as T);
}

/** Write numbers as steps from 0, of a scale that makes 255 of their range. Gives the scale. */
function round(x: Float32Array, steps: Int16Array): number {
  let low = 0;
  let high = 0;
  for (const value of x) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = low === high ? 1 : Math.fround(Math.fround(high - low) / 255);
  const zero = Math.max(0, Math.min(255, roundHalfEven(-Math.fround(low / scale))));
  for (let n = 0; n < x.length; n++) {
    const step = roundHalfEven(Math.fround(x[n]! / scale)) + zero;
    steps[n] = Math.max(0, Math.min(255, step)) - zero;
  }
  return scale;
}

/** Vectors by id, those of one column after those of the one before. */
export class Vectors {
  readonly size: number;
  readonly count: number;
  private readonly numbers: Float32Array;

  /** The numbers are the stored ones less `zero`, times `scale`. */
  constructor(
    table: Tensor,
    private readonly scale = 1,
    zero = 0,
  ) {
    [this.count = 0, this.size = 0] = table.dims;
    this.numbers = new Float32Array(table.data as Float32Array | Uint8Array);
    for (let n = 0; zero && n < this.numbers.length; n++) this.numbers[n]! -= zero;
  }

  /**
   * Add up the vectors of the ids at some places of each row. `columns`: these places, and where the
   * vectors of each begin. Gives [rows, size].
   */
  sums(rows: Int32Array, width: number, columns: readonly Column[]): Float32Array {
    const { size, numbers, scale } = this;
    const sums = new Float32Array((rows.length / width) * size);
    for (let row = 0, to = 0; row < rows.length; row += width, to += size) {
      for (const { place, begin } of columns) {
        const from = (begin + rows[row + place]!) * size;
        for (let n = 0; n < size; n++) sums[to + n]! += numbers[from + n]!;
      }
    }
    if (scale !== 1) for (let n = 0; n < sums.length; n++) sums[n]! *= scale;
    return sums;
  }
}

/** A place in a row, and where in a table the vectors of its ids begin. */
export interface Column {
  readonly place: number;
  readonly begin: number;
}
