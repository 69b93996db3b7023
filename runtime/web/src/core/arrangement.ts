/** Arrangements: which notes of a score a model learns from, and as what. */
import { inOrder, type NoteRow, type Score } from "./score";

/**
 * `piano`: all pitched notes merged on one piano, without drums. `band`: programs and drums as they
 * are. Of notes that begin on one tick with the same sound only the longest stays.
 */
export function arrange(score: Score, arrangement: "piano" | "band"): Score {
  const notes = longest(score.notes);
  if (arrangement === "band") return score.with({ notes });
  const merged = notes.filter((note) => !note.drum).map((note) => ({ ...note, program: 0 }));
  return score.with({ notes: longest(merged.sort(inOrder)) });
}

/** Of each sound on a tick the longest note, of equal ones the first; notes in a score's order. */
function longest(notes: readonly NoteRow[]): NoteRow[] {
  const kept: NoteRow[] = [];
  for (const note of notes) {
    const last = kept.at(-1);
    if (!last || !isSame(last, note)) kept.push(note);
    else if (note.end > last.end) kept[kept.length - 1] = note;
  }
  return kept;
}

function isSame(a: NoteRow, b: NoteRow): boolean {
  const isSound = a.drum === b.drum && a.program === b.program && a.pitch === b.pitch;
  return isSound && a.onset === b.onset;
}

/** The score without the bars before the one of its first note. */
export function cutSilence(score: Score): Score {
  const [note] = score.notes;
  if (!note) return score;
  const [since, numerator, denominator] = score.meters.findLast(([tick]) => tick <= note.onset)!;
  const bar = Math.max(Math.floor((4 * score.ticksPerBeat * numerator) / denominator), 1);
  const start = since + Math.floor((note.onset - since) / bar) * bar;
  return start > 0 ? score.since(start) : score;
}
