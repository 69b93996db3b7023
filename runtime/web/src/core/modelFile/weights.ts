/** The weights of a model file, for engines that do not leave them to onnxruntime. */
import { ModelError } from "../errors";
import { line } from "../text";
import { type Message, type Span, Wire } from "./wireFormat";

// the fields of a file, a graph and an initializer, by number
const GRAPH = 7;
const INITIALIZER = 5;
const DIMS = 1;
const TYPE = 2;
const FLOATS = 4;
const INTS = 5;
const NAME = 8;
const RAW = 9;
const MAX_DIMS = 8;

export type Numbers = Float32Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;

/** Numbers and their shape. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Numbers;
}

// how many bytes an item of each type takes, and the array of such
const TYPES = new Map<number, [size: number, of: (bytes: ArrayBuffer) => Numbers]>([
  [1, [4, (bytes) => new Float32Array(bytes)]],
  [2, [1, (bytes) => new Uint8Array(bytes)]],
  [3, [1, (bytes) => new Int8Array(bytes)]],
  [6, [4, (bytes) => new Int32Array(bytes)]],
  [7, [8, (bytes) => new BigInt64Array(bytes)]],
]);

/** The initializers of a file by name, copied; those of other types are left out. */
export function readWeights(data: Uint8Array): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const wire = new Wire(data);
  for (const [name, tensor] of initializers(wire)) {
    const read = tensorOf(wire, tensor, line(name));
    if (read) found.set(name, read);
  }
  return found;
}

/** The names of a file's initializers. */
export function weightNames(data: Uint8Array): string[] {
  return [...initializers(new Wire(data))].map(([name]) => name);
}

function* initializers(wire: Wire): Generator<[string, Message]> {
  const file = wire.message([0, wire.data.length], "the file");
  const span = wire.one(file, GRAPH, "the graph");
  if (span === null) throw new ModelError("it has no graph");
  for (const each of wire.message(span, "the graph").spans.get(INITIALIZER) ?? []) {
    const tensor = wire.message(each, "an initializer");
    yield [wire.text(wire.one(tensor, NAME, "a name") ?? [0, 0], "a name"), tensor];
  }
}

function tensorOf(wire: Wire, tensor: Message, name: string): Tensor | null {
  const kind = TYPES.get(tensor.numbers.get(TYPE)?.[0] ?? 0);
  if (!kind) return null;
  const [size, arrayOf] = kind;
  const what = `the initializer ${name}`;
  const dims = [...(tensor.numbers.get(DIMS) ?? [])];
  for (const span of tensor.spans.get(DIMS) ?? []) dims.push(...wire.packed(span, MAX_DIMS, what));
  const count = dims.reduce((product, dim) => product * dim, 1);
  const raw = wire.one(tensor, RAW, what) ?? wire.one(tensor, FLOATS, what);
  const bytes = raw ? bytesOf(wire, raw) : itemsOf(wire, tensor, size, what);
  if (count * size !== bytes.byteLength) {
    throw new ModelError(`${what} claims ${count} items; it has ${bytes.byteLength / size}`);
  }
  return { dims, data: arrayOf(bytes) };
}

function bytesOf(wire: Wire, [begin, end]: Span): ArrayBuffer {
  // a copy; slices of what Node reads are none
  return new Uint8Array(wire.data.subarray(begin, end)).buffer;
}

/** Items that are stored one by one: the zero points of whole numbers. */
function itemsOf(wire: Wire, tensor: Message, size: number, what: string): ArrayBuffer {
  const span = wire.one(tensor, INTS, what);
  const items = span ? wire.packed(span, 1 << 10, what) : (tensor.numbers.get(INTS) ?? []);
  if (size !== 1) return new ArrayBuffer(0);
  // numbers below 0 are stored as 64 bits
  return Uint8Array.from(items, (item) => item % 256).buffer as ArrayBuffer;
}
