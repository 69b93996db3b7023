/**
 * What a model is fed at a step beside the last token: ids that a codec's cursor knows and an LSTM
 * forgets, and what is wanted of a piece (docs/codecs.md, "Columns").
 */
import { bisectLeft } from "../numbers";
import type { Column } from "../types";

export const KEYS = 24;
// `left` is 1 plus the number of these that the bars left exceed
export const LEFT = [1, 2, 3, 4, 8, 16];
export const LEFT_SECONDS = 2; // a codec without bars counts so many seconds as one
const LEVELS = 3;
export const METERS = [
  ..."2/4 3/4 4/4 5/4 6/4 2/2 3/2".split(" "),
  ..."3/8 6/8 7/8 9/8 12/8".split(" "),
];
export const TEMPO_BOUNDS = [60, 76, 92, 108, 126, 144, 168]; // beats a minute
export const CHORD_NAMES = ["chord", "next_chord"];
// of music that stands already
export const GIVEN_NAMES = ["given_now", "given_next", "given_top", "given_in"];
const CHORDS = 120; // twelve roots for each quality; 0 is no chord

/** How far back `back_n` looks; 0 for another column. */
export function lagOf(name: string): number {
  return numberOf(name, "back");
}

/** How much `after_n` compares; 0 for another column. */
export function lengthOf(name: string): number {
  return numberOf(name, "after");
}

/** Whether a column's ids are tokens: 0, then one more than each token. */
export function holdsToken(name: string): boolean {
  const isGiven = GIVEN_NAMES.slice(0, 3).includes(name);
  return lagOf(name) > 0 || lengthOf(name) > 0 || name === "oldest" || isGiven;
}

function numberOf(name: string, of: string): number {
  const [prefix, number = ""] = name.split("_");
  return prefix === of && /^\d+$/.test(number) ? Number(number) : 0;
}

/**
 * Music that stands already. `tokens`: a piece without its end. `open`: the bars, from one to
 * before another, in which other notes may begin; `closed`: the instruments which play none.
 */
export interface Given {
  readonly tokens: readonly number[];
  readonly open: readonly (readonly [number, number])[];
  readonly closed: ReadonlySet<number>;
}

/**
 * What is wanted of a whole piece. `ids`: of columns that stay as they are, by name. `bars` or
 * `seconds`: of musical time, from a cursor's start to the piece's end, or null. `chords`: of each
 * bar from bar number `chordsFrom` on, again and again; ids of the column `chord`. `given`: music
 * that stands already, or null.
 */
export interface Wishes {
  readonly ids: ReadonlyMap<string, number>;
  readonly bars: number | null;
  readonly seconds: number | null;
  readonly chords: readonly (readonly number[])[];
  readonly chordsFrom: number;
  readonly given: Given | null;
}

export const NO_WISHES: Wishes = {
  ids: new Map(),
  bars: null,
  seconds: null,
  chords: [],
  chordsFrom: 0,
  given: null,
};

/** The chords of a bar; [0] where none is asked for. */
export function chordsOf(wishes: Wishes, bar: number): readonly number[] {
  const { chords, chordsFrom } = wishes;
  if (!chords.length || bar < chordsFrom) return [0];
  return chords[(bar - chordsFrom) % chords.length]!;
}

/** The chord of a beat of a bar that has so many, and the one that follows. */
export function chordsAt(
  wishes: Wishes,
  bar: number,
  beat: number,
  beats: number,
): [number, number] {
  const here = chordsOf(wishes, bar);
  const place = Math.floor((beat * here.length) / beats);
  return [here[place]!, here[place + 1] ?? chordsOf(wishes, bar + 1)[0]!];
}

// what can be wished of a piece; the music names its labels
export const WISHES: readonly Column[] = [
  { name: "key", size: KEYS + 1 },
  { name: "left", size: LEFT.length + 2 },
  { name: "density", size: LEVELS + 1 },
  { name: "polyphony", size: LEVELS + 1 },
  { name: "label", size: 1 },
  { name: "meter", size: METERS.length + 1 },
  { name: "tempo", size: TEMPO_BOUNDS.length + 2 },
  ...CHORD_NAMES.map((name) => ({ name, size: CHORDS + 1 })),
];
// all through a piece
export const CONSTANT = ["key", "density", "polyphony", "label", "meter", "tempo"];
const OF_BARS = ["meter", "tempo", ...CHORD_NAMES];
export const WISHES_WITHOUT_BARS = WISHES.filter((each) => !OF_BARS.includes(each.name));

/** Columns, with the size of those that hold tokens. */
export function sized(columns: readonly Column[], vocabulary: number): Column[] {
  return columns.map(({ name, size }) => ({
    name,
    size: holdsToken(name) ? vocabulary + 1 : size,
  }));
}

/** The id, in the column `left`, of a number of bars until the end. */
export function leftId(bars: number | null): number {
  return bars === null ? 0 : 1 + bisectLeft(LEFT, bars - 1e-6);
}
