/**
 * JSON from files that may be damaged or lie: parsed strictly, then checked. A field of another
 * type, a missing field and an unknown one are each refused by name. `true` is no number here, and
 * `2.0` is no whole one.
 */
import { UgenError } from "./errors";
import { line } from "./text";

/** A number that was written with a point or an exponent. */
export class Float {
  constructor(readonly value: number) {}
}

export type Json = null | boolean | string | number | Float | Json[] | Map<string, Json>;

const MAX_CHARACTERS = 1 << 20;
const MAX_DEPTH = 200;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS: [string, Json][] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

/** What is wrong with a value from a file. */
export class JsonError extends Error {}

/** Decode JSON of finite numbers. Throws JsonError. */
export function parseJson(text: string, most = MAX_CHARACTERS): Json {
  if (text.length > most) {
    throw new JsonError(`${text.length} characters; ${most} are the most`);
  }
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  end(): void {
    this.skip();
    if (this.at < this.text.length) throw this.wrong("Extra data");
  }

  value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new JsonError("nested too deeply");
    this.skip();
    const first = this.text[this.at];
    if (first === "{") return this.object(depth);
    if (first === "[") return this.list(depth);
    if (first === '"') return this.string();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const found = this.match(NUMBER);
    if (!found) throw this.wrong("Expecting value");
    const value = Number(found[0]);
    if (!Number.isFinite(value)) throw new JsonError(`${line(found[0])} is no number`);
    if (found[1] !== undefined || found[2] !== undefined) return new Float(value);
    if (found[0].length > 20) throw new JsonError(`a number of ${found[0].length} digits`);
    return value;
  }

  private object(depth: number): Json {
    const found = new Map<string, Json>();
    this.items("}", () => {
      const name = this.string();
      this.skip();
      if (this.text[this.at++] !== ":") throw this.wrong("Expecting ':' delimiter");
      found.set(name, this.value(depth + 1));
    });
    return found;
  }

  private list(depth: number): Json {
    const found: Json[] = [];
    this.items("]", () => found.push(this.value(depth + 1)));
    return found;
  }

  /** What stands between brackets, with commas between. */
  private items(close: string, read: () => void): void {
    this.at++;
    this.skip();
    if (this.text[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      this.skip();
      read();
      this.skip();
      const next = this.text[this.at++];
      if (next === close) return;
      if (next !== ",") throw this.wrong("Expecting ',' delimiter");
    }
  }

  private string(): string {
    // a text of a megabyte is more than a regular expression can match; most are plain
    if (this.text[this.at] === '"') {
      const close = this.text.indexOf('"', this.at + 1);
      const plain = this.text.slice(this.at + 1, Math.max(close, this.at + 1));
      // eslint-disable-next-line no-control-regex
      if (close > this.at && !/[\\\u0000-\u001f]/.test(plain)) {
        this.at = close + 1;
        return plain;
      }
    }
    const found = this.match(STRING);
    if (!found) throw this.wrong("Expecting a text in double quotes");
    return JSON.parse(found[0]) as string;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  private skip(): void {
    this.match(SPACE);
  }

  private wrong(what: string): JsonError {
    return new JsonError(`${what}: char ${this.at}`);
  }
}

/** Checks a value, and gives it as what it is. `place`: where it stands, in words. */
export type Check<T> = (value: Json, place: string) => T;

/** Any value. */
export const anything: Check<Json> = (value) => value;

/** true or false. */
export const flag: Check<boolean> = (value, place) => {
  if (typeof value !== "boolean") throw wrong(place, value, "true or false");
  return value;
};

/** A whole number. */
export const whole: Check<number> = (value, place) => {
  if (typeof value !== "number") throw wrong(place, value, "a whole number");
  return value;
};

/** A number. */
export const number: Check<number> = (value, place) => {
  if (value instanceof Float) return value.value;
  if (typeof value !== "number") throw wrong(place, value, "a number");
  return value;
};

/** A text. */
export const text: Check<string> = (value, place) => {
  if (typeof value !== "string") throw wrong(place, value, "a text");
  return value;
};

/** An object of anything. */
export const mapping: Check<Map<string, Json>> = (value, place) => {
  if (!(value instanceof Map)) throw wrong(place, value, "an object");
  return value;
};

/** null, or a value. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, place) => (value === null ? null : check(value, place));
}

/** A list of such values. */
export function listOf<T>(check: Check<T>): Check<T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw wrong(place, value, "a list");
    return value.map((each, n) => check(each, `${place}[${n}]`));
  };
}

/** One of some texts. */
export function oneOf<T extends string>(...choices: readonly T[]): Check<T> {
  return (value, place) => {
    const found = choices.find((each) => each === value);
    if (found === undefined) throw wrong(place, value, choices.join(" or "));
    return found;
  };
}

/** An object with these fields and no others. `optional`: those that may be left out. */
export function object<T extends object>(
  checks: { [Name in keyof T]: Check<T[Name]> },
  optional: Partial<T> = {},
): Check<T> {
  return (value, place) => {
    const fields = mapping(value, place);
    const names = Object.keys(checks) as (keyof T & string)[];
    const unknown = [...fields.keys()].filter((name) => !Object.hasOwn(checks, name)).sort()[0];
    if (unknown !== undefined) throw new JsonError(`${inside(place, unknown)} is unknown`);
    const found: Partial<T> = {};
    for (const name of names) {
      const given = fields.get(name);
      if (given !== undefined) found[name] = checked(checks[name], given, inside(place, name));
      else if (Object.hasOwn(optional, name)) found[name] = optional[name] as T[typeof name];
      else throw new JsonError(`${inside(place, name)} is missing`);
    }
    return found as T;
  };
}

/** A value checked, its place named in errors of its own. */
export function checked<T>(check: Check<T>, value: Json, place: string): T {
  try {
    return check(value, place);
  } catch (error) {
    if (error instanceof UgenError) throw new JsonError(`${place}: ${error.message}`);
    throw error;
  }
}

/** A value as JavaScript's own JSON.parse would give it. */
export function plain(value: Json): unknown {
  if (value instanceof Float) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const found: Record<string, unknown> = Object.create(null);
  for (const [name, each] of value) found[name] = plain(each);
  return found;
}

function wrong(place: string, value: Json, wanted: string): JsonError {
  let shown = JSON.stringify(value instanceof Float ? value.value : value);
  if (Array.isArray(value)) shown = "a list";
  else if (value instanceof Map) shown = "an object";
  return new JsonError(`${place ? `${place} ` : ""}is ${line(shown)}, and must be ${wanted}`);
}

function inside(place: string, name: string): string {
  return line(place ? `${place}.${name}` : name);
}
