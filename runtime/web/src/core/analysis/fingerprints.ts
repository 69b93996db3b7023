/**
 * Runs of notes as hashes that know neither key nor tempo (docs/model-format.md, "Runs of notes").
 */
import { mix } from "../sampling/rng";

const PATTERN = 4; // steps
const GOLDEN = 0x9e3779b97f4a7c15n;
const MASK = (1n << 64n) - 1n;

/** A note that has a pitch. */
export interface PitchedNote {
  readonly onset: number;
  readonly pitch: number;
}

/** The hash of a run, and the place of its first note. */
export interface Gram {
  readonly hash: bigint;
  readonly place: number;
}

/** The runs of n notes that are not mere repetition, of notes by onset, then pitch, each once. */
export function grams(notes: readonly PitchedNote[], n: number): Gram[] {
  const kinds = onsetKinds(notes);
  const found: Gram[] = [];
  for (let place = 0; place + n <= notes.length; place++) {
    const steps: number[] = [];
    let isFirst = true;
    for (let at = place; at < place + n - 1; at++) {
      let kind = kinds[at]!;
      if (kind && isFirst) {
        kind = 2; // the first time in a run has none before it
        isFirst = false;
      }
      steps.push((notes[at + 1]!.pitch - notes[at]!.pitch + 127) * 4 + kind);
    }
    if (!isRepetitive(steps)) found.push({ hash: hashOf(steps), place });
  }
  return found;
}

/** Of each note and the next: 0 at the same time, else 1, 2 or 3 as the time is to the last one. */
function onsetKinds(notes: readonly PitchedNote[]): number[] {
  let before = 0;
  return notes.slice(1).map((note, n) => {
    const gap = note.onset - notes[n]!.onset;
    if (gap === 0) return 0;
    const last = before;
    before = gap;
    if (last === 0) return 2;
    const [now2, last2] = [gap ** 2, last ** 2];
    return 2 - Number(now2 * 2 <= last2) + Number(now2 >= last2 * 2);
  });
}

/** Whether a run only repeats a pattern of up to PATTERN steps, at least twice. */
function isRepetitive(steps: readonly number[]): boolean {
  for (let period = 1; period <= Math.min(PATTERN, steps.length >> 1); period++) {
    if (steps.every((step, n) => n < period || step === steps[n - period])) return true;
  }
  return false;
}

function hashOf(steps: readonly number[]): bigint {
  let value = 0n;
  for (const step of steps) value = mix((value + BigInt(step + 1) * GOLDEN) & MASK);
  return value;
}

/** The longest window of neighbouring hashes of which each is the least, the last of equals. */
export function reach(hashes: readonly bigint[]): number[] {
  const before = hashes.map(() => -1);
  const after = hashes.map(() => hashes.length);
  let rising: number[] = [];
  hashes.forEach((value, place) => {
    while (rising.length && hashes[rising[rising.length - 1]!]! >= value) {
      after[rising.pop()!] = place;
    }
    rising.push(place);
  });
  rising = [];
  for (let place = hashes.length - 1; place >= 0; place--) {
    while (rising.length && hashes[rising[rising.length - 1]!]! > hashes[place]!) {
      before[rising.pop()!] = place;
    }
    rising.push(place);
  }
  return hashes.map((_, place) => after[place]! - before[place]! - 1);
}
