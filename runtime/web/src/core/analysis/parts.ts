/** Parts of a score that have no track of their own: its top line, and its lowest. */
import type { NoteRow } from "../score";

type Line = Pick<NoteRow, "onset" | "end" | "pitch">;

/**
 * Which notes are the top line: those with no higher one beginning or sounding at their onset. Of
 * equal notes that begin together all are.
 */
export function topLine(notes: readonly Line[]): boolean[] {
  const isTop = notes.map(() => false);
  const ends = new Float64Array(128); // of the last note of each pitch
  const order = notes.map((note, n) => ({ note, n }));
  order.sort((a, b) => a.note.onset - b.note.onset || b.note.pitch - a.note.pitch);
  for (const { note, n } of order) {
    isTop[n] = ends.subarray(note.pitch + 1).every((end) => end <= note.onset);
    ends[note.pitch] = Math.max(ends[note.pitch]!, note.end);
  }
  return isTop;
}

/** Which notes are the lowest line, likewise. */
export function bottomLine(notes: readonly Line[]): boolean[] {
  return topLine(notes.map((note) => ({ ...note, pitch: 127 - note.pitch })));
}
