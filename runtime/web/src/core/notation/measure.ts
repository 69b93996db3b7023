/** A voice's bar: its notes and rests as they are written, with their beams. */
import type { Bar, Meter } from "./bars";
import { type Event, type Piece, written } from "./rhythm";
import type { Chord } from "./voices";

const BEAMS: Record<string, number> = { eighth: 1, "16th": 2, "32nd": 3, "64th": 4 };

/** A voice that is read bar by bar. */
export class Voice {
  private next = 0;

  constructor(private readonly chords: readonly Chord[]) {}

  /** The next bar's chords. */
  within(bar: Bar): Chord[] {
    const found: Chord[] = [];
    for (const chord of this.chords.slice(this.next, this.next + bar.length)) {
      if (chord.start >= bar.end) break;
      found.push(chord.within(bar.start, bar.end));
      if (chord.end > bar.end) break;
      this.next++;
    }
    return found;
  }
}

/**
 * A note, a chord or a rest, which has no pitches. `tiedFrom`, `tiedTo`, `released`: as of a chord;
 * `beams`: begin, continue, end, forward hook or backward hook.
 */
export interface WrittenSymbol extends Pick<Chord, "pitches" | "tiedFrom" | "tiedTo" | "released"> {
  readonly length: number;
  readonly piece: Piece;
  readonly beams: readonly string[];
}

const NOTHING = { pitches: [], tiedFrom: new Set<number>(), tiedTo: new Set<number>() };
const REST = { ...NOTHING, released: new Map<number, number>() };

/** A bar of a voice. Without `hasTies`, as for drums, rests stand where notes would go on. */
export function symbols(chords: readonly Chord[], bar: Bar, hasTies: boolean): WrittenSymbol[] {
  const { origin } = bar;
  const all = [...written(events(chords, bar), bar.meter)];
  const pieces = hasTies
    ? all
    : all.map((piece, n) => (all[n - 1]?.number === piece.number ? { ...piece, number: null } : piece));
  const beams = beamsOf(pieces, bar.meter);
  return pieces.map((piece, n) => {
    const its = { length: piece.end - piece.start, piece, beams: beams[n]! };
    if (piece.number === null) return { ...REST, ...its };
    const chord = chords[piece.number]!.within(piece.start + origin, piece.end + origin);
    const { pitches, tiedFrom, released } = chord;
    return { pitches, tiedFrom, tiedTo: hasTies ? chord.tiedTo : REST.tiedTo, released, ...its };
  });
}

/** Chords, and rests between them. */
function events(chords: readonly Chord[], { start, end, origin }: Bar): Event[] {
  const found: Event[] = [];
  let now = start;
  for (const [number, chord] of chords.entries()) {
    if (chord.start > now) {
      found.push({ start: now - origin, end: chord.start - origin, number: null });
    }
    found.push({ start: chord.start - origin, end: chord.end - origin, number });
    now = chord.end;
  }
  if (now < end) found.push({ start: now - origin, end: end - origin, number: null });
  return found;
}

/** The beams of each piece: they join short notes of one beat. */
function beamsOf(pieces: readonly Piece[], meter: Meter): string[][] {
  const beat = meter.is(3, 8) ? meter.steps : Math.max(meter.beat, 24);
  const group = (n: number) => Math.floor(pieces[n]!.start / beat);
  const counts = pieces.map(({ kind, number }) => (number === null ? 0 : (BEAMS[kind] ?? 0)));
  return pieces.map((_, n) => {
    const near = (other: number) =>
      other >= 0 && other < pieces.length && group(other) === group(n) ? counts[other]! : 0;
    const levels = Array.from({ length: counts[n]! }, (_each, level) => level + 1);
    const beams = levels.map((level) => beamOf(level, near(n - 1), near(n + 1)));
    return beams[0] ? beams : [];
  });
}

/** A note's beam of a level, between notes of so many beams. */
function beamOf(level: number, before: number, after: number): string {
  if (before >= level) return after >= level ? "continue" : "end";
  if (after >= level) return "begin";
  if (level === 1 && !before && !after) return "";
  return before ? "backward hook" : "forward hook";
}
