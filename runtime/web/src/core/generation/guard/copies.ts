/** Passages that a song copies from the training music, found while it is made. */
import type { Table } from "../../analysis/fingerprintTable";
import { grams, type PitchedNote } from "../../analysis/fingerprints";
import { passages } from "../../analysis/originality";
import type { Codec } from "../../codecs/base";
import type { Step } from "../../codecs/decoder";
import { bisectLeft, bisectRight, byKeys } from "../../numbers";
import { count, printable } from "../../text";
import { type Fault, soundingRows } from "./faults";

const LONGEST_NAME = 60;

/** A copied passage, and the onset of its first note, in steps of the codec's grid. */
export interface Copy {
  readonly fault: Fault;
  readonly onset: number;
}

/**
 * Reads a growing song, and finds passages of more notes than the table's limit. It remembers no
 * more notes than that needs. `start`: where the song begins on the codec's grid; what was before
 * does not count.
 */
export class CopyFinder {
  private notes: PitchedNote[] = [];

  constructor(
    private readonly codec: Codec,
    private readonly table: Table,
    private read: number, // all notes before are in `notes`
  ) {}

  /**
   * The longest copied passage that ends in what is new; `nows`: where the song stood after each of
   * the steps. The notes at the last point of time are left for the next call.
   */
  find(steps: readonly Step[], nows: readonly number[]): Copy | null {
    const { table } = this;
    const before = this.notes.length;
    const last = nows[nows.length - 1]!;
    const stretch = { codec: this.codec, steps, nows, begin: this.read, end: last };
    this.notes.push(...notesIn(stretch));
    this.read = last;
    const fresh = grams(this.notes.slice(Math.max(before - table.n + 1, 0)), table.n);
    if (!table.lookup(fresh.map((each) => each.hash)).length) return null;
    const found = passages(this.notes, table).filter((each) => each.first + each.length > before);
    let longest = found[0];
    for (const each of found) if (each.length > longest!.length) longest = each;
    if (!longest || longest.length <= table.limit) return null;
    const name = printable([...table.pieces[longest.owner]!].slice(0, LONGEST_NAME).join(""));
    const fault = { kind: "copy", text: `${count(longest.length, "note")} of ${name}` };
    return { fault, onset: this.notes[longest.first]!.onset };
  }

  /** The song was taken back to here. */
  takeBack(now: number): void {
    this.notes = this.notes.filter((note) => note.onset < now);
    this.read = Math.min(this.read, now);
  }

  /** The song will not be taken back to before here: forget what is no longer needed. */
  settle(now: number): void {
    const { limit, n, window } = this.table;
    const needed = limit + 2 * (n + window);
    const settled = bisectLeft(
      this.notes.map((note) => note.onset),
      now,
    );
    this.notes = this.notes.slice(Math.max(settled - needed, 0));
  }
}

/** Steps, where a song stood after each of them, and the times between which notes are read. */
interface Stretch {
  codec: Codec;
  steps: readonly Step[];
  nows: readonly number[];
  begin: number;
  end: number;
}

/** The notes that begin at `begin` or later and before `end`, by onset, then pitch, each once. */
function notesIn(stretch: Stretch): PitchedNote[] {
  const listsSounding = !stretch.codec.onsetTokens.some((is) => is === 1);
  const read = listsSounding ? newlySounding : struck;
  const found = new Map<number, PitchedNote>();
  for (const note of read(stretch)) {
    found.set(note.onset * 128 + note.pitch, note);
  }
  return [...found.values()].sort(byKeys((note) => note.onset, (note) => note.pitch));
}

function struck({ codec, steps, nows, begin, end }: Stretch): PitchedNote[] {
  const found: PitchedNote[] = [];
  for (let n = bisectLeft(nows, begin); n < bisectLeft(nows, end); n++) {
    const { kind, value } = codec.pairs[Number(steps[n])]!;
    if (kind === "pitch" || kind === "note_on") found.push({ onset: nows[n]!, pitch: value });
  }
  return found;
}

/** Pitches that were not in the grid step before, which is read again, too. */
function newlySounding({ codec, steps, nows, begin, end }: Stretch): PitchedNote[] {
  const first = bisectLeft(nows, begin);
  const isFrame = codec.input === "frame";
  const before = first && !isFrame ? bisectLeft(nows, nows[first - 1]!) : first;
  const after = bisectRight(nows, end);
  const { rows, ends } = soundingRows(codec, steps.slice(before, after), nows.slice(before, after));
  const found: PitchedNote[] = [];
  rows.forEach((row, n) => {
    let onset = n ? ends[n - 1]! : first ? -1 : begin;
    if (isFrame) onset = ends[n]! - 1;
    if (onset < begin || onset >= end) return;
    row.forEach((sounds, pitch) => {
      if (sounds && !(n && rows[n - 1]![pitch])) found.push({ onset, pitch });
    });
  });
  return found;
}
