/** Where a stream of `beats` events stands: in musical time, and in the grammar. */
import type { Mask } from "../../sampling/sampler";
import type { Column } from "../../types";
import type { Cursor } from "../base";
import {
  CHORD_NAMES,
  chordsAt,
  GIVEN_NAMES,
  leftId,
  NO_WISHES,
  WISHES,
  type Wishes,
} from "../columns";
import { Row } from "../row";
import { type BeatsEvent, Clock } from "./clock";
import { GivenMusic, WAITS } from "./given";
import { ALLOWED, type Grammar } from "./grammar";
import { DRUMS, GRID, LONGEST_SHIFT, METERS } from "./table";

export const LAGS = [1, 2, 4, 8]; // bars
export const MEMORY = 2048; // tokens
const BEATS = Math.max(...METERS.map(([n, d]) => (n * 4) / d)); // quarters in a bar
export const COLUMNS: readonly Column[] = [
  { name: "beat", size: BEATS + 1 },
  { name: "phase", size: GRID + 1 },
  ...LAGS.map((lag) => ({ name: `back_${lag}`, size: 0 })),
  ...[3, 6, 12].map((length) => ({ name: `after_${length}`, size: 0 })),
  ...WISHES,
  ...GIVEN_NAMES.map((name) => ({ name, size: name === "given_in" ? WAITS : 0 })),
];

// the ranks at one place: of a meter and a tempo, then of notes, by program, pitch and part
const METER = 1;
const TEMPO = 2;
const NOTES = 4;
const PARTS = new Map([
  ["program", 0],
  ["pitch", 1],
  ["duration", 2],
  ["drum", 2],
  ["velocity", 3],
]);
const OF_TIME = new Set(["shift", "bar", "meter", "tempo", "piece"]);

/** Cursor of the beats codec: a clock, the place in the grammar, and the columns of a row. */
export class BeatsCursor implements Cursor {
  private clock: Clock;
  private state = "piece";
  private pitch = -1;
  private program = -1;
  private isDrums = false;
  private columns: Row | null = null;
  private given: GivenMusic | null;

  constructor(
    private readonly pairs: readonly BeatsEvent[],
    private readonly grammar: Grammar,
    tempo: number | null,
    columns: readonly string[] = [],
    wishes: Wishes = NO_WISHES,
  ) {
    this.clock = new Clock(tempo);
    if (columns.length) {
      const kinds = pairs.map(({ kind }) => kind);
      this.columns = new Row(columns, wishes, kinds, MEMORY);
    }
    this.given = wishes.given && new GivenMusic(pairs, wishes.given);
    this.arrive();
    this.showGiven();
  }

  get seconds(): number {
    return this.clock.seconds;
  }

  get now(): number {
    return this.clock.now;
  }

  get bars(): number {
    return this.clock.bars;
  }

  get barSeconds(): number {
    return this.clock.barSteps * this.clock.stepSeconds;
  }

  feed(token: number): void {
    const event = this.pairs[token]!;
    const { kind, value } = event;
    const { bars } = this.clock;
    this.state = kind;
    if (OF_TIME.has(kind)) {
      this.clock.feed(event);
      this.beginProgram(-1);
      if (kind === "shift" && value === LONGEST_SHIFT) this.state = "longest shift";
    } else if (kind === "program") {
      this.beginProgram(value);
      if (this.isDrums) this.state = "program of drums";
    } else if (kind === "velocity") {
      if (this.isDrums) this.state = "velocity of drums";
    } else if (kind === "pitch" || kind === "drum") {
      this.pitch = value;
    }
    this.given?.follow(token, this.clock.now, this.program);
    if (this.columns === null) return;
    this.columns.recall.record(token);
    this.columns.follow(token, kind === "velocity" ? this.pairs.length : token);
    this.follow(kind, this.clock.bars !== bars);
    this.showGiven();
  }

  row(): number[] {
    // a duration is like its neighbours
    return this.columns?.list(ALLOWED[this.state]!, this.state === "pitch") ?? [];
  }

  ask(wishes: Wishes): void {
    this.columns?.ask(wishes);
    this.arrive();
  }

  mask(): Mask {
    const { after, pitchesAbove, programsAbove, shiftsWithin } = this.grammar;
    let mask = after[this.state]!;
    if (this.pitch >= 0) mask = both(mask, pitchesAbove[this.pitch + 1]!);
    if (this.program >= 0) mask = both(mask, programsAbove[this.program + 1]!);
    const left = this.clock.barEnd - this.clock.now;
    if (left <= LONGEST_SHIFT) mask = both(mask, shiftsWithin[left]!);
    const { now, bars, barEnd } = this.clock;
    return this.given?.narrow(mask, { now, bar: bars, barEnd, program: this.program }) ?? mask;
  }

  copy(): BeatsCursor {
    const other = Object.assign(Object.create(BeatsCursor.prototype) as BeatsCursor, this);
    other.clock = this.clock.copy();
    other.columns = this.columns?.copy() ?? null;
    other.given = this.given?.copy() ?? null;
    return other;
  }

  private beginProgram(program: number): void {
    this.pitch = -1;
    this.program = program;
    this.isDrums = program === DRUMS;
  }

  /** Move the row to where an event led. `bar`: over a bar line. */
  private follow(kind: string, bar: boolean): void {
    const { recall } = this.columns!;
    const part = PARTS.get(kind);
    if (part !== undefined) {
      const note = (this.program + 1) * 129 + this.pitch + 1;
      recall.rank = NOTES * (1 + note) + part;
    } else if (kind === "tempo") {
      recall.rank = TEMPO;
    } else if (kind !== "piece") {
      const { place } = this.clock;
      const isMeter = kind === "meter"; // it begins a bar
      if (!isMeter || place !== recall.place) recall.move(place, bar || isMeter);
      recall.rank = isMeter ? METER : 0;
      this.arrive();
    }
  }

  /** Note the place in the bar, and how many bars are left. */
  private arrive(): void {
    const { clock, columns: row } = this;
    if (row === null) return;
    row.set("beat", Math.min(Math.floor(clock.place / GRID), BEATS - 1) + 1);
    row.set("phase", (clock.place % GRID) + 1);
    const { wishes } = row;
    const here = Math.floor((clock.place * clock.beats) / clock.barSteps);
    const chords = chordsAt(wishes, clock.bars, here, clock.beats);
    CHORD_NAMES.forEach((name, n) => row.set(name, chords[n]!));
    let left: number | null = null;
    if (wishes.bars !== null) {
      left = wishes.bars - clock.bars - clock.place / clock.barSteps;
    } else if (wishes.seconds !== null) {
      left = (wishes.seconds - clock.seconds) / this.barSeconds;
    }
    row.set("left", leftId(left));
  }

  /** Note what stands already, here and next. */
  private showGiven(): void {
    const ids = this.given?.ids(this.clock.now, this.clock.barSteps) ?? [];
    ids.forEach((id, n) => this.columns?.set(GIVEN_NAMES[n]!, id));
  }
}

/** What both masks allow. */
function both(mask: Mask, other: Mask): Mask {
  const found = new Uint8Array(mask.length);
  for (let n = 0; n < found.length; n++) found[n] = mask[n]! & other[n]!;
  return found;
}
