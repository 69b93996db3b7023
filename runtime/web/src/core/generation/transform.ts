/** Changes to a finished song: its key. */
import { type Key, keyOf, parseKey } from "../analysis/key";
import { modulo } from "../numbers";
import { inOrder, type Score } from "../score";

/** The score moved to a key, the shorter way; the mode stays. null leaves it as it is. */
export function transformed(score: Score, key: string | null): Score {
  if (key === null) return score;
  const semitones = modulo(parseKey(key).tonic - keyOf(score).tonic + 5, 12) - 5;
  const notes = score.notes.map((row) =>
    row.drum ? row : { ...row, pitch: transposed(row.pitch, semitones) },
  );
  return score.with({ notes: notes.sort(inOrder) });
}

/** A pitch moved; one that would leave 0 to 127 goes to the nearest octave within. */
function transposed(pitch: number, semitones: number): number {
  const moved = pitch + semitones;
  if (moved < 0) return modulo(moved, 12);
  return moved > 127 ? (moved % 12) + 108 : moved;
}

/** The key of the finished song, if the model was asked for one. */
export function signature(key: string | null, score: Score): Key {
  return key === null ? keyOf(score) : parseKey(key);
}
