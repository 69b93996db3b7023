/** Music that stays in a song, exactly, while a model writes the rest. */
import { Bars } from "../../analysis/bars";
import type { Codec } from "../../codecs/base";
import { DRUMS, METERS } from "../../codecs/beats/table";
import { GIVEN_NAMES, type Given } from "../../codecs/columns";
import { CodecError, UgenError } from "../../errors";
import type { Card } from "../../modelFile/card";
import { Rng } from "../../sampling/rng";
import { type NoteRow, Score } from "../../score";
import { grouped, roundHalfEven } from "../../text";

const MOST_NOTES = 1 << 15;
const MOST_CHANGES = 1 << 12;
const MOST_BARS = 20_000;
const MOST_TICK = 2 ** 31 - 1;
const FINEST = 32_767; // ticks per beat that a MIDI file can have
const PLACE = 1n << 55n; // in the random stream of a seed: far from the numbers that a song takes
const LONGEST_VARIED = 4; // bars in a row that are rewritten by chance

export type Bounds = readonly [number, number];

/**
 * Music, and what of it stays. `stays`: which of its notes do in bars that are rewritten, too.
 * `rewritten`: from one bar to before another, counted from 0. `much`: the fraction of bars that
 * are rewritten besides, by chance. `closed`: instruments all of whose notes stay, and which get no
 * others. `bars`: of the music.
 */
export interface Kept {
  readonly score: Score;
  readonly bars: number;
  readonly stays: readonly boolean[];
  readonly rewritten: readonly Bounds[];
  readonly much: number;
  readonly closed: readonly number[];
}

/** Throw UgenError for more music than a record may hold. */
export function checkKept({ score, bars }: Kept): void {
  const changes = Math.max(score.tempos.length, score.meters.length);
  if (score.notes.length > MOST_NOTES || changes > MOST_CHANGES || score.endTick > MOST_TICK) {
    const most = `${grouped(MOST_NOTES)} notes and ${grouped(MOST_CHANGES)} tempos or meters`;
    throw new UgenError(`too much music to keep: ${most} are the most`);
  }
  if (score.ticksPerBeat > FINEST || bars > MOST_BARS) {
    throw new UgenError("kept: ticks per beat, or bars, are out of range");
  }
}

/** Beats a minute, where it is the same all through. */
export function tempoOf({ score }: Kept): number | null {
  const [first] = score.tempos;
  return score.tempos.length === 1 ? 60e6 / first![1] : null;
}

/** The meters of the music, as in 3/4. */
export function metersOf({ score }: Kept): string[] {
  return [...new Set(score.meters.map(([, n, d]) => `${n}/${d}`))].sort();
}

/** A number for each place and sound. */
export function noteKey({ onset, pitch, program, drum }: NoteRow): number {
  return ((onset * 128 + pitch) * 128 + program) * 2 + Number(drum);
}

/** The bar of each note, as a codec's cursor counts. */
export function barOfNotes(score: Score): number[] {
  const bars = new Bars(score, score.ticksPerBeat);
  return score.notes.map((note) => bars.counted(note.onset));
}

/** The bars of a score, to the end of its last note. */
export function barsOf(score: Score): number {
  return new Bars(score, score.ticksPerBeat).counted(Math.max(score.endTick - 1, 0)) + 1;
}

/** The bars in which a song of a seed may have other notes. */
function openBars({ bars, rewritten, much }: Kept, seed: bigint): Bounds[] {
  if (!rewritten.length && !much) return [[0, bars]];
  const chosen = varied(bars, much, seed);
  for (const [first, end] of rewritten) for (let bar = first; bar < end; bar++) chosen.add(bar);
  return [...chosen].sort((a, b) => a - b).map((bar) => [bar, bar + 1]);
}

/** So many bars of all, some in a row: those of a seed. */
function varied(bars: number, much: number, seed: bigint): Set<number> {
  const rng = new Rng(seed, PLACE);
  const chosen = new Set<number>();
  const wanted = much ? Math.max(roundHalfEven(much * bars), 1) : 0;
  while (chosen.size < wanted) {
    const first = Math.trunc(rng.uniform() * bars);
    const length = 1 + Math.trunc(rng.uniform() * LONGEST_VARIED);
    const end = Math.min(first + Math.min(length, wanted - chosen.size), bars);
    for (let bar = first; bar < end; bar++) chosen.add(bar);
  }
  return chosen;
}

/** The part of the music that stays in a song of a seed. */
function staying(kept: Kept, seed: bigint): Score {
  const { score, stays } = kept;
  const open = new Set<number>();
  for (const [first, end] of openBars(kept, seed)) {
    for (let bar = first; bar < end; bar++) open.add(bar);
  }
  const bar = barOfNotes(score);
  return score.with({ notes: score.notes.filter((_, n) => stays[n] || !open.has(bar[n]!)) });
}

/** The same as a model is told it. `instruments`: the only ones that are to play more, or null. */
export function givenOf(
  kept: Kept,
  codec: Codec,
  seed: bigint,
  instruments: readonly number[] | null,
): Given {
  const all = Array.from({ length: DRUMS + 1 }, (_, n) => n);
  const closed = instruments ? all.filter((each) => !instruments.includes(each)) : kept.closed;
  return {
    tokens: encoded(codec, staying(kept, seed)).slice(0, -1),
    open: openBars(kept, seed),
    closed: new Set(closed),
  };
}

function encoded(codec: Codec, score: Score): number[] {
  try {
    return codec.encode(score);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new UgenError(`what stays ${error.reason}`, { flag: "--with" });
  }
}

/**
 * A song with the notes that stay exactly as they were, where its grid had moved them; and with
 * their tempos, if `hasTempos`.
 */
export function restored(
  kept: Kept,
  codec: Codec,
  song: Score,
  seed: bigint,
  hasTempos: boolean,
): Score {
  const stays = staying(kept, seed);
  const fine = leastCommonMultiple(song.ticksPerBeat, stays.ticksPerBeat);
  if (fine > FINEST) return song;
  const moved = codec.decoder().whole(codec.toInputs(codec.encode(stays)));
  const keys = new Set(moved.notes.map(noteKey));
  const written = song.with({ notes: song.notes.filter((note) => !keys.has(noteKey(note))) });
  const exact = stays.at(fine);
  const notes = [...written.at(fine).notes, ...exact.notes];
  return Score.build(notes, fine, hasTempos ? exact.tempos : song.at(fine).tempos, exact.meters);
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}

/** Throw UgenError unless a model knows of music that stands already. */
export function requireGiven(card: Card): void {
  const [name] = GIVEN_NAMES;
  if (card.columnNames.includes(name!)) return;
  const reason = `the model has no column ${name}; train-ugen with --codec beats makes `;
  throw new UgenError(`${reason}one that has it`, { flag: "--with" });
}

/** Throw UgenError where a model cannot write around the music. */
export function requireMeters({ score }: Kept): void {
  for (const [, numerator, denominator] of score.meters) {
    if (METERS.some(([n, d]) => n === numerator && d === denominator)) continue;
    const reason = `it has a bar of ${numerator}/${denominator}, which the model cannot write`;
    throw new UgenError(reason, { flag: "--with" });
  }
}
