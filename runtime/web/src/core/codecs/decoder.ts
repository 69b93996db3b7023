/** Music from a growing stream of tokens, note by note, in constant memory. */
import { inOrder, type MeterChange, type NoteRow, Score, SOUNDING, type TempoChange } from "../score";

/** What a model makes in a step: a token, or the 128 keys that sound, each 0 or 1. */
export type Step = number | Uint8Array;

/**
 * Takes items one after the other, and gives notes as soon as no later item can change them.
 * `now`: the tick reached. `tempos`, `meters`: the changes so far; a caller that decodes without
 * end empties them.
 */
export abstract class Decoder {
  now = 0;
  tempos: TempoChange[] = [];
  meters: MeterChange[] = [];
  protected rows: NoteRow[] = []; // in order of onset

  constructor(readonly ticksPerBeat: number) {}

  /** Take the next token, or vector. */
  abstract feed(item: Step): void;

  /** Notes that have ended, each once, in the order of a Score, up to the first that has not. */
  settled(): NoteRow[] {
    const found: NoteRow[] = [];
    let first = 0;
    while (first < this.rows.length) {
      const { onset } = this.rows[first]!;
      let end = first;
      while (this.rows[end]?.onset === onset) end++;
      const chord = this.rows.slice(first, end);
      if (onset >= this.now) break;
      if (chord.some((row) => row.end === SOUNDING || row.end > this.now)) break;
      first = end;
      found.push(...chord.filter((row) => row.end > onset).sort(inOrder));
    }
    this.rows.splice(0, first);
    return found;
  }

  /** The remaining notes; those that still sound end here. */
  rest(): NoteRow[] {
    this.finish();
    const found = this.rows.filter((row) => row.end > row.onset).sort(inOrder);
    this.rows = [];
    return found;
  }

  /** All of a piece. */
  whole(items: Iterable<Step>): Score {
    for (const item of items) this.feed(item);
    return Score.build(this.rest(), this.ticksPerBeat, this.tempos, this.meters);
  }

  /** End the notes that still sound. */
  protected finish(): void {
    for (const row of this.rows) if (row.end === SOUNDING) row.end = this.now;
  }
}

/** Steps that list which pitches sound: a note lasts while its pitch is listed. */
export abstract class GridDecoder extends Decoder {
  private readonly sounding = new Map<number, NoteRow>();

  constructor(
    ticksPerBeat: number,
    private readonly ticks: number,
    private readonly velocity: number,
  ) {
    super(ticksPerBeat);
  }

  /** Take the pitches that sound in the next `steps` steps. */
  protected step(pitches: ReadonlySet<number>, steps = 1): void {
    for (const [pitch, row] of this.sounding) {
      if (pitches.has(pitch)) continue;
      row.end = this.now;
      this.sounding.delete(pitch);
    }
    for (const pitch of [...pitches].sort((a, b) => a - b)) {
      if (this.sounding.has(pitch)) continue;
      const { now, velocity } = this;
      const row = { onset: now, end: SOUNDING, pitch, velocity, program: 0, drum: false };
      this.sounding.set(pitch, row);
      this.rows.push(row);
    }
    this.now += steps * this.ticks;
  }
}
