/** Which passages of a song are copied from the music that a model was trained on. */
import { byKeys } from "../numbers";
import type { Table } from "./fingerprintTable";
import { grams, type PitchedNote, reach } from "./fingerprints";

/** Notes that also occur in a piece: the place of the first, how many, and the piece's number. */
export interface Passage {
  readonly first: number;
  readonly length: number;
  readonly owner: number;
}

/**
 * All copied passages among notes by onset, then pitch: runs of neighbouring hashes of which every
 * one that the table would keep is one piece's.
 */
export function passages(notes: readonly PitchedNote[], table: Table): Passage[] {
  const runs = grams(notes, table.n);
  const hashes = runs.map((run) => run.hash);
  const found = table.lookup(hashes);
  found.sort(byKeys((each) => each[1], (each) => each[0]));
  const kept = [0]; // how many hashes before each place winnowing would keep
  for (const far of reach(hashes)) {
    kept.push(kept[kept.length - 1]! + Number(far >= table.window));
  }
  const spans: [begin: number, last: number, owner: number][] = [];
  found.forEach(([place, owner], n) => {
    const [before, same] = found[n - 1] ?? [0, -1];
    const begins =
      owner !== same || place - before > table.window || kept[place]! > kept[before + 1]!;
    if (begins) spans.push([place, place, owner]);
    else spans[spans.length - 1]![1] = place;
  });
  return spans.map(([begin, last, owner]) => ({
    first: runs[begin]!.place,
    length: runs[last]!.place - runs[begin]!.place + table.n,
    owner,
  }));
}
