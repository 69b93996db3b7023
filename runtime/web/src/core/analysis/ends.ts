/** Whether a piece ends, instead of being broken off (docs/model-format.md, "The end"). */
import { median } from "../numbers";
import type { Score } from "../score";
import { Bars, STEPS } from "./bars";
import { keyOf } from "./key";

const WINDOW = 8; // last bars whose key is asked for
const TONIC_TRIAD = [0, 3, 4, 7]; // with either third: a piece in minor may end in major

/**
 * The last notes are those that sound on after the last has begun. They end together, one of them
 * begins or ends on a beat or halfway to the next, the last of them lasts as long as the median
 * note at least, and they are tones of the tonic's triad, the tonic among them, in the likeliest
 * key of the whole piece or of its last bars.
 */
export function ends(score: Score): boolean {
  const notes = score.notes.filter((note) => !note.drum);
  if (!notes.length) return false;
  const last = notes.reduce((most, note) => Math.max(most, note.onset), 0);
  const chord = notes.filter((note) => note.end > last);
  const end = chord.reduce((most, note) => Math.max(most, note.end), 0);
  const late = chord.map((note) => end - note.end);
  if (2 * median(late) > score.ticksPerBeat) return false;
  const bars = new Bars(score);
  const isOnBeat = chord
    .flatMap((note) => [note.onset, note.end])
    .some((tick) => (bars.locate(bars.step(tick)).place + 1) % (STEPS / 2) <= 2);
  if (!isOnBeat) return false;
  if (end - last < median(notes.map((note) => note.end - note.onset))) return false;
  const barOf = notes.map((note) => bars.locate(bars.step(note.onset)).bar);
  const closing = barOf.reduce((most, bar) => Math.max(most, bar), 0) - WINDOW;
  const parts = [score, score.with({ notes: notes.filter((_, n) => barOf[n]! > closing) })];
  return parts.some((part) => {
    const { tonic } = keyOf(part);
    const degrees = chord.map((note) => (note.pitch - tonic + 12) % 12);
    return degrees.includes(0) && degrees.every((degree) => TONIC_TRIAD.includes(degree));
  });
}
