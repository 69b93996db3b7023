/** Score: notes, a tempo map and time signatures, all in ticks. Nothing changes one in place. */
import { bisectRight, byKeys } from "./numbers";

/** A note in ticks. `end` is SOUNDING while it has none. */
export interface NoteRow {
  onset: number;
  end: number;
  pitch: number;
  velocity: number;
  program: number;
  drum: boolean;
}

/** From a tick on, microseconds per beat. */
export type TempoChange = readonly [tick: number, usec: number];
/** From a tick on, a bar of n/d. */
export type MeterChange = readonly [tick: number, numerator: number, denominator: number];

export const SOUNDING = -1;
export const DEFAULT_USEC = 500_000; // 120 beats a minute, where a file names no tempo

/** The order of a score's notes. */
export const inOrder = byKeys<NoteRow>(
  (row) => row.onset,
  (row) => Number(row.drum),
  (row) => row.program,
  (row) => row.pitch,
  (row) => row.end,
);

/**
 * Notes and their time base. `notes` are in order; `end` > `onset`. `tempos`, `meters`: strictly
 * rising in tick, the first at tick 0. `warnings`: what a reader repaired or left out, in words.
 */
export class Score {
  private starts: number[] | null = null;

  private constructor(
    readonly notes: readonly NoteRow[],
    readonly ticksPerBeat: number,
    readonly tempos: readonly TempoChange[],
    readonly meters: readonly MeterChange[],
    readonly warnings: readonly string[],
  ) {}

  /** A score from notes in any order. Of changes on one tick the last is kept. */
  static build(
    notes: readonly NoteRow[],
    ticksPerBeat: number,
    tempos: readonly TempoChange[] = [],
    meters: readonly MeterChange[] = [],
    warnings: readonly string[] = [],
  ): Score {
    const kept = changes<TempoChange>([0, DEFAULT_USEC], tempos);
    return new Score(
      [...notes].sort(inOrder),
      ticksPerBeat,
      kept.filter((change, n) => n === 0 || change[1] !== kept[n - 1]![1]),
      changes<MeterChange>([0, 4, 4], meters),
      warnings,
    );
  }

  /** The same with some parts replaced; notes must be in order. */
  with(parts: {
    notes?: readonly NoteRow[];
    tempos?: readonly TempoChange[];
    meters?: readonly MeterChange[];
    warnings?: readonly string[];
    ticksPerBeat?: number;
  }): Score {
    return new Score(
      parts.notes ?? this.notes,
      parts.ticksPerBeat ?? this.ticksPerBeat,
      parts.tempos ?? this.tempos,
      parts.meters ?? this.meters,
      parts.warnings ?? this.warnings,
    );
  }

  /** The tick where the last note ends; 0 for a score without notes. */
  get endTick(): number {
    return this.notes.reduce((end, note) => Math.max(end, note.end), 0);
  }

  /** Seconds from tick 0 to a tick. */
  secondsAt(tick: number): number {
    const { tempos } = this;
    const elapsed = (this.starts ??= this.elapsed());
    const n = Math.max(bisectRight(tempos.map((change) => change[0]), tick) - 1, 0);
    return elapsed[n]! + (tick - tempos[n]![0]) * this.rate(n);
  }

  /** The last tick that begins at or before `seconds`. */
  tickAt(seconds: number): number {
    const starts = this.tempos.map((change) => this.secondsAt(change[0]));
    const n = Math.max(bisectRight(starts, seconds) - 1, 0);
    return this.tempos[n]![0] + Math.trunc((seconds - starts[n]!) / this.rate(n) + 1e-9);
  }

  /** The score with finer ticks; itself where they would not fall on all of its own. */
  at(ticksPerBeat: number): Score {
    const scale = ticksPerBeat / this.ticksPerBeat;
    if (!Number.isInteger(scale) || scale === 1) return this;
    return this.with({
      notes: this.notes.map((row) => ({ ...row, onset: row.onset * scale, end: row.end * scale })),
      tempos: this.tempos.map(([tick, usec]) => [tick * scale, usec]),
      meters: this.meters.map(([tick, n, d]) => [tick * scale, n, d]),
      ticksPerBeat,
    });
  }

  /** The score cut at `tick`: later notes left out, notes still sounding ended there. */
  until(tick: number): Score {
    const notes = this.notes.filter((row) => row.onset < tick);
    return this.with({ notes: notes.map((row) => ({ ...row, end: Math.min(row.end, tick) })) });
  }

  /** The score from `tick` on, which becomes tick 0: notes that begin earlier left out. */
  since(tick: number): Score {
    const notes = this.notes.filter((row) => row.onset >= tick);
    return this.with({
      notes: notes.map((row) => ({ ...row, onset: row.onset - tick, end: row.end - tick })),
      tempos: since(this.tempos, tick),
      meters: since(this.meters, tick),
    });
  }

  /** Seconds per tick, of a tempo. */
  private rate(n: number): number {
    return this.tempos[n]![1] / (1e6 * this.ticksPerBeat);
  }

  private elapsed(): number[] {
    const found = [0];
    for (let n = 1; n < this.tempos.length; n++) {
      const ticks = this.tempos[n]![0] - this.tempos[n - 1]![0];
      found.push(found[n - 1]! + ticks * this.rate(n - 1));
    }
    return found;
  }
}

/** One change per tick, the last given, after `first`. */
function changes<T extends readonly [number, ...number[]]>(first: T, given: readonly T[]): T[] {
  const rising = [first, ...given].sort((a, b) => a[0] - b[0]);
  return rising.filter((change, n) => change[0] !== rising[n + 1]?.[0]);
}

/** Changes from `tick` on, and at their beginning the one in force there. */
function since<T extends readonly [number, ...number[]]>(all: readonly T[], tick: number): T[] {
  const first = Math.max(bisectRight(all.map((change) => change[0]), tick) - 1, 0);
  const rest = all.slice(first);
  return rest.map((change) => [Math.max(change[0] - tick, 0), ...change.slice(1)] as unknown as T);
}
