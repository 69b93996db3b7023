/**
 * The `frames` codec: every step lists the pitches that sound, then ends (docs/codecs.md). Token 0
 * ends a step, token p + 1 is pitch p; with `fold`, tokens from 129 on end 2, 3, ... steps.
 */
import { CodecError } from "../errors";
import type { Mask } from "../sampling/sampler";
import type { Score } from "../score";
import type { Column } from "../types";
import { type Codec, type Cursor, maskOf, ofTable, TOKENS_AS_THEY_ARE } from "./base";
import { LEFT_SECONDS, NO_WISHES, sized, type Wishes, WISHES_WITHOUT_BARS } from "./columns";
import { GridDecoder, type Step } from "./decoder";
import { PITCHES, REFERENCE_BEAT, soundingRuns, stepSeconds, VELOCITY } from "./pitchGrid";
import { Row } from "./row";

const STEP = 0;
const LONGEST_FOLD = 96; // steps: 2.5 seconds at 25 ticks
const MEMORY = 1024; // listed steps that columns look back to
const COLUMNS: readonly Column[] = [
  ...[1, 2, 4].map((lag) => ({ name: `back_${lag}`, size: 0 })),
  ...[1, 2, 4].map((length) => ({ name: `after_${length}`, size: 0 })),
  ...WISHES_WITHOUT_BARS,
];
const KINDS: ReadonlySet<string> = new Set(["step", "pitch"]);

/** A frames codec. `ticks`: length of a step, in ticks of 1/480 beat at 120 beats per minute. */
export function framesCodec(ticks: number, fold: boolean): Codec {
  if (ticks < 1 || ticks > 1920) throw new CodecError(`ticks must be 1 to 1920, not ${ticks}`);
  const longer = Array.from({ length: fold ? LONGEST_FOLD - 1 : 0 }, (_, n) => n + 2);
  const events = [
    "step",
    ...Array.from({ length: PITCHES }, (_, pitch) => `pitch:${pitch}`),
    ...longer.map((n) => `step:${n}`),
  ];
  const steps = [1, ...new Array<number>(PITCHES).fill(0), ...longer]; // that each token ends
  const table = ofTable(events, ["pitch"]);
  const { pairs } = table;
  // after pitch p only higher pitches or the end of the step; 0 is the state after a step
  const masks = Array.from({ length: PITCHES + 1 }, (_, state) =>
    maskOf(pairs, (_pair, token) => token > state || steps[token]! > 0),
  );
  return {
    name: "frames",
    input: "token",
    options: new Map<string, boolean | number>([
      ["ticks", ticks],
      ["fold", fold],
    ]),
    events,
    ...table,
    ...TOKENS_AS_THEY_ARE,
    onsetTokens: new Uint8Array(events.length), // a held pitch is listed like a new one
    start: STEP,
    end: null,
    isTime: maskOf(pairs, (_pair, token) => steps[token]! > 0),
    hasBars: false,
    columns: sized(COLUMNS, events.length),
    cursor: (_tempo, columns?: readonly string[], wishes?: Wishes) => {
      const kinds = pairs.map(({ kind }) => kind);
      return new FramesCursor({ masks, steps, kinds, ticks }, columns, wishes);
    },
    decoder: () => new FramesDecoder(ticks, steps),
    context: (tokens: readonly number[]) => {
      const ends = tokens.flatMap((token, n) => (steps[token]! > 0 ? [n] : []));
      return tokens.slice(ends.length > MEMORY + 1 ? ends[ends.length - 2 - MEMORY]! + 1 : 0);
    },
    encode: (score: Score) => encode(score, ticks, fold),
  };
}

/** A score as tokens. */
function encode(score: Score, ticks: number, fold: boolean): number[] {
  const runs = soundingRuns(score, ticks);
  if (!runs.length) return [];
  const last = runs.reduce((most, run) => Math.max(most, run.after), 0);
  const changes = new Set([0, last, ...runs.flatMap((run) => [run.first, run.after])]);
  const listed: [at: number, length: number][] = [];
  const points = fold ? [...changes].sort((a, b) => a - b) : [...Array(last + 1).keys()];
  for (let n = 0; n + 1 < points.length; n++) {
    for (let at = points[n]!; at < points[n + 1]!; at += LONGEST_FOLD) {
      listed.push([at, Math.min(points[n + 1]! - at, LONGEST_FOLD)]);
    }
  }
  const begin = new Map<number, number[]>();
  const cease = new Map<number, number[]>();
  for (const { pitch, first, after } of runs) {
    begin.set(first, [...(begin.get(first) ?? []), pitch]);
    cease.set(after, [...(cease.get(after) ?? []), pitch]);
  }
  const sounding = new Set<number>();
  const tokens: number[] = [];
  for (const [at, length] of listed) {
    for (const pitch of cease.get(at) ?? []) sounding.delete(pitch);
    for (const pitch of begin.get(at) ?? []) sounding.add(pitch);
    for (const pitch of [...sounding].sort((a, b) => a - b)) tokens.push(pitch + 1);
    tokens.push(length === 1 ? STEP : PITCHES - 1 + length);
  }
  return tokens;
}

class FramesDecoder extends GridDecoder {
  private listed = new Set<number>();

  constructor(
    ticks: number,
    private readonly steps: readonly number[],
  ) {
    super(REFERENCE_BEAT, ticks, VELOCITY);
  }

  override feed(item: Step): void {
    const token = Number(item);
    const steps = this.steps[token]!;
    if (!steps) {
      this.listed.add(token - 1);
      return;
    }
    this.step(this.listed, steps);
    this.listed = new Set();
  }

  protected override finish(): void {
    if (this.listed.size) this.step(this.listed);
    super.finish();
  }
}

interface Frames {
  readonly masks: readonly Mask[];
  readonly steps: readonly number[];
  readonly kinds: readonly string[];
  readonly ticks: number;
}

/**
 * Seconds passed, the last pitch listed, and the columns of a row: a step is a place, and an item
 * to compare is a step that differs from the one before.
 */
class FramesCursor implements Cursor {
  readonly bars = 0;
  readonly barSeconds = LEFT_SECONDS;
  seconds = 0;
  now = 0;
  private last = STEP;
  private columns: Row | null = null;
  private listed = "";
  private step: string | null = null; // the one before

  constructor(
    private readonly frames: Frames,
    columns: readonly string[] = [],
    wishes: Wishes = NO_WISHES,
  ) {
    if (columns.length) this.columns = new Row(columns, wishes, frames.kinds, MEMORY, true);
    this.columns?.reach(0);
  }

  feed(token: number): void {
    const { steps, ticks } = this.frames;
    this.last = token <= PITCHES ? token : STEP;
    this.seconds += steps[token]! * stepSeconds(ticks);
    this.now += steps[token]!;
    if (this.columns === null) return;
    const { recall } = this.columns;
    recall.record(token);
    recall.rank = this.last;
    if (this.last !== STEP) {
      this.listed += `${token} `;
      return;
    }
    recall.move(0, true);
    this.columns.followStep(this.listed === this.step ? null : this.listed);
    this.step = this.listed;
    this.listed = "";
    this.columns.reach(this.seconds);
  }

  mask(): Mask {
    return this.frames.masks[this.last]!;
  }

  row(): number[] {
    return this.columns?.list(KINDS) ?? [];
  }

  ask(wishes: Wishes): void {
    this.columns?.ask(wishes);
    this.columns?.reach(this.seconds);
  }

  copy(): FramesCursor {
    const other = Object.assign(Object.create(FramesCursor.prototype) as FramesCursor, this);
    other.columns = this.columns?.copy() ?? null;
    return other;
  }
}
