/** Keys: their names, and the likeliest one of a score. */
import { UgenError } from "../errors";
import type { Score } from "../score";
import { modulo } from "../numbers";

/** A tonic, 0 for C to 11, and whether it is minor. */
export interface Key {
  readonly tonic: number;
  readonly minor: boolean;
}

// how well each degree fits a key, from the tonic up (Krumhansl and Kessler 1982)
const MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
const MINOR = [6.33, 2.68, 3.52, 5.38, 2.6, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
const LETTERS: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const SHARP = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const DIGITS = 1e9; // keys that fit equally well to so much are equal: the first one is taken

/** All keys in the order of their ids: major, then minor. */
export const KEY_NAMES = Array.from({ length: 24 }, (_, n) =>
  keyName({ tonic: n % 12, minor: n >= 12 }),
);

/** A key by its name. */
export function parseKey(name: string): Key {
  const found = /^([A-Ga-g])([#b]?)(m?)$/.exec(name);
  if (!found) {
    throw new UgenError("must be a key such as C, F# or Bbm", { flag: "--key", value: name });
  }
  const sign = found[2] === "#" ? 1 : found[2] === "b" ? -1 : 0;
  const tonic = modulo(LETTERS[found[1]!.toUpperCase()]! + sign, 12);
  return { tonic, minor: found[3] === "m" };
}

/**
 * The likeliest key of the pitched notes: the one whose profile correlates best with how long each
 * pitch class sounds (Krumhansl 1990). C major for silence.
 */
export function keyOf(score: Score): Key {
  const sounding = new Array<number>(12).fill(0);
  for (const note of score.notes) {
    if (!note.drum) sounding[note.pitch % 12]! += note.end - note.onset;
  }
  return keyOfSounding(sounding);
}

/** The same, by how long each pitch class sounds. */
export function keyOfSounding(sounding: readonly number[]): Key {
  let best: Key = { tonic: 0, minor: false };
  if (Math.max(...sounding) === Math.min(...sounding)) return best;
  let most = -Infinity;
  for (const minor of [false, true]) {
    for (let tonic = 0; tonic < 12; tonic++) {
      const profile = minor ? MINOR : MAJOR;
      const fit = correlation(
        sounding,
        sounding.map((_, n) => profile[modulo(n - tonic, 12)]!),
      );
      if (Math.round(fit * DIGITS) > most) {
        most = Math.round(fit * DIGITS);
        best = { tonic, minor };
      }
    }
  }
  return best;
}

function correlation(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [middleX, middleY] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  x.forEach((value, n) => {
    const [a, b] = [value - middleX, y[n]! - middleY];
    xy += a * b;
    xx += a * a;
    yy += b * b;
  });
  return xy / Math.sqrt(xx * yy);
}

/** C, F#, Bbm. */
export function keyName({ tonic, minor }: Key): string {
  return SHARP[tonic]! + (minor ? "m" : "");
}

/** The sharps of a key's signature, or below 0 the flats; six at most. */
export function accidentals({ tonic, minor }: Key): number {
  const mode = Number(minor);
  return modulo(7 * (tonic + 3 * mode) + 5 + mode, 12) - 5 - mode;
}
