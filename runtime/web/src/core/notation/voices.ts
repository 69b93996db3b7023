/** The voices of a staff: chords that follow each other, without overlaps. */
import { CodecError } from "../errors";

export const MOST = 4; // voices in a staff, as many as notation programs have
// into which notes are cut on average, and some for short music: bounds memory
const MOST_PIECES = 16;
const SPARE_PIECES = 10_000;
const NONE: ReadonlySet<number> = new Set();

/** A note as it is written. `later`: how much later it is released, or below 0 earlier. */
export interface WrittenNote {
  readonly onset: number;
  readonly end: number;
  readonly pitch: number;
  readonly later: number;
}

/**
 * Notes that begin and end together. `tiedFrom`, `tiedTo`: the pitches that began before, and that
 * sound on. `released`: how much later than written pitches end, or below 0 earlier.
 */
export class Chord {
  constructor(
    readonly start: number,
    public end: number,
    readonly pitches: readonly number[],
    readonly tiedFrom = NONE,
    readonly tiedTo = NONE,
    readonly released: ReadonlyMap<number, number> = new Map(),
  ) {}

  /** The part of it between two times, tied to the others. */
  within(start: number, end: number): Chord {
    if (this.start >= start && this.end <= end) return this;
    const every = new Set(this.pitches);
    return new Chord(
      Math.max(start, this.start),
      Math.min(end, this.end),
      this.pitches,
      this.start < start ? every : this.tiedFrom,
      this.end > end ? every : this.tiedTo,
      this.released,
    );
  }
}

/**
 * The voices of a staff's notes, which come by onset; the highest first. Notes that would need more
 * voices than a staff has share the last one, cut into tied ones.
 */
export function voicesOf(notes: readonly WrittenNote[]): Chord[][] {
  const voices: Chord[][] = Array.from({ length: MOST }, () => []);
  for (const passage of passages(chordsOf(notes))) {
    const own = apart(passage).map((chords) => ({ chords, height: heightOf(chords) }));
    own.sort((a, b) => b.height - a.height);
    for (const [n, { chords }] of own.entries()) voices[n]!.push(...chords);
  }
  return voices.filter((voice) => voice.length);
}

/** Chords by onset, then by end, the longest first. */
function* chordsOf(notes: readonly WrittenNote[]): Generator<Chord> {
  for (let first = 0; first < notes.length; ) {
    const { onset } = notes[first]!;
    const byEnd = new Map<number, Map<number, number>>();
    for (; notes[first]?.onset === onset; first++) {
      const { end, pitch, later } = notes[first]!;
      byEnd.set(end, (byEnd.get(end) ?? new Map<number, number>()).set(pitch, later));
    }
    for (const [end, released] of [...byEnd].sort((a, b) => b[0] - a[0])) {
      yield new Chord(onset, end, rising(released.keys()), NONE, NONE, released);
    }
  }
}

/** The music between the points at which no note sounds on. */
function* passages(chords: Iterable<Chord>): Generator<Chord[]> {
  let passage: Chord[] = [];
  let end = 0;
  for (const chord of chords) {
    if (passage.length && chord.start >= end) {
      yield passage;
      passage = [];
    }
    passage.push(chord);
    end = Math.max(end, chord.end);
  }
  if (passage.length) yield passage;
}

/** The voices of a passage: a chord follows the nearest in pitch of those that have ended. */
function apart(passage: readonly Chord[]): Chord[][] {
  const voices: Chord[][] = [];
  for (const chord of passage) {
    const away = (voice: Chord[]) => Math.abs(middle(voice[voice.length - 1]!) - middle(chord));
    const free = voices.filter((voice) => voice[voice.length - 1]!.end <= chord.start);
    const [first, ...others] = free;
    if (first) others.reduce((a, b) => (away(b) < away(a) ? b : a), first).push(chord);
    else if (voices.length < MOST) voices.push([chord]);
    else voices[voices.length - 1]!.push(chord);
  }
  return [...voices.slice(0, -1), sliced(voices[voices.length - 1]!)];
}

function middle({ pitches }: Chord): number {
  return (pitches[0]! + pitches[pitches.length - 1]!) / 2;
}

function heightOf(voice: readonly Chord[]): number {
  return voice.reduce((sum, chord) => sum + middle(chord), 0) / voice.length;
}

/** Chords that may overlap, cut into tied ones wherever one begins or ends. */
function sliced(chords: Chord[]): Chord[] {
  if (chords.slice(1).every((chord, n) => chords[n]!.end <= chord.start)) return chords;
  const changes = rising(chords.flatMap(({ start, end }) => [start, end]));
  const most = MOST_PIECES * chords.reduce((sum, each) => sum + each.pitches.length, 0);
  const found: Chord[] = [];
  const sounding = new Map<number, Chord>(); // by pitch
  let [count, coming] = [0, 0];
  for (const [n, start] of changes.slice(0, -1).entries()) {
    const end = changes[n + 1]!;
    for (const [pitch, chord] of sounding) if (chord.end <= start) sounding.delete(pitch);
    for (let chord = chords[coming]; chord && chord.start <= start; chord = chords[++coming]) {
      for (const pitch of chord.pitches) sounding.set(pitch, chord);
    }
    if (sounding.size) found.push(slice(sounding, start, end));
    count += sounding.size;
    if (count > most + SPARE_PIECES) {
      throw new CodecError("has too many notes at once to be written as notation");
    }
  }
  return found;
}

/** What sounds between two times. */
function slice(sounding: ReadonlyMap<number, Chord>, start: number, end: number): Chord {
  const pitches = rising(sounding.keys());
  const where = (is: (chord: Chord) => boolean) =>
    new Set(pitches.filter((pitch) => is(sounding.get(pitch)!)));
  const after = where((chord) => chord.end > end);
  const released = new Map<number, number>();
  for (const [pitch, chord] of sounding) {
    if (!after.has(pitch)) released.set(pitch, chord.released.get(pitch)!);
  }
  return new Chord(start, end, pitches, where((chord) => chord.start < start), after, released);
}

function rising(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
