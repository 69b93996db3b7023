/** Notes to events of the `beats` codec: every event gets its place, and one sort orders them. */
import { CodecError } from "../../errors";
import { bisectLeft, bisectRight, byKeys } from "../../numbers";
import type { NoteRow, Score } from "../../score";
import { grouped } from "../../text";
import { requireNotes } from "../base";
import {
  barSteps,
  DRUMS,
  DURATIONS,
  GRID,
  LONGEST_SHIFT,
  MAX_BARS,
  METERS,
  TEMPOS,
  VELOCITY_STEP,
} from "./table";

type Ids = ReadonlyMap<string, number>;
/** An event to sort into a piece. */
interface Placed {
  readonly at: number;
  readonly rank: number;
  readonly token: number;
}
/** A note in steps; `duration` is a place in DURATIONS, `program` DRUMS of drums. */
interface GridNote {
  readonly onset: number;
  readonly duration: number;
  readonly pitch: number;
  readonly velocity: number;
  readonly program: number;
}

// the order of events at one point of time
const RANK = { shift: 0, bar: 2, meter: 3, tempo: 4, notes: 5, perNote: 4 };

/** The tokens of a score. Throws CodecError where it is too long for its notes. */
export function encodeBeats(score: Score, ids: Ids, band: boolean): number[] {
  const notes = onGrid(score, band);
  const last = notes[notes.length - 1];
  if (last === undefined) return [ids.get("meter:4/4")!, ids.get("piece")!];
  const { bars, meters } = barLines(score, last.onset, notes.length, ids);
  const placed = [
    ...timeEvents(notes, bars, meters, ids),
    ...meters.map(([at, token]) => ({ at, rank: RANK.meter, token })),
    ...tempoEvents(score, notes, ids),
    ...noteEvents(notes, ids, band),
  ];
  placed.sort(byKeys<Placed>((each) => each.at, (each) => each.rank));
  return [...placed.map((each) => each.token), ids.get("piece")!];
}

/** Notes in steps, without equal ones at one point: of those the longest stays. */
function onGrid(score: Score, band: boolean): GridNote[] {
  const step = (tick: number) => roundDiv(tick * GRID, score.ticksPerBeat);
  const kept = band ? score.notes : score.notes.filter((row) => !row.drum);
  const notes = kept.map((row: NoteRow): GridNote => {
    const onset = step(row.onset);
    return {
      onset,
      duration: nearest(DURATIONS, Math.max(step(row.end) - onset, 1)),
      pitch: row.pitch,
      velocity: row.velocity,
      program: !band ? 0 : row.drum ? DRUMS : row.program,
    };
  });
  const keys = [
    (note: GridNote) => note.onset,
    (note: GridNote) => note.program,
    (note: GridNote) => note.pitch,
  ];
  const order = byKeys(...keys);
  notes.sort(byKeys(...keys, (note) => -note.duration));
  return notes.filter((note, n) => n === 0 || order(note, notes[n - 1]!) !== 0);
}

/** Where bar lines are, up to the last onset, and where a meter token stands, with the token. */
function barLines(score: Score, last: number, count: number, ids: Ids) {
  const changes = new Map<number, [number, number]>();
  for (const [tick, n, d] of score.meters) {
    const at = roundDiv(tick * GRID, score.ticksPerBeat);
    if (at <= last) changes.set(at, knownMeter(n, d));
  }
  const meters: [number, number][] = [];
  const spans: [first: number, end: number, bar: number][] = [];
  const places = [...changes.keys(), last + 1];
  let before: { at: number; meter: [number, number] } | null = null;
  let total = 0;
  for (const [n, at] of [...changes.keys()].entries()) {
    const meter = changes.get(at)!;
    const bar = barSteps(meter);
    const isOnLine: boolean = before !== null && (at - before.at) % barSteps(before.meter) === 0;
    if (before === null || meter.join() !== before.meter.join() || !isOnLine) {
      meters.push([at, ids.get(`meter:${meter.join("/")}`)!]);
      before = { at, meter };
    }
    const span: [number, number, number] = [isOnLine ? at : at + bar, places[n + 1]!, bar];
    spans.push(span);
    total += Math.max(Math.ceil((span[1] - span[0]) / bar), 0);
  }
  total += meters.length;
  requireNotes(count, { bars: total });
  if (total > MAX_BARS) {
    throw new CodecError(`has ${grouped(total)} bars; ${grouped(MAX_BARS)} are the most`);
  }
  const bars: number[] = [];
  for (const [first, end, bar] of spans) for (let at = first; at < end; at += bar) bars.push(at);
  return { bars, meters };
}

