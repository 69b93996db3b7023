/** Music on the grid of the beats codec, and its bars. */
import { requireNotes } from "../codecs/base";
import { GRID, MAX_BARS } from "../codecs/beats/table";
import { CodecError } from "../errors";
import { byKeys } from "../numbers";
import { type NoteRow, Score } from "../score";
import { grouped, roundHalfEven } from "../text";

const WHOLE = 4 * GRID;
const UNITS = [1, 2, 4, 8, 16, 32]; // the denominators whose notes last a whole number of steps

/**
 * The score with a tick for each step of the grid. A note that sounds when its pitch begins again in
 * its part ends there; of equal notes that begin together the longest stays.
 */
export function quantized(score: Score): Score {
  const step = (ticks: number) => stepsIn(ticks, score.ticksPerBeat);
  const rows = score.notes.map((note) => {
    const onset = step(note.onset);
    return { ...note, onset, end: Math.max(step(note.end), onset + 1) };
  });
  const isSame = (a: NoteRow, b: NoteRow) =>
    a.drum === b.drum && a.program === b.program && a.pitch === b.pitch;
  rows.sort(BY_SOUND);
  const notes = rows.filter((note, n) => {
    const before = rows[n - 1];
    return !before || !isSame(before, note) || before.onset !== note.onset;
  });
  notes.forEach((note, n) => {
    const after = notes[n + 1];
    if (after && isSame(note, after)) note.end = Math.min(note.end, after.onset);
  });
  const tempos = score.tempos.map(([tick, usec]) => [step(tick), usec] as const);
  const meters = score.meters.map(([tick, n, d]) => [step(tick), n, d] as const);
  return Score.build(notes, GRID, tempos, meters);
}

const BY_SOUND = byKeys<NoteRow>(
  (note) => note.pitch,
  (note) => note.program,
  (note) => Number(note.drum),
  (note) => note.onset,
  (note) => -note.end,
);

/** The steps of the grid that a number of ticks is, and how many ticks a beat has. */
export function stepsIn(ticks: number, ticksPerBeat: number): number {
  return Math.floor((2 * GRID * ticks + ticksPerBeat) / (2 * ticksPerBeat));
}

/** A time signature. */
export class Meter {
  constructor(
    readonly numerator: number,
    readonly denominator: number,
  ) {}

  /** The length of a bar. */
  get steps(): number {
    return Math.floor((WHOLE * this.numerator) / this.denominator);
  }

  /** Whether beats have three parts, as in 6/8. */
  get isCompound(): boolean {
    return this.numerator % 3 === 0 && this.numerator > 3 && this.denominator >= 8;
  }

  /** The length of a beat; a quarter at most, but for compound meters. */
  get beat(): number {
    const unit = WHOLE / this.denominator;
    return this.isCompound ? 3 * unit : Math.min(unit, GRID);
  }

  is(numerator: number, denominator: number): boolean {
    return this.numerator === numerator && this.denominator === denominator;
  }
}

/**
 * `lacks`: the steps that a pickup, or a bar cut short, has less than its meter says, and whether
 * they are missing at its beginning.
 */
export class Bar {
  constructor(
    readonly start: number,
    readonly length: number,
    readonly meter: Meter,
    readonly lacks = 0,
    readonly isPickup = false,
  ) {}

  /** The step where the next one begins. */
  get end(): number {
    return this.start + this.length;
  }

  /** The step where all of its meter would begin. */
  get origin(): number {
    return this.start - (this.isPickup ? this.lacks : 0);
  }
}

/**
 * The bars of a quantized score, up to the one of step `last`. A change of meter cuts a bar short;
 * the first bar, if it is shorter than the next, is a pickup. Throws CodecError, before memory is
 * taken, when they are too many for the notes.
 */
export function barsOf(score: Score, last: number): Bar[] {
  const changes = score.meters
    .filter(([tick]) => tick <= last)
    .map(([tick, n, d]) => ({ tick, meter: written(n, d) }));
  const finish = Math.max(last, 1);
  const spans = changes.map(({ tick, meter }, n) => {
    const end = changes[n + 1]?.tick ?? finish;
    return { tick, meter, end, count: Math.ceil((end - tick) / meter.steps) };
  });
  const total = spans.reduce((sum, { count }) => sum + count, 0);
  requireNotes(score.notes.length, { bars: total });
  if (total > MAX_BARS) {
    throw new CodecError(`has ${grouped(total)} bars; ${grouped(MAX_BARS)} are the most`);
  }
  const bars: Bar[] = [];
  for (const { tick, meter, end, count } of spans) {
    for (let n = 0; n < count; n++) bars.push(new Bar(tick + n * meter.steps, meter.steps, meter));
    const bar = bars[bars.length - 1]!;
    const lacks = bar.end - end;
    if (!lacks || end === finish) continue;
    bars[bars.length - 1] = new Bar(bar.start, meter.steps - lacks, meter, lacks);
  }
  return withPickup(bars);
}

function withPickup(bars: Bar[]): Bar[] {
  const [first, second, ...others] = bars;
  const lacks = second ? second.meter.steps - first!.length : 0;
  if (lacks <= 0) return bars;
  return [new Bar(0, first!.length, second!.meter, lacks, true), second!, ...others];
}

/**
 * The meter itself, or where notation or the grid has none such, the one in quarters whose bar is
 * nearest in length.
 */
function written(numerator: number, denominator: number): Meter {
  if (UNITS.includes(denominator) && numerator > 0) return new Meter(numerator, denominator);
  return new Meter(Math.max(roundHalfEven((4 * numerator) / denominator), 1), 4);
}
