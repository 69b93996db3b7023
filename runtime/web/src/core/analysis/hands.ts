/** Which hand plays which notes on a piano. */
import { bisectLeft, bisectRight } from "../numbers";
import type { Score } from "../score";

const FIRST = 36; // the left hand plays the notes below a split, from this pitch
const SPLITS = 49; // on
const MIDDLE = 60;
const HELD = 4; // beats; a note that is held longer is the pedal's
const PART = 1 << 12; // moments worked on at once
// What a split costs: the reach of a hand in octaves, squared; a note nearer than a whole tone to
// the split; an octave away from the middle; and to move it by an octave in a moment.
const REACH = Math.fround(1 / 144);
const NEAR = 0.2;
const AWAY = 0.06;
const MOVED = Math.fround(1 / 12);
const STEPS = Float32Array.from({ length: SPLITS }, (_, n) => n * MOVED);

/**
 * Which notes are the left hand's, drums never: those below a split that follows the
 * music. Of all ways that the split can take through the piece, the one is found on which hands
 * reach least far, and the split keeps clear of the notes, near the middle of the keyboard, and
 * still.
 */
export function leftHand(score: Score): boolean[] {
  const notes = score.notes.filter((note) => !note.drum);
  const onsets = [...new Set(notes.map((note) => note.onset))];
  const changes = onsets.map((): [pitch: number, by: number][] => []);
  const longest = HELD * score.ticksPerBeat;
  for (const { onset, end, pitch } of notes) {
    changes[bisectLeft(onsets, onset)]!.push([pitch, 1]);
    changes[bisectLeft(onsets, Math.min(end, onset + longest))]?.push([pitch, -1]);
  }
  const path = pathOf(changes);
  return score.notes.map(({ drum, onset, pitch }) => {
    return !drum && pitch < path[bisectRight(onsets, onset) - 1]!;
  });
}

/** The split at each moment. `changes`: of how often each pitch sounds. */
function pathOf(changes: readonly (readonly [number, number])[][]): number[] {
  const sounding = new Int32Array(128);
  const path: number[] = [];
  let best = new Float32Array(SPLITS);
  for (let first = 0; first < changes.length; first += PART) {
    const costs: Float32Array<ArrayBuffer>[] = [];
    for (const moment of changes.slice(first, first + PART)) {
      for (const [pitch, by] of moment) sounding[pitch]! += by;
      const cheapest = nearby(best);
      best = costsOf(sounding).map((cost, n) => cost + cheapest[n]!);
      costs.push(best);
    }
    path.push(...traced(costs).map((n) => FIRST + n));
  }
  return path;
}

/** What each split costs by itself. */
function costsOf(sounding: Int32Array): Float32Array<ArrayBuffer> {
  const pitches = [...sounding.keys()].filter((pitch) => sounding[pitch]! > 0);
  const lowest = pitches[0]!;
  const highest = pitches[pitches.length - 1]!;
  return Float32Array.from({ length: SPLITS }, (_, n) => {
    const split = FIRST + n;
    const at = bisectLeft(pitches, split);
    const below = pitches[at - 1] ?? -Infinity;
    const above = pitches[at] ?? Infinity;
    const left = at > 0 ? below - lowest : 0;
    const right = at < pitches.length ? highest - above : 0;
    const near = Math.max(2 - Math.min(split - 0.5 - below, above - split + 0.5), 0);
    const reach = Math.fround(REACH * (left ** 2 + right ** 2));
    return reach + NEAR * near + (AWAY / 12) * Math.abs(split - MIDDLE);
  });
}

/** The least of all costs, each with that of moving from there; in float32, step by step. */
function nearby(costs: Float32Array): Float32Array {
  const up = new Float32Array(SPLITS);
  const down = new Float32Array(SPLITS);
  let least = Infinity;
  for (let n = 0; n < SPLITS; n++) {
    least = Math.min(least, Math.fround(costs[n]! - STEPS[n]!));
    up[n] = least + STEPS[n]!;
  }
  least = Infinity;
  for (let n = SPLITS - 1; n >= 0; n--) {
    least = Math.min(least, Math.fround(costs[n]! + STEPS[n]!));
    down[n] = least - STEPS[n]!;
  }
  return up.map((cost, n) => Math.min(cost, down[n]!));
}

/** The best way back through the costs of the best ways there. */
function traced(costs: readonly Float32Array[]): number[] {
  const path = new Array<number>(costs.length);
  let at = leastOf(costs[costs.length - 1]!);
  path[costs.length - 1] = at;
  for (let n = costs.length - 2; n >= 0; n--) {
    const from = STEPS[at]!;
    at = leastOf(costs[n]!.map((cost, m) => cost + Math.fround(Math.abs(STEPS[m]! - from))));
    path[n] = at;
  }
  return path;
}

function leastOf(costs: Float32Array): number {
  let at = 0;
  for (let n = 1; n < costs.length; n++) if (costs[n]! < costs[at]!) at = n;
  return at;
}