/** `bar` at every bar line; at any other point, the shift from the point before it. */
function* timeEvents(
  notes: readonly GridNote[],
  bars: readonly number[],
  meters: readonly [number, number][],
  ids: Ids,
): Generator<Placed> {
  const lines = new Set(bars);
  const points = new Set([...bars, ...meters.map(([at]) => at), ...notes.map((n) => n.onset)]);
  const shift = ids.get("shift:1")!;
  let before = 0;
  for (const at of [...points].sort((a, b) => a - b)) {
    const gap = at - before;
    before = at;
    if (lines.has(at)) {
      yield { at, rank: RANK.bar, token: ids.get("bar")! };
      continue;
    }
    for (let n = 0; n < Math.floor(gap / LONGEST_SHIFT); n++) {
      yield { at, rank: RANK.shift, token: shift + LONGEST_SHIFT - 1 };
    }
    const rest = gap % LONGEST_SHIFT;
    if (rest > 0) yield { at, rank: RANK.shift + 1, token: shift + rest - 1 };
  }
}

/** Tempos at the first notes for which they hold. */
function* tempoEvents(score: Score, notes: readonly GridNote[], ids: Ids): Generator<Placed> {
  const starts = score.tempos.map(([tick]) => roundDiv(tick * GRID, score.ticksPerBeat));
  const first = ids.get(`tempo:${TEMPOS[0]}`)!;
  let before = -1;
  for (const { onset } of notes) {
    const inForce = score.tempos[bisectRight(starts, onset) - 1]!;
    const tempo = nearest(TEMPOS, 60e6 / inForce[1]);
    if (tempo !== before) yield { at: onset, rank: RANK.tempo, token: first + tempo };
    before = tempo;
  }
}

function* noteEvents(notes: readonly GridNote[], ids: Ids, band: boolean): Generator<Placed> {
  const pitch = ids.get("pitch:0")!;
  const duration = ids.get(`duration:${DURATIONS[0]}`)!;
  const velocity = ids.get(`velocity:${VELOCITY_STEP / 2}`)!;
  const held = new Map<number, number>();
  let before: GridNote | null = null;
  for (const note of notes) {
    const at = note.onset;
    const rank = RANK.notes + RANK.perNote * (note.program * 128 + note.pitch);
    if (band && (at !== before?.onset || note.program !== before.program)) {
      yield { at, rank, token: ids.get("program:0")! + note.program };
    }
    const bin = Math.floor(note.velocity / VELOCITY_STEP);
    if (bin !== held.get(note.program)) yield { at, rank: rank + 1, token: velocity + bin };
    held.set(note.program, bin);
    if (note.program === DRUMS) {
      yield { at, rank: rank + 2, token: ids.get("drum:0")! + note.pitch };
    } else {
      yield { at, rank: rank + 2, token: pitch + note.pitch };
      yield { at, rank: rank + 3, token: duration + note.duration };
    }
    before = note;
  }
}

/** value / by, rounded to the nearest, halves up. */
function roundDiv(value: number, by: number): number {
  return Math.floor((2 * value + by) / (2 * by));
}

/** Place of the nearest entry of a rising table, the lower of two equally near. */
function nearest(table: readonly number[], value: number): number {
  const between = table.slice(1).map((each, n) => (each + table[n]!) / 2);
  return bisectLeft(between, value);
}

/** The meter itself, or the one in quarters whose bar is nearest in length. */
function knownMeter(numerator: number, denominator: number): [number, number] {
  if (METERS.some(([n, d]) => n === numerator && d === denominator)) {
    return [numerator, denominator];
  }
  const quarters = METERS.filter(([, d]) => d === 4).map(([n]) => n);
  return [quarters[nearest(quarters, (numerator * 4) / denominator)]!, 4];
}
