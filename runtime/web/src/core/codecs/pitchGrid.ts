/** Which pitches sound at each step of a fixed time grid: what `frames` and `khot` share. */
import { CodecError } from "../errors";
import type { Score } from "../score";
import { grouped, roundHalfEven } from "../text";
import { requireNotes } from "./base";

export const PITCHES = 128;
export const REFERENCE_BEAT = 480; // ticks per beat
const REFERENCE_USEC = 500_000; // 120 beats per minute
export const VELOCITY = 80;
// 14 hours at 25 ticks; with MAX_CELLS it bounds memory
const MAX_STEPS = 2_000_000;
const MAX_CELLS = 20_000_000;

/** A pitch that sounds from step `first` until before step `after`. */
export interface Run {
  readonly pitch: number;
  readonly first: number;
  readonly after: number;
}

/** The length of a step. */
export function stepSeconds(ticks: number): number {
  return (ticks * REFERENCE_USEC) / (REFERENCE_BEAT * 1e6);
}

/**
 * When each pitch sounds, in steps of `ticks`, with repeated notes kept apart where possible.
 * Throws CodecError, before memory is taken, for more steps than memory or the notes allow.
 */
export function soundingRuns(score: Score, ticks: number): Run[] {
  const spans = score.notes.map(({ pitch, ...row }) => {
    const onset = stepOf(score, row.onset, ticks);
    return { pitch, onset, end: Math.max(stepOf(score, row.end, ticks), onset + 1) };
  });
  const last = spans.reduce((most, span) => Math.max(most, span.end), 0);
  const sounding = spans.reduce((sum, span) => sum + span.end - span.onset, 0);
  for (const steps of [last, sounding]) {
    requireNotes(spans.length, { seconds: steps * stepSeconds(ticks) });
  }
  if (last > MAX_STEPS) {
    throw new CodecError(`lasts ${grouped(last)} steps; ${grouped(MAX_STEPS)} are the most`);
  }
  if (sounding > MAX_CELLS) {
    const most = `${grouped(MAX_CELLS)} are the most`;
    throw new CodecError(`its notes sound for ${grouped(sounding)} steps; ${most}`);
  }
  const runs: Run[] = [];
  for (let pitch = 0; pitch < PITCHES; pitch++) {
    const mine = spans.filter((span) => span.pitch === pitch).sort((a, b) => a.onset - b.onset);
    for (const [first, after] of runsOf(mine)) runs.push({ pitch, first, after });
  }
  return runs;
}

/** The step of a tick. Halves round to even, as in the original. */
function stepOf(score: Score, tick: number, ticks: number): number {
  const flat = roundHalfEven((score.secondsAt(tick) * REFERENCE_BEAT * 1e6) / REFERENCE_USEC);
  return roundHalfEven(flat / ticks);
}

/**
 * The runs of steps that the notes of one pitch fill, in order of onset. A note that begins inside
 * a run, or right after it, clears the step before when the run is at least two steps old;
 * otherwise it becomes part of the run.
 */
function runsOf(spans: readonly { onset: number; end: number }[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const { onset, end } of spans) {
    const last = runs[runs.length - 1];
    if (!last || onset > last[1]) {
      runs.push([onset, end]);
      continue;
    }
    const until = last[1];
    if (onset - last[0] >= 2) {
      last[1] = onset - 1;
      runs.push([onset, Math.max(until, end)]);
    } else {
      last[1] = Math.max(until, end);
    }
  }
  return runs;
}
