/** The parts of a score: instruments, staves and their voices. */
import { leftHand } from "../analysis/hands";
import { instrumentName, instrumentOf } from "../midi/generalMidi";
import { bisectRight, byKeys } from "../numbers";
import type { NoteRow, Score } from "../score";
import type { Bar } from "./bars";
import { writtenEnds } from "./lengths";
import { Chord, voicesOf } from "./voices";

const OCTAVE_LOWER = [24, 39]; // guitars and basses sound an octave lower than written,
const CONTRABASS = 43; // and so does this
const MIDDLE = 57; // the mean pitch of a part below which it has a bass clef

/** Its sign and line, and the octaves by which its notes sound higher than they look. */
export interface Clef {
  readonly sign: string;
  readonly line: number;
  readonly octaves: number;
}

const TREBLE: Clef = { sign: "G", line: 2, octaves: 0 };
const BASS: Clef = { sign: "F", line: 4, octaves: 0 };
const PERCUSSION: Clef = { sign: "percussion", line: 0, octaves: 0 };

/** Voices under one clef. */
export interface Staff {
  readonly clef: Clef;
  readonly voices: readonly (readonly Chord[])[];
}

/** An instrument. `drums`: the keys it uses, where it is a drum kit; else null. */
export interface Part {
  readonly name: string;
  readonly program: number;
  readonly drums: readonly number[] | null;
  readonly staves: readonly Staff[];
}

/**
 * The parts of a quantized score: one for each program, then one for each drum kit; a piano's where
 * there is no note.
 */
export function* partsOf(score: Score, bars: readonly Bar[]): Generator<Part> {
  const byKind = new Map<number, NoteRow[]>();
  if (!score.notes.length) byKind.set(0, []);
  for (const note of score.notes) {
    const kind = 128 * Number(note.drum) + note.program;
    if (!byKind.has(kind)) byKind.set(kind, []);
    byKind.get(kind)!.push(note);
  }
  for (const [kind, own] of [...byKind].sort(byKeys(([number]) => number))) {
    const program = kind % 128;
    const name = instrumentName(own[0] ? instrumentOf(own[0]) : program);
    const titled = `${name[0]!.toUpperCase()}${name.slice(1)}`;
    if (kind < 128) {
      const staves = stavesOf(score.with({ notes: own }), program, bars);
      yield { name: titled, program, drums: null, staves };
      continue;
    }
    const drums = [...new Set(own.map(({ pitch }) => pitch))].sort((a, b) => a - b);
    const staff = { clef: PERCUSSION, voices: [hits(own, bars)] };
    yield { name: titled, program, drums, staves: [staff] };
  }
}

function stavesOf(score: Score, program: number, bars: readonly Bar[]): Staff[] {
  const { notes } = score;
  if (isKeyboard(program)) {
    const left = leftHand(score);
    const hand = (isLeft: boolean) => notes.filter((_, n) => left[n] === isLeft);
    return [staffOf(hand(false), TREBLE, bars), staffOf(hand(true), BASS, bars)];
  }
  const [first, last] = OCTAVE_LOWER;
  const isLower = (program >= first! && program <= last!) || program === CONTRABASS;
  const octaves = isLower ? -1 : 0;
  const mean = notes.reduce((sum, { pitch }) => sum + pitch, 0) / notes.length;
  const clef = mean - 12 * octaves < MIDDLE ? BASS : TREBLE;
  return [staffOf(notes, { ...clef, octaves }, bars)];
}

/** Pianos and organs have a staff for each hand. */
function isKeyboard(program: number): boolean {
  return program < 8 || (program >= 16 && program <= 20);
}

function staffOf(notes: readonly NoteRow[], clef: Clef, bars: readonly Bar[]): Staff {
  const ends = writtenEnds(notes, bars);
  const written = notes.map(({ onset, end, pitch }, n) => {
    return { onset, end: ends[n]!, pitch, later: end - ends[n]! };
  });
  return { clef, voices: voicesOf(written) };
}

/** Drums as one voice: a hit lasts until the next, or to the end of its beat. */
function hits(notes: readonly NoteRow[], bars: readonly Bar[]): Chord[] {
  const byOnset = new Map<number, number[]>();
  for (const { onset, pitch } of notes) {
    byOnset.set(onset, [...(byOnset.get(onset) ?? []), pitch]);
  }
  const starts = bars.map(({ start }) => start);
  const onsets = [...byOnset.keys(), bars[bars.length - 1]!.end];
  return [...byOnset].map(([start, pitches], n) => {
    const bar = bars[bisectRight(starts, start) - 1]!;
    const { beat } = bar.meter;
    const until = start + beat - ((start - bar.origin) % beat);
    return new Chord(start, Math.min(onsets[n + 1]!, until, bar.end), pitches);
  });
}
