/**
 * The table of hashed runs of notes that a model file carries (docs/model-format.md, "Runs of
 * notes"). Nothing in it is believed.
 */
import {
  type Check,
  JsonError,
  listOf,
  nullable,
  number,
  object,
  text,
  whole,
} from "../jsonValues";

const LIMITS = [16, 512] as const; // of notes that a song may share with a piece, at least, at most

interface HeldOut {
  pieces: number;
  median: number;
  most: number;
  share: number;
  common: number;
}

interface Stored {
  format: number;
  n: number;
  window: number;
  bits: number;
  rows: number;
  pieces: string[];
  held_out: HeldOut | null;
  table: string;
}

const RANGES: [keyof Stored, number, number][] = [
  ["format", 1, 1],
  ["n", 2, 64],
  ["window", 1, 2 ** 30],
  ["bits", 1, 62],
  ["rows", 0, 2 ** 20],
];

const heldOut = object<HeldOut>(
  { pieces: whole, median: number, most: whole, share: number, common: whole },
  { common: 0 },
);
const stored = object<Stored>({
  format: whole,
  n: whole,
  window: whole,
  bits: whole,
  rows: whole,
  pieces: listOf(text),
  held_out: nullable(heldOut),
  table: text,
});

/** Which piece has which runs of `n` notes. */
export class Table {
  constructor(
    readonly pieces: readonly string[],
    /** Rising: the upper `bits` bits of hashes. */
    readonly keys: BigUint64Array,
    /** Places in `pieces`. */
    readonly owners: Uint32Array,
    readonly bits: number,
    /** Of that many neighbouring runs at least one is here. */
    readonly window: number,
    readonly n: number,
    private readonly common: number,
  ) {}

  /** How many notes of a piece a song may have in a row without being called a copy. */
  get limit(): number {
    return Math.min(Math.max(this.common, LIMITS[0]), LIMITS[1]);
  }

  /** All pairs of a hash and a piece that has it: a place in `hashes`, and one in `pieces`. */
  lookup(hashes: readonly bigint[]): [place: number, owner: number][] {
    const found: [number, number][] = [];
    const shift = BigInt(64 - this.bits);
    hashes.forEach((hash, place) => {
      const asked = hash >> shift;
      for (let row = this.first(asked); this.keys[row] === asked; row++) {
        found.push([place, this.owners[row]!]);
      }
    });
    return found;
  }

  private first(asked: bigint): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.keys[middle]! < asked) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Reads the entry; its columns are unpacked by what it gives. */
export const tableFromJson: Check<() => Promise<Table>> = (value, place) => {
  const found = stored(value, place);
  for (const [name, least, most] of RANGES) {
    const given = found[name] as number;
    if (given < least || given > most) {
      throw new JsonError(`${place}: ${name} must be from ${least} to ${most}`);
    }
  }
  const held = found.held_out;
  if (held && Math.min(...Object.values(held)) < 0) {
    throw new JsonError(`${place}.held_out: held_out has a number below 0`);
  }
  return () => unpacked(found, place);
};

async function unpacked(found: Stored, place: string): Promise<Table> {
  const { rows, bits, pieces } = found;
  const [wide, narrow] = [width(bits), width(bitLength(Math.max(pieces.length - 1, 0)))];
  const planes = await unzipped(found.table, rows * (wide + narrow), place);
  const keys = keysOf(planes, rows, wide, bits);
  if (!keys) throw new JsonError(`${place}: the table has a hash of too many bits`);
  const owners = words(planes.subarray(rows * wide), rows, narrow);
  if (owners.some((owner) => owner >= pieces.length)) {
    throw new JsonError(`${place}: the table has a piece that is not among the pieces`);
  }
  const common = found.held_out?.common ?? 0;
  return new Table(pieces, keys, owners, bits, found.window, found.n, common);
}

/** The sums of rows that stand as their differences; null if one has more than so many bits. */
function keysOf(planes: Uint8Array, rows: number, bytes: number, bits: number) {
  const low = words(planes, rows, Math.min(bytes, 4));
  const high = words(planes.subarray(rows * 4), rows, Math.max(bytes - 4, 0));
  const keys = new BigUint64Array(rows);
  const halves = new Uint32Array(keys.buffer); // the lower first, wherever browsers run
  const [lowest, highest] = [2 ** Math.min(bits, 32), 2 ** Math.max(bits - 32, 0)];
  for (let row = 0, [lower, upper] = [0, 0]; row < rows; row++) {
    lower += low[row]!;
    upper += high[row]! + (lower >= 2 ** 32 ? 1 : 0);
    lower >>>= 0;
    if (lower >= lowest || upper >= highest) return null;
    halves[2 * row] = lower;
    halves[2 * row + 1] = upper;
  }
  return keys;
}

/** Numbers of at most 4 bytes, which stand `rows` apart, the lowest first. */
function words(planes: Uint8Array, rows: number, bytes: number): Uint32Array {
  const found = new Uint32Array(rows);
  for (let n = 0; n < bytes; n++) {
    const plane = planes.subarray(n * rows, (n + 1) * rows);
    for (let row = 0; row < rows; row++) found[row]! |= plane[row]! << (8 * n);
  }
  return found;
}

/** The bytes of a zlib stream, which must be `size`; no more memory is taken than those need. */
async function unzipped(base64: string, size: number, place: string): Promise<Uint8Array> {
  if (base64.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    throw new JsonError(`${place}: the table is not base64`);
  }
  const letters = atob(base64);
  const data = new Uint8Array(letters.length);
  for (let n = 0; n < data.length; n++) data[n] = letters.charCodeAt(n);
  const found = new Uint8Array(size);
  let at = 0;
  const wrong = `${place}: the table must have ${size} bytes, and nothing after them`;
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new JsonError(`${place}: the table is damaged, or has something after it`);
    });
    if (done) break;
    if (at + value.length > size) {
      void reader.cancel();
      throw new JsonError(wrong);
    }
    found.set(value, at);
    at += value.length;
  }
  if (at < size) throw new JsonError(wrong);
  return found;
}

/** Bytes for that many bits. */
function width(bits: number): number {
  return Math.floor((bits + 7) / 8);
}

function bitLength(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log2(value)) + 1;
}
