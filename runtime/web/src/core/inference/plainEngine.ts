/**
 * Steps of a plain LSTM in TypeScript, of fp32 and int8 files, without onnxruntime. Of int8
 * files it computes each state to the last bit as processors with FMA do for onnxruntime, whose
 * WebAssembly rounds twice where those round once; so songs of int8 files are those of `ugen-run`.
 */
import { ModelError, UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import { readWeights, type Tensor } from "../modelFile/weights";
import { sigmoid, tanh } from "./activations";
import { ByteKernel } from "./byteKernel";
import type { Engine, State } from "./engine";
import { ByteMatrix, FloatMatrix, type Matrix, type Vectors, vectorsOf } from "./matrices";

// weights of models that this engine does not know
const UNKNOWN = ["input_proj", "tied_proj", "top_gain", "normed_0_gain", "start_h", "input_skip"];

interface Layer {
  readonly ofInputs: Matrix;
  readonly ofState: Matrix;
  readonly bias: Float32Array;
}

/** Whether this engine knows a model; otherwise onnxruntime must compute it. */
export function isPlain(card: Card, bytes: Uint8Array): boolean {
  if (card.codec.input === "frame" || !["fp32", "int8"].includes(card.precision)) return false;
  const names = [...readWeights(bytes).keys()];
  return !names.some((name) => UNKNOWN.some((each) => name.startsWith(each)));
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
  private readonly offsets: readonly number[]; // where the vectors of each column begin
  private readonly wishes: Vectors | null;
  private readonly wishPlaces: readonly number[]; // of a row
  private readonly wishOffsets: readonly number[];
  private readonly pointers: readonly number[]; // places of a row that point
  private readonly gates: Matrix | null;
  private readonly gatesBias: Float32Array;
  private readonly head: Matrix;
  private readonly headBias: Float32Array;
  private isReleased = false;

  constructor(
    private readonly card: Card,
    weights: Weights,
    private readonly layers: readonly Layer[],
  ) {
    this.embedding = weights.vectors("embedding");
    this.offsets = weights.places("embedding_offsets") ?? [0];
    this.wishPlaces = weights.places("wish_places") ?? [];
    this.wishes = this.wishPlaces.length ? weights.vectors("wishes") : null;
    this.wishOffsets = weights.places("wishes_offsets") ?? [0];
    this.pointers = weights.places("pointers") ?? [];
    this.gates = this.pointers.length ? weights.floatMatrix("gates") : null;
    this.gatesBias = this.pointers.length ? weights.floats("gates_bias") : new Float32Array();
    this.head = weights.matrix("head");
    this.headBias = weights.floats("head_bias");
    const outputs = card.codec.vocabulary + (this.gates ? 1 : 0);
    if (this.head.outputs !== outputs || this.offsets.length !== 1 + card.columns.length) {
      throw new ModelError("its weights do not fit its columns");
    }
  }

  async step(rows: Int32Array | Float32Array, state: State): Promise<Float32Array> {
    if (this.isReleased) throw new UgenError("the model was released");
    const { layers, hidden } = this.card;
    const streams = state.h.length / (layers * hidden);
    const width = this.offsets.length;
    const each = Array.from({ length: streams }, (_, n) => [
      ...rows.subarray(n * width, (n + 1) * width),
    ]);
    let x = joined(each.map((ids) => this.embedding.sum(moved(ids, this.offsets))));
    this.layers.forEach((layer, n) => {
      const own = [n * streams * hidden, (n + 1) * streams * hidden] as const;
      x = advance(layer, x, state.h.subarray(...own), state.c.subarray(...own));
    });
    if (this.wishes) {
      const wished = joined(each.map((ids) => this.wished(ids)));
      x = x.map((value, n) => value + wished[n]!);
    }
    return this.logits(each, x);
  }

  private wished(ids: readonly number[]): Float32Array {
    const own = this.wishPlaces.map((place) => ids[place]!);
    return this.wishes!.sum(moved(own, this.wishOffsets));
  }

  async release(): Promise<void> {
    this.isReleased = true;
  }

  private logits(rows: readonly (readonly number[])[], top: Float32Array): Float32Array {
    const size = this.head.outputs;
    const scores = new Float32Array(rows.length * size);
    this.head.addTo(scores, top);
    for (let n = 0; n < scores.length; n++) scores[n]! += this.headBias[n % size]!;
    if (!this.gates) return scores;
    const count = this.pointers.length;
    const gates = new Float32Array(rows.length * count);
    this.gates.addTo(gates, top);
    rows.forEach((ids, stream) => {
      this.pointers.forEach((place, n) => {
        const gate = Math.fround(gates[stream * count + n]! + this.gatesBias[n]!);
        scores[stream * size + ids[place]!]! += gate;
      });
    });
    // the first column is of ids that name no token
    return joined(rows.map((_, stream) => scores.slice(stream * size + 1, (stream + 1) * size)));
  }
}

/** Compute a layer's state anew, in place; gives what comes out of it. */
function advance(layer: Layer, x: Float32Array, h: Float32Array, c: Float32Array): Float32Array {
  const { ofInputs, ofState, bias } = layer;
  const size = bias.length / 4;
  const sums = new Float32Array((h.length / size) * bias.length);
  ofInputs.addTo(sums, x);
  ofState.addTo(sums, h);
  for (let n = 0; n < h.length; n++) {
    const unit = n % size;
    // input, output, forget, cell
    const first = ((n - unit) / size) * bias.length + unit;
    const gate = (of: number) => Math.fround(sums[first + of * size]! + bias[of * size + unit]!);
    const kept = Math.fround(c[n]! * sigmoid(gate(2)));
    const added = Math.fround(sigmoid(gate(0)) * tanh(gate(3)));
    c[n] = kept + added;
    h[n] = tanh(c[n]!) * sigmoid(gate(1));
  }
  return h.slice();
}

function moved(ids: readonly number[], offsets: readonly number[]): number[] {
  return ids.map((id, n) => id + offsets[n]!);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const found = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((at, part) => {
    found.set(part, at);
    return at + part.length;
  }, 0);
  return found;
}

/** The weights of a file by the names that docs/model-format.md gives them. */
class Weights {
  private readonly kernel = new ByteKernel();

  constructor(private readonly tensors: ReadonlyMap<string, Tensor>) {}

  floats(name: string): Float32Array {
    const { data } = this.tensor(name);
    if (!(data instanceof Float32Array)) throw new ModelError(`${name} is not float32`);
    return data;
  }

  /** Whole numbers; null where the model has none of this name. */
  places(name: string): number[] | null {
    const found = this.tensors.get(name)?.data;
    return found instanceof BigInt64Array ? [...found].map(Number) : null;
  }

  vectors(name: string): Vectors {
    if (this.tensors.has(name)) return vectorsOf(this.tensor(name), 1, 0);
    const [scale, zero] = this.scaleOf(name);
    return vectorsOf(this.tensor(`${name}_quantized`), scale, zero);
  }

  /** A matrix that is stored [inputs, outputs]. */
  matrix(name: string): Matrix {
    return this.tensors.has(name) ? this.floatMatrix(name) : this.byteMatrix(name);
  }

  floatMatrix(name: string): Matrix {
    const [inputs = 0, outputs = 0] = this.tensor(name).dims;
    const rows = new Float32Array(inputs * outputs);
    return new FloatMatrix(transposed(this.floats(name), rows, inputs), outputs, inputs);
  }

  layer(number: number, hidden: number): Layer {
    const bias = this.floats(`B_${number}`);
    const size = 4 * hidden;
    return {
      ofInputs: this.gateMatrix(`W_${number}`, size),
      ofState: this.gateMatrix(`R_${number}`, size),
      bias: Float32Array.from({ length: size }, (_, n) => bias[n]! + bias[size + n]!),
    };
  }

  /** An LSTM's matrix: as float32 it is stored [1, outputs, inputs], as bytes the other way. */
  private gateMatrix(name: string, outputs: number): Matrix {
    if (!this.tensors.has(name)) return this.byteMatrix(name);
    const rows = this.floats(name);
    return new FloatMatrix(rows, outputs, rows.length / outputs);
  }

  private byteMatrix(name: string): Matrix {
    const { dims, data } = this.tensor(`${name}_quantized`);
    const [inputs = 0, outputs = 0] = dims.slice(-2);
    const [scale, zero] = this.scaleOf(name);
    if (!(data instanceof Int8Array) || zero) throw new ModelError(`${name} is not int8`);
    const rows = transposed(data, new Int8Array(data.length), inputs);
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
function transposed<T extends Float32Array | Int8Array>(from: T, to: T, inputs: number): T {
  const outputs = from.length / inputs;
  for (let n = 0; n < from.length; n++) {
    to[(n % outputs) * inputs + Math.floor(n / outputs)] = from[n]!;
  }
  return to;
}
