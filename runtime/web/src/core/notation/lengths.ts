/** How long notes are on paper. What is played is often a little shorter, or longer. */
import { bisectLeft, bisectRight } from "../numbers";
import type { NoteRow } from "../score";
import type { Bar } from "./bars";
import { levelsOf } from "./rhythm";

const LONGEST_GAP = 12; // steps that are left out on paper, and half of the note at most
const LONGEST_OVERLAP = 6; // and a quarter of the note
const PLAIN = new Set([6, 12, 24, 48, 96, 192, 18, 36, 72, 144]);

/**
 * Where the notes of a staff, which come by onset, end on paper. One that ends where another begins,
 * or lasts as long as a note on paper can, stays. Others last to the next onset if it is near, or
 * else to the strongest place in the bar that is.
 */
export function writtenEnds(notes: readonly NoteRow[], bars: readonly Bar[]): number[] {
  const onsets = [...new Set(notes.map(({ onset }) => onset))];
  const starts = bars.map(({ start }) => start);
  return notes.map(({ onset, end }) => {
    const following = onsets[bisectLeft(onsets, end)] ?? end * 2;
    const nextOnset = onsets[bisectRight(onsets, onset)] ?? end;
    const length = end - onset;
    if (following === end || isPlain(onset, end)) return end;
    const overlap = end - nextOnset;
    const most = Math.min(Math.floor(length / 2), LONGEST_GAP);
    if (overlap > 0 && overlap <= Math.min(Math.floor(length / 4), LONGEST_OVERLAP)) {
      return nextOnset;
    }
    if (following - end <= most) return following;
    const bar = bars[bisectRight(starts, end - 1) - 1]!;
    return strongest(end, Math.min(following, end + most), bar);
  });
}

/** Whether a note without ties would do, and end at a sixteenth, a dotted one at an eighth. */
function isPlain(onset: number, end: number): boolean {
  const length = end - onset;
  if (onset % 3 && end % 4 === 0) return true; // in a triplet
  return PLAIN.has(length) && end % (length % 9 === 0 ? 12 : 6) === 0;
}

/** The strongest place of a bar between two steps, the first of several. */
function strongest(first: number, last: number, bar: Bar): number {
  for (const distance of levelsOf(bar.meter)) {
    const place = bar.origin + Math.ceil((first - bar.origin) / distance) * distance;
    if (place <= Math.min(last, bar.end)) return place;
  }
  return first;
}
