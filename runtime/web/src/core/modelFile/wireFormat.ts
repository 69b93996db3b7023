/**
 * Protocol buffers' wire format, read where it lies (protobuf.dev, "Encoding"). A message is a
 * sequence of fields: a key, which has its number and how its value is stored, and the value. Only
 * the fields that are asked for are kept; nothing here is recursive.
 */
import { ModelError } from "../errors";

/** Where a value begins and ends in the file. */
export type Span = readonly [begin: number, end: number];

const SIZES = new Map([
  [1, 8],
  [5, 4],
]); // bytes of the wire types that have no length before them
const MAX_FIELDS = 1 << 16; // bounds the time and memory that reading takes

/** A message's fields by number: values of wire type 0, and where the others lie. */
export interface Message {
  readonly numbers: ReadonlyMap<number, number[]>;
  readonly spans: ReadonlyMap<number, Span[]>;
}

/** Reads the messages of one file. Throws ModelError, one line that names the part at fault. */
export class Wire {
  private fields = 0;

  constructor(readonly data: Uint8Array) {}

  /** The fields of a message. `what`: the message in words. */
  message([begin, end]: Span, what: string): Message {
    const numbers = new Map<number, number[]>();
    const spans = new Map<number, Span[]>();
    let at = begin;
    while (at < end) {
      if (++this.fields > MAX_FIELDS) {
        throw new ModelError(`more than ${MAX_FIELDS} fields; no model has as many`);
      }
      const [key, start] = this.number(at, end, what);
      const field = Math.floor(key / 8);
      const type = key % 8;
      if (type === 0) {
        const [value, after] = this.number(start, end, what);
        put(numbers, field, value);
        at = after;
        continue;
      }
      if (type !== 2 && !SIZES.has(type)) {
        throw new ModelError(`field ${field} of ${what} is damaged: stored as wire type ${type}`);
      }
      const [size, first] = type === 2 ? this.number(start, end, what) : [SIZES.get(type)!, start];
      if (size > end - first) {
        const left = `${size} bytes, and ${end - first} are left`;
        throw new ModelError(`field ${field} of ${what} is cut short: ${left}`);
      }
      put(spans, field, [first, first + size]);
      at = first + size;
    }
    return { numbers, spans };
  }

  /** The one place of a field, or null. */
  one(message: Message, field: number, what: string): Span | null {
    const found = message.spans.get(field) ?? [];
    if (found.length > 1) throw new ModelError(`${what} is there twice`);
    return found[0] ?? null;
  }

  /** UTF-8. */
  text([begin, end]: Span, what: string): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        this.data.subarray(begin, end),
      );
    } catch {
      throw new ModelError(`${what} is not UTF-8`);
    }
  }

  /** Numbers back to back. */
  packed([begin, end]: Span, most: number, what: string): number[] {
    const found: number[] = [];
    let at = begin;
    while (at < end) {
      if (found.length === most) throw new ModelError(`${what} has more than ${most} numbers`);
      const [value, after] = this.number(at, end, what);
      found.push(value);
      at = after;
    }
    return found;
  }

  /** A number of at most 10 bytes, 7 bits each, the lowest first; and where it ends. */
  private number(at: number, end: number, what: string): [number, number] {
    let value = 0;
    let scale = 1;
    for (let n = 0; n < 10; n++) {
      if (at >= end) throw new ModelError(`${what} is cut short`);
      const byte = this.data[at++]!;
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) return [value, at];
    }
    throw new ModelError(`${what} is damaged: a number of more than 64 bits`);
  }
}

function put<T>(fields: Map<number, T[]>, field: number, value: T): void {
  const found = fields.get(field);
  if (found) found.push(value);
  else fields.set(field, [value]);
}
