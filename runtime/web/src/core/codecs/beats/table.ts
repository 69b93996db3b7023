/** The events of the `beats` codec, and what their values may be. */
import { roundHalfEven } from "../../text";

export const GRID = 24; // steps per beat
export const LONGEST_SHIFT = 4 * GRID;
// steps: exact up to a bar, coarser up to 64 beats
export const DURATIONS = [...range(1, 97), ...range(108, 385, 12), ...range(480, 1537, 96)];
export const VELOCITY_STEP = 4; // 32 velocity bins, named by their middle
export const DEFAULT_VELOCITY = 64 + VELOCITY_STEP / 2; // of notes before any velocity event
// 24 to 381 beats per minute, 6% apart
export const TEMPOS = range(-28, 21).map((k) => roundHalfEven(120 * 2 ** (k / 12)));
// bars of at most 8 beats
export const METERS = [2, 4, 8, 16].flatMap((d) =>
  range(1, 17)
    .filter((n) => n * 4 <= d * 8)
    .map((n): [number, number] => [n, d]),
);
export const DRUMS = 128; // the value of `program` that stands for the drum kit
export const DRUM_STEPS = GRID / 4; // a drum hit is written as a sixteenth
export const MAX_BARS = 200_000; // bounds memory

/** The names of all events, in order of token id. */
export function eventNames(band: boolean): string[] {
  const names = [
    "piece",
    "bar",
    ...range(1, LONGEST_SHIFT + 1).map((n) => `shift:${n}`),
    ...METERS.map(([n, d]) => `meter:${n}/${d}`),
    ...TEMPOS.map((bpm) => `tempo:${bpm}`),
    ...range(0, 128, VELOCITY_STEP).map((v) => `velocity:${v + VELOCITY_STEP / 2}`),
    ...range(0, 128).map((p) => `pitch:${p}`),
    ...DURATIONS.map((n) => `duration:${n}`),
  ];
  if (!band) return names;
  const programs = range(0, DRUMS + 1).map((p) => `program:${p}`);
  return [...names, ...programs, ...range(0, 128).map((p) => `drum:${p}`)];
}

/** Length of a bar in grid steps. */
export function barSteps([numerator, denominator]: readonly [number, number]): number {
  return Math.floor((GRID * 4 * numerator) / denominator);
}

/** Numbers from `first` on, `step` apart, below `end`. */
function range(first: number, end: number, step = 1): number[] {
  return Array.from({ length: Math.ceil((end - first) / step) }, (_, n) => first + n * step);
}
