/**
 * How lengths are written: as notes with dots, ties and tuplets. Positions are steps of the grid,
 * counted so that the bar's whole meter begins at 0. Multiples of three steps are 32nds. Others need
 * triplets: three notes in the time of two, which fill a span of the meter, from a 16th to a half;
 * within it all lengths are written half as long again as they are.
 */
import type { Meter } from "./bars";

const TYPES = ["32nd", "16th", "eighth", "quarter", "half", "whole", "breve"];
type Table = ReadonlyMap<number, readonly [kind: string, dots: number]>;

/** By their steps, the type and the dots of notes. */
function tableOf(step: number, plain: string[], dotted: number, kinds: string[]): Table {
  return new Map<number, readonly [string, number]>([
    ...plain.map((kind, n) => [step << n, [kind, 0]] as const),
    ...kinds.map((kind, n) => [dotted << n, [kind, 1]] as const),
  ]);
}

const PLAIN = tableOf(3, TYPES, 9, TYPES.slice(1, 6));
const TRIPLET = tableOf(1, ["64th", ...TYPES.slice(0, 5)], 3, TYPES.slice(0, 4));
const SPANS = [6, 12, 24, 48]; // of triplets
const BEAT = 24;

/** A chord, or a rest, in a bar. `number`: which one it is; null for a rest. */
export interface Event {
  readonly start: number;
  readonly end: number;
  readonly number: number | null;
}

/** Three notes in the time of two, and all that is as long as they. `kind`: of the three. */
export interface Triplet {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** A note, chord or rest as it is written. `isTriplet`: its length is that of a triplet's note. */
export interface Piece extends Event {
  readonly kind: string;
  readonly dots: number;
  readonly isTriplet: boolean;
  readonly triplet: Triplet | null;
}

/**
 * The distances of the places in a bar, from strong to weak: of bars, halves, beats, ... Those of
 * one level are not all of the level before: a bar of 3/4 has thirds, no halves.
 */
export function levelsOf(meter: Meter): number[] {
  let unit = 96 / meter.denominator;
  const group = meter.isCompound ? meter.beat : unit;
  let length = meter.steps;
  const levels = [length];
  while (length % (2 * group) === 0 && length > group) {
    length /= 2;
    levels.push(length);
  }
  for (const each of [group, unit]) if (!levels.includes(each)) levels.push(each);
  while (unit % 6 === 0) {
    unit /= 2;
    levels.push(unit);
  }
  return levels;
}

/** The pieces of events that follow each other without gaps. */
export function* written(events: readonly Event[], meter: Meter): Generator<Piece> {
  const levels = levelsOf(meter);
  const triplets = tripletsOf(events, levels);
  for (const { start: first, end, number } of events) {
    for (let start = first; start < end; ) {
      while (triplets[0] && triplets[0].end <= start) triplets.shift();
      const [triplet] = triplets;
      const inside = triplet && triplet.start <= start ? triplet : null;
      const until = Math.min(end, (inside ? inside.end : triplet?.start) ?? end);
      yield* pieces({ start, end: until, number }, levels, inside);
      start = until;
    }
  }
}

/** The triplets that the events need, none within another. */
function tripletsOf(events: readonly Event[], levels: readonly number[]): Triplet[] {
  const spans = SPANS.filter((span) => levels.includes(span));
  const found: Triplet[] = [];
  if (!spans.length) return found;
  const [first, last] = [events[0]!.start, events[events.length - 1]!.end];
  for (const [n, after] of events.slice(1).entries()) {
    if (after.start % 3 === 0) continue;
    const span = spanOf(events[n]!, after, spans);
    const start = Math.floor(after.start / span) * span;
    if (start < first || start + span > last) continue; // a bar cut short
    while (found.length && found[found.length - 1]!.start >= start) found.pop();
    if (found.length && found[found.length - 1]!.end > start) continue;
    found.push({ start, end: start + span, kind: TRIPLET.get(span / 3)![0] });
  }
  return found;
}

/**
 * The length of the triplet around the point between two events: it holds the notes of both, and a
 * third of it is as long as the shorter one, if there is such a triplet.
 */
function spanOf(before: Event, after: Event, spans: readonly number[]): number {
  const at = after.start;
  const notes = [before, after].filter((event) => event.number !== null);
  const shortest = notes.length ? Math.min(...notes.map(({ start, end }) => end - start)) : 0;
  const found = spans.find((span) => {
    const first = Math.floor(at / span) * span;
    const isHeld = notes.every(({ start, end }) => start >= first && end <= first + span);
    return isHeld && span >= 3 * shortest && at % (span / 6) === 0;
  });
  if (found !== undefined) return found;
  const fit = spans.filter((span) => at % (span / 3) === 0 && span <= BEAT);
  return fit.length ? Math.max(...fit) : spans[0]!;
}

/** A length as notes that show where the strong places are. */
function* pieces(
  { start, end, number }: Event,
  levels: readonly number[],
  triplet: Triplet | null,
): Generator<Piece> {
  const origin = triplet?.start ?? 0;
  const table = triplet ? TRIPLET : PLAIN;
  const splitter = new Splitter(triplet ? placesOf(triplet) : levels, table, number === null);
  for (const [first, last] of splitter.split(start - origin, end - origin)) {
    const [kind, dots] = (table.get(last - first) ?? TRIPLET.get(last - first))!;
    const isTriplet = triplet !== null || !table.has(last - first);
    const place = { start: first + origin, end: last + origin, number };
    yield { ...place, kind, dots, isTriplet, triplet };
  }
}

function placesOf({ start, end }: Triplet): number[] {
  const third = (end - start) / 3;
  const places = [end - start];
  for (let place = third; place > 0; place >>= 1) places.push(place);
  return places;
}

/** Cuts lengths at their strongest places until notes can be written. */
class Splitter {
  constructor(
    private readonly levels: readonly number[],
    private readonly table: Table,
    private readonly isRest: boolean,
  ) {}

  *split(start: number, end: number): Generator<[number, number]> {
    const { levels, table } = this;
    const next = (distance: number) => (Math.floor(start / distance) + 1) * distance;
    const inside = levels.findIndex((distance) => next(distance) < end);
    if (inside < 0 || (table.has(end - start) && this.reads(start, end, inside))) {
      yield [start, end];
      return;
    }
    const cuts: number[] = [];
    for (let at = next(levels[inside]!); at < end; at += levels[inside]!) cuts.push(at);
    const cut = cuts.findLast((at) => table.has(at - start)) ?? cuts[0]!;
    yield* this.split(start, cut);
    yield* this.split(cut, end);
  }

  /**
   * Whether a length over a strong place, of level `inside`, may be one note: one that begins or
   * ends at a place as strong, or a plain syncopation.
   */
  private reads(start: number, end: number, inside: number): boolean {
    const { levels } = this;
    const isDotted = this.table.get(end - start)![1] > 0;
    const level = (at: number) => {
      const found = levels.findIndex((distance) => at % distance === 0);
      return found < 0 ? levels.length : found;
    };
    const [begins, ends] = [level(start), level(end)];
    if (this.isRest) return begins <= inside && (!isDotted || levels.includes(end - start));
    const isSyncopated = !isDotted && begins === inside + 1 && ends === begins;
    return begins <= inside || ends <= inside || isSyncopated;
  }
}
