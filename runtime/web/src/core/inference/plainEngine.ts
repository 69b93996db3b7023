/**
 * Steps of a plain LSTM in TypeScript, of fp32 and int8 files, without onnxruntime. Of int8
 * files it computes each state to the last bit as processors with FMA do for onnxruntime, whose
 * WebAssembly rounds twice where those round once; so songs of int8 files are those of `ugen-run`.
 */
import { GIVEN_NAMES, holdsToken, WISHES } from "../codecs/columns";
import { ModelError, UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import { readWeights, type Tensor, weightNames } from "../modelFile/weights";
import { sigmoid, tanh } from "./activations";
import type { Engine, State } from "./engine";
import { Kernel } from "./kernel";
import { ByteMatrix, type Column, FloatMatrix, type Matrix, Vectors } from "./matrices";
import plain from "./plain.json"; // which models this engine knows; export-ugen reads it, too

const MISFIT = "its weights do not fit its columns";

interface Layer {
  readonly ofInputs: Matrix;
  readonly ofState: Matrix;
  readonly bias: Float32Array;
  sums: Float32Array; // of the last streams; memory that is not taken anew
}

/** Whether this engine knows a model; otherwise onnxruntime must compute it. */
export function isPlain(card: Card, bytes: Uint8Array): boolean {
  if (card.codec.input === "frame" || !plain.precisions.includes(card.precision)) return false;
  return !weightNames(bytes).some((name) => plain.unknown.some((each) => name.startsWith(each)));
}

/** An engine of a file's bytes. Throws ModelError for a model that it does not know. */
export function plainEngine(card: Card, bytes: Uint8Array): Engine {
  if (!isPlain(card, bytes)) {
    throw new ModelError("only onnxruntime can compute such a model; use a browser that runs it");
  }
  const weights = new Weights(readWeights(bytes));
  const layers = Array.from({ length: card.layers }, (_, n) => weights.layer(n, card.hidden));
  return new PlainEngine(card, weights, layers);
}

class PlainEngine implements Engine {
  private readonly embedding: Vectors;
  private readonly columns: readonly Column[];
  private readonly wishes: Vectors | null;
  private readonly wished: readonly Column[];
  private readonly pointers: readonly number[]; // places of a row that point
  private readonly gates: Matrix | null; // null where they are the last columns of the head
  private readonly gatesBias: Float32Array;
  private readonly head: Matrix;
  private readonly headBias: Float32Array;
  private isReleased = false;

  constructor(
    private readonly card: Card,
    weights: Weights,
    private readonly layers: readonly Layer[],
  ) {
    const names = ["", ...card.columnNames];
    const sizes = [card.codec.vocabulary, ...card.columns.map((each) => each.size)];
    const placesOf = (is: (name: string) => boolean) =>
      names.flatMap((name, place) => (is(name) ? [place] : []));
    this.embedding = weights.vectors("embedding");
    const all = names.map((_, place) => place);
    const offsets = weights.offsets("embedding_offsets") ?? beginnings(sizes);
    this.columns = columnsOf(all, sizes, offsets, this.embedding);
    const wished = placesOf((name) => WISHES.some((wish) => wish.name === name));
    this.wishes = wished.length ? weights.vectors("wishes") : null;
    // wishes end the other table, and are counted from the end of either
    const ownOffsets = weights.offsets("wishes_offsets") ?? wished.map((place) => offsets[place]!);
    this.wished = this.wishes ? columnsOf(wished, sizes, ownOffsets, this.wishes) : [];
    this.head = weights.matrix("head");
    this.headBias = weights.floats("head_bias");
    const points = this.head.outputs > card.codec.vocabulary;
    // what stands already is not pointed at
    const mayPoint = (name: string) => holdsToken(name) && !GIVEN_NAMES.includes(name);
    this.pointers = points ? placesOf(mayPoint) : [];
    this.gates = weights.has("gates") ? weights.floatMatrix("gates") : null;
    this.gatesBias = this.gates ? weights.floats("gates_bias") : new Float32Array();
    const { length } = this.pointers;
    const outputs = sizes[0]! + (length ? 1 + (this.gates ? 0 : length) : 0);
    if (this.head.outputs !== outputs || this.gatesBias.length !== (this.gates ? length : 0)) {
      throw new ModelError(MISFIT);
    }
  }

  async step(rows: Int32Array | Float32Array, state: State): Promise<Float32Array> {
    if (this.isReleased) throw new UgenError("the model was released");
    const { layers, hidden } = this.card;
    const streams = state.h.length / (layers * hidden);
    const width = this.columns.length;
    const ids = rows as Int32Array;
    let x = this.embedding.sums(ids, width, this.columns);
    this.layers.forEach((layer, n) => {
      const own = [n * streams * hidden, (n + 1) * streams * hidden] as const;
      x = advance(layer, x, state.h.subarray(...own), state.c.subarray(...own));
    });
    if (this.wishes) {
      const wished = this.wishes.sums(ids, width, this.wished);
      for (let n = 0; n < wished.length; n++) wished[n]! += x[n]!;
      x = wished;
    }
    return this.logits(ids, x);
  }

  async release(): Promise<void> {
    this.isReleased = true;
  }

  private logits(rows: Int32Array, top: Float32Array): Float32Array {
    const { head, headBias, pointers, card } = this;
    const scores = products(head, headBias, top);
    if (!pointers.length) return scores;
    const gates = this.gates ? products(this.gates, this.gatesBias, top) : null;
    const { vocabulary } = card.codec;
    const width = this.columns.length;
    const logits = new Float32Array((rows.length / width) * vocabulary);
    for (let stream = 0; stream * vocabulary < logits.length; stream++) {
      const own = scores.subarray(stream * head.outputs, (stream + 1) * head.outputs);
      const adds = gates?.subarray(stream * pointers.length) ?? own.subarray(1 + vocabulary);
      pointers.forEach((place, n) => (own[rows[stream * width + place]!]! += adds[n]!));
      // the first column is of ids that name no token
      logits.set(own.subarray(1, 1 + vocabulary), stream * vocabulary);
    }
    return logits;
  }
}

/** A matrix times each stream, and its bias. */
function products(matrix: Matrix, bias: Float32Array, x: Float32Array): Float32Array {
  const streams = x.length / matrix.inputs;
  const found = new Float32Array(streams * matrix.outputs);
  matrix.addTo(found, x);
  for (let n = 0; n < found.length; n++) found[n]! += bias[n % matrix.outputs]!;
  return found;
}

/** Where each of some parts begins that stand one after the other. */
function beginnings(sizes: readonly number[]): number[] {
  let sum = 0;
  return sizes.map((size) => (sum += size) - size);
}

/** Columns of a table. `offsets`: where each begins; those below zero count from the table's end. */
function columnsOf(
  places: readonly number[],
  sizes: readonly number[],
  offsets: readonly number[],
  { count }: Vectors,
): Column[] {
  return places.map((place, n) => {
    const begin = offsets[n]! < 0 ? count + offsets[n]! : offsets[n]!;
    if (!(begin >= 0 && begin + sizes[place]! <= count)) throw new ModelError(MISFIT);
    return { place, begin };
  });
}

/** Compute a layer's state anew, in place; gives what comes out of it, which is h. */
function advance(layer: Layer, x: Float32Array, h: Float32Array, c: Float32Array): Float32Array {
  const { ofInputs, ofState, bias } = layer;
  const size = bias.length / 4;
  const width = (h.length / size) * bias.length;
  layer.sums = layer.sums.length === width ? layer.sums.fill(0) : new Float32Array(width);
  const { sums } = layer;
  ofInputs.addTo(sums, x);
  ofState.addTo(sums, h);
  for (let n = 0; n < width; n++) sums[n]! += bias[n % bias.length]!;
  for (let from = 0, at = 0; from < h.length; from += size, at += 4 * size) {
    const part = (n: number, parts = 1) => sums.subarray(at + n * size, at + (n + parts) * size);
    const [input, output, forget, cell] = [part(0), part(1), part(2), part(3)];
    const [own, kept] = [h.subarray(from, from + size), c.subarray(from, from + size)];
    sigmoid(part(0, 3));
    tanh(cell);
    for (let n = 0; n < size; n++) {
      kept[n] = Math.fround(kept[n]! * forget[n]!) + Math.fround(input[n]! * cell[n]!);
    }
    own.set(kept);
    tanh(own);
    for (let n = 0; n < size; n++) own[n]! *= output[n]!;
  }
  return h;
}

/** The weights of a file by the names that docs/model-format.md gives them. */
class Weights {
  private readonly kernel = new Kernel();

  constructor(private readonly tensors: ReadonlyMap<string, Tensor>) {}

  floats(name: string): Float32Array {
    const { data } = this.tensor(name);
    if (!(data instanceof Float32Array)) throw new ModelError(`${name} is not float32`);
    return data;
  }

  /** Whole numbers, or null where there are none of this name. */
  offsets(name: string): readonly number[] | null {
    if (!this.tensors.has(name)) return null;
    return Array.from(this.tensor(name).data, Number);
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  vectors(name: string): Vectors {
    if (this.tensors.has(name)) return new Vectors(this.tensor(name));
    return new Vectors(this.tensor(`${name}_quantized`), ...this.scaleOf(name));
  }

  /** A matrix that is stored [inputs, outputs]. */
  matrix(name: string): Matrix {
    return this.tensors.has(name) ? this.floatMatrix(name) : this.byteMatrix(name);
  }

  floatMatrix(name: string): Matrix {
    const [inputs = 0, outputs = 0] = this.tensor(name).dims;
    const rows = new Float32Array(inputs * outputs);
    transpose(this.floats(name), rows, inputs);
    return new FloatMatrix(this.kernel, rows, outputs, inputs);
  }

  layer(number: number, hidden: number): Layer {
    const bias = this.floats(`B_${number}`);
    const size = 4 * hidden;
    return {
      ofInputs: this.gateMatrix(`W_${number}`, size),
      ofState: this.gateMatrix(`R_${number}`, size),
      bias: Float32Array.from({ length: size }, (_, n) => bias[n]! + bias[size + n]!),
      sums: new Float32Array(),
    };
  }

  /** An LSTM's matrix: as float32 it is stored [1, outputs, inputs], as bytes the other way. */
  private gateMatrix(name: string, outputs: number): Matrix {
    if (!this.tensors.has(name)) return this.byteMatrix(name);
    const rows = this.floats(name);
    return new FloatMatrix(this.kernel, rows, outputs, rows.length / outputs);
  }

  private byteMatrix(name: string): Matrix {
    const { dims, data } = this.tensor(`${name}_quantized`);
    const [inputs = 0, outputs = 0] = dims.slice(-2);
    const [scale, zero] = this.scaleOf(name);
    if (!(data instanceof Int8Array) || zero) throw new ModelError(`${name} is not int8`);
    const rows = new Int8Array(data.length);
    transpose(data, rows, inputs);
    return new ByteMatrix(this.kernel, rows, scale, outputs, inputs);
  }

  private scaleOf(name: string): [scale: number, zero: number] {
    const zero = this.tensor(`${name}_zero_point`).data[0];
    return [this.floats(`${name}_scale`)[0]!, Number(zero)];
  }

  private tensor(name: string): Tensor {
    const found = this.tensors.get(name);
    if (!found) throw new ModelError(`it has no weights ${name}`);
    return found;
  }
}

/** Columns written as rows. `inputs`: how many rows there were. */
function transpose<T extends Float32Array | Int8Array>(from: T, to: T, inputs: number): void {
  for (let row = 0, at = 0; row < inputs; row++) {
    for (let place = row; place < to.length; place += inputs, at++) to[place] = from[at]!;
  }
}
