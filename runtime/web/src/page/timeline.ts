/** The notes and bar lines of a song as far as it is made, by the second. */
import type { Event, Meter, Note, Tempo } from "../core";

/** What the page needs of a note. */
export type Shown = Pick<Note, "onset" | "end" | "pitch" | "velocity" | "program" | "drum">;

interface Pace {
  second: number;
  usec: number; // per beat
}

const NO_TEMPO = 500_000; // MIDI's own, 120 beats a minute

export class Timeline {
  /** By onset. */
  notes: Shown[] = [];
  /** Seconds of bar lines, as far as `barsUntil` was asked to go. */
  bars: number[] = [];
  /** Up to here all is known; of a song that is closed, its length in seconds. */
  known = 0;
  /** Whether no more is to come. */
  closed = false;
  /** Instruments in order of appearance, 128 for drums. */
  readonly programs: number[] = [];
  /** From here on nothing is forgotten. */
  oldest = 0;
  lowest = 127;
  highest = 0;
  private longest = 0; // seconds of the longest note
  private paces: Pace[] = [{ second: 0, usec: NO_TEMPO }];
  private beatsPerBar = 4;
  private firstBar = 0; // the number of bars[0]

  constructor(private readonly hasBars = true) {}

  /** Take what a model made. Returns its notes. */
  add(events: readonly Event[]): Shown[] {
    const fresh: Shown[] = [];
    for (const event of events) {
      if (event.kind === "note") fresh.push(this.addNote(event));
      else if (event.kind === "tempo") this.addTempo(event);
      else if (event.kind === "meter") this.addMeter(event);
      else if (event.kind === "end") this.close(event.seconds);
    }
    return fresh;
  }

  /** Those that sound at some time between two seconds. */
  between(from: number, to: number): Shown[] {
    const first = this.firstFrom(from - this.longest);
    const last = this.firstFrom(to);
    return this.notes.slice(first, last).filter((note) => note.end > from);
  }

  /** Forget what ended before a second, so that endless music takes no more memory. */
  forget(before: number): void {
    this.oldest = Math.max(this.oldest, before);
    const gone = this.firstFrom(before - this.longest);
    if (gone > 0) this.notes = this.notes.slice(gone);
    const old = this.bars.findIndex((bar) => bar >= before);
    if (old > 1) {
      this.bars = this.bars.slice(old - 1);
      this.firstBar += old - 1;
    }
    while (this.paces.length > 1 && this.paces[1]!.second < (this.bars[0] ?? 0)) this.paces.shift();
  }

  /** The number of a bar line of `bars`, from 1 on. */
  barNumber(index: number): number {
    return this.firstBar + index + 1;
  }

  /** The bar that a second is in, from 1 on. */
  barAt(second: number): number {
    this.barsUntil(second);
    let index = this.bars.length;
    while (index > 0 && this.bars[index - 1]! > second + 1e-6) index -= 1;
    return this.firstBar + index;
  }

  /** Know the bar lines up to a second. */
  barsUntil(second: number): void {
    if (!this.hasBars) return;
    if (!this.bars.length) this.bars.push(0);
    for (let last = this.bars.at(-1)!; last < second; last = this.bars.at(-1)!) {
      this.bars.push(this.after(last, this.beatsPerBar));
    }
  }

  private addNote(note: Note): Shown {
    const { onset, end, pitch, velocity, program, drum } = note;
    const shown = { onset, end, pitch, velocity, program, drum };
    this.notes.push(shown);
    this.longest = Math.max(this.longest, end - onset);
    this.known = Math.max(this.known, onset);
    this.lowest = Math.min(this.lowest, pitch);
    this.highest = Math.max(this.highest, pitch);
    const number = drum ? 128 : program;
    if (!this.programs.includes(number)) this.programs.push(number);
    return shown;
  }

  private addTempo({ seconds, usec }: Tempo): void {
    this.paces = this.paces.filter((pace) => pace.second < seconds);
    this.paces.push({ second: seconds, usec });
    this.dropBars(seconds);
  }

  private addMeter({ seconds, numerator, denominator }: Meter): void {
    this.barsUntil(seconds);
    this.dropBars(seconds);
    if (this.hasBars && Math.abs((this.bars.at(-1) ?? -1) - seconds) > 1e-4) this.bars.push(seconds);
    this.beatsPerBar = (4 * numerator) / denominator;
  }

  private close(seconds: number): void {
    const last = this.notes.slice(-400).reduce((end, note) => Math.max(end, note.end), 0);
    this.known = Math.max(this.known, seconds, last);
    this.closed = true;
  }

  /** Bar lines from here on are reckoned anew. */
  private dropBars(second: number): void {
    while (this.bars.length > 1 && this.bars.at(-1)! > second + 1e-4) this.bars.pop();
  }

  /** The second so many beats after another. */
  private after(second: number, beats: number): number {
    let at = second;
    let left = beats;
    let index = this.paces.findLastIndex((pace) => pace.second <= second + 1e-9);
    for (index = Math.max(index, 0); ; index += 1) {
      const beat = this.paces[index]!.usec / 1e6;
      const next = this.paces[index + 1]?.second ?? Number.POSITIVE_INFINITY;
      if (at + left * beat <= next) return at + left * beat;
      left -= (next - at) / beat;
      at = next;
    }
  }

  /** The place of the first note that begins at or after a second. */
  private firstFrom(second: number): number {
    let low = 0;
    for (let high = this.notes.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.notes[middle]!.onset < second) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
