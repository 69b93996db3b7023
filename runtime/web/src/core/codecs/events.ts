/**
 * The `events` codec: note on, note off, time shift and velocity, as performed (docs/codecs.md).
 * Time moves in steps of 10 ms, 1 to 100 per token.
 */
import { byKeys } from "../numbers";
import type { Mask } from "../sampling/sampler";
import { type NoteRow, type Score, SOUNDING } from "../score";
import { roundHalfEven } from "../text";
import type { Column } from "../types";
import {
  type Codec,
  type CodecEvent,
  type Cursor,
  maskOf,
  ofTable,
  requireNotes,
  TOKENS_AS_THEY_ARE,
} from "./base";
import { LEFT_SECONDS, NO_WISHES, sized, type Wishes, WISHES_WITHOUT_BARS } from "./columns";
import { Decoder, type Step } from "./decoder";
import { Row } from "./row";

const STEPS_PER_SECOND = 100;
const LONGEST_SHIFT = 100;
const VELOCITY_STEP = 4; // 32 bins, named by their middle
const VELOCITIES = 128 / VELOCITY_STEP;
const DEFAULT_VELOCITY = 64 + VELOCITY_STEP / 2;
const TICKS_PER_BEAT = 50; // at 120 beats per minute a tick is one step
const MEMORY = 2048; // tokens that columns look back to
const COLUMNS: readonly Column[] = [
  ...[2, 4, 8].map((length) => ({ name: `after_${length}`, size: 0 })),
  { name: "oldest", size: 0 },
  ...WISHES_WITHOUT_BARS,
];
const KINDS: ReadonlySet<string> = new Set(["piece", "note_off", "velocity", "note_on", "shift"]);
// the first token of each kind
const OFF = 1;
const VELOCITY = OFF + 128;
const ON = VELOCITY + VELOCITIES;
const SHIFT = ON + 128;
const END = 0;
const SIZE = SHIFT + LONGEST_SHIFT;

/** The events codec. */
export function eventsCodec(): Codec {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
  const events = [
    "piece",
    ...numbers(128).map((pitch) => `note_off:${pitch}`),
    ...numbers(VELOCITIES).map((v) => `velocity:${v * VELOCITY_STEP + VELOCITY_STEP / 2}`),
    ...numbers(128).map((pitch) => `note_on:${pitch}`),
    ...numbers(LONGEST_SHIFT).map((n) => `shift:${n + 1}`),
  ];
  const table = ofTable(events, ["note_on", "note_off"]);
  const { pairs } = table;
  return {
    name: "events",
    input: "token",
    options: new Map(),
    events,
    ...table,
    ...TOKENS_AS_THEY_ARE,
    start: END,
    end: END,
    isTime: maskOf(pairs, ({ kind }) => kind === "shift"),
    hasBars: false,
    columns: sized(COLUMNS, SIZE),
    cursor: (_tempo, columns?: readonly string[], wishes?: Wishes) =>
      new EventsCursor(pairs, columns, wishes),
    decoder: () => new EventsDecoder(pairs),
    context: (tokens: readonly number[]) => context(tokens, pairs),
    encode,
  };
}

/** What counts as the same where `after_n` compares: all velocities, shifts to half an octave. */
function alike({ kind, value }: CodecEvent): string {
  if (kind === "velocity") return kind;
  return `${kind}:${kind === "shift" ? roundHalfEven(2 * Math.log2(value)) : value}`;
}

/**
 * The notes that sound and the velocity in force, then the last tokens: those that columns look
 * back to, from a shift on.
 */
function context(tokens: readonly number[], pairs: readonly CodecEvent[]): number[] {
  let cut = tokens.length - MEMORY - 1;
  while (cut >= 0 && pairs[tokens[cut]!]!.kind !== "shift") cut--;
  if (cut < 0) return [...tokens];
  let velocity: number[] = [];
  const struck = new Map<number, number>();
  for (const token of tokens.slice(0, cut)) {
    const { kind, value } = pairs[token]!;
    if (kind === "velocity") velocity = [token];
    if (kind === "note_on" || kind === "note_off") struck.delete(value);
    if (kind === "note_on") struck.set(value, token);
  }
  return [...struck.values(), ...velocity, ...tokens.slice(cut)];
}

class EventsDecoder extends Decoder {
  private velocity = DEFAULT_VELOCITY;
  private readonly sounding = new Map<number, NoteRow>();

  constructor(private readonly pairs: readonly CodecEvent[]) {
    super(TICKS_PER_BEAT);
  }

  override feed(item: Step): void {
    const { kind, value } = this.pairs[Number(item)]!;
    if (kind === "shift") this.now += value;
    if (kind === "velocity") this.velocity = value;
    if (kind !== "note_on" && kind !== "note_off") return;
    const before = this.sounding.get(value);
    if (before) before.end = this.now;
    this.sounding.delete(value);
    if (kind === "note_off") return;
    const { now, velocity } = this;
    const row = { onset: now, end: SOUNDING, pitch: value, velocity, program: 0, drum: false };
    this.sounding.set(value, row);
    this.rows.push(row);
  }

  protected override finish(): void {
    if ([...this.sounding.values()].some((row) => row.onset === this.now)) this.now++;
    super.finish();
  }
}

/** Steps passed, which pitches sound, and the last event: these decide what may come next. */
class EventsCursor implements Cursor {
  readonly bars = 0;
  readonly barSeconds = LEFT_SECONDS;
  now = 0;
  private sounding: Mask = new Uint8Array(128);
  private kind = "piece";
  private value = -1;
  private columns: Row | null = null;
  private begun = new Map<number, number>(); // sounding pitches, the oldest first: id of their end

  constructor(
    private readonly pairs: readonly CodecEvent[],
    columns: readonly string[] = [],
    wishes: Wishes = NO_WISHES,
  ) {
    if (columns.length) {
      const kinds = pairs.map(({ kind }) => kind);
      this.columns = new Row(columns, wishes, kinds, MEMORY);
    }
    this.columns?.reach(0);
  }

  get seconds(): number {
    return this.now / STEPS_PER_SECOND;
  }

  feed(token: number): void {
    const pair = this.pairs[token]!;
    const { kind, value } = pair;
    if (kind === "shift") {
      this.now += value;
      this.value = value;
    } else if (kind === "velocity") {
      this.value = this.kind === "note_on" ? this.value : -1;
    } else if (kind === "note_on" || kind === "note_off") {
      this.sounding[value] = Number(kind === "note_on");
      this.value = value;
    }
    this.kind = kind;
    if (this.columns === null) return;
    if (kind === "note_on" || kind === "note_off") {
      this.begun.delete(value);
      if (kind === "note_on") this.begun.set(value, OFF + value + 1);
      this.columns.set("oldest", this.begun.values().next().value ?? 0);
    } else if (kind === "shift") {
      this.columns.reach(this.seconds);
    }
    this.columns.follow(token, alike(pair));
  }

  mask(): Mask {
    const { kind, value, sounding } = this;
    const mask = new Uint8Array(SIZE);
    const above = kind === "note_on" || kind === "velocity" ? value : -1;
    for (let pitch = above + 1; pitch < 128; pitch++) mask[ON + pitch] = 1 - sounding[pitch]!;
    if (kind === "velocity") return mask;
    const mayBegin = mask.subarray(ON, ON + 128).some((each) => each === 1);
    mask.fill(Number(mayBegin), VELOCITY, ON);
    if (kind === "shift" || kind === "note_off") {
      const least = kind === "note_off" ? value + 1 : 0;
      for (let pitch = least; pitch < 128; pitch++) mask[OFF + pitch] = sounding[pitch]!;
    }
    if (kind !== "shift") mask[END] = Number(!sounding.some((each) => each === 1));
    if (kind !== "shift" || value === LONGEST_SHIFT) mask.fill(1, SHIFT);
    return mask;
  }

  row(): number[] {
    return this.columns?.list(KINDS) ?? [];
  }

  ask(wishes: Wishes): void {
    this.columns?.ask(wishes);
    this.columns?.reach(this.seconds);
  }

  copy(): EventsCursor {
    const other = Object.assign(Object.create(EventsCursor.prototype) as EventsCursor, this);
    other.sounding = this.sounding.slice();
    other.columns = this.columns?.copy() ?? null;
    other.begun = new Map(this.begun);
    return other;
  }
}

/** A score as tokens. */
function encode(score: Score): number[] {
  const notes = onGrid(score);
  if (!notes.length) return [END];
  const last = notes.reduce((end, note) => Math.max(end, note.end), 0);
  requireNotes(notes.length, { seconds: last / STEPS_PER_SECOND });
  const placed: [at: number, rank: number, token: number][] = [];
  let before = 0;
  const points = new Set(notes.flatMap((note) => [note.onset, note.end]));
  for (const point of [...points].sort((a, b) => a - b)) {
    const gap = point - before;
    before = point;
    for (let n = 0; n < Math.floor(gap / LONGEST_SHIFT); n++) {
      placed.push([point, 0, SHIFT + LONGEST_SHIFT - 1]);
    }
    if (gap % LONGEST_SHIFT) placed.push([point, 1, SHIFT + (gap % LONGEST_SHIFT) - 1]);
  }
  let held = -1;
  for (const { onset, end, pitch, velocity } of notes) {
    placed.push([end, 2 + pitch, OFF + pitch]);
    if (velocity !== held) placed.push([onset, 130 + 2 * pitch, VELOCITY + velocity]);
    held = velocity;
    placed.push([onset, 131 + 2 * pitch, ON + pitch]);
  }
  placed.sort(byKeys((each) => each[0], (each) => each[1]));
  return [...placed.map((each) => each[2]), END];
}

/** Notes in steps, by onset and pitch, `velocity` as a bin; a repeated pitch ends the one before. */
function onGrid(score: Score): NoteRow[] {
  const byPitch = byKeys<NoteRow>((n) => n.pitch, (n) => n.onset, (n) => n.end);
  const rows = [...score.notes].sort(byPitch).map((row) => {
    const onset = roundHalfEven(score.secondsAt(row.onset) * STEPS_PER_SECOND);
    const end = Math.max(roundHalfEven(score.secondsAt(row.end) * STEPS_PER_SECOND), onset + 1);
    return { ...row, onset, end, velocity: Math.floor(row.velocity / VELOCITY_STEP) };
  });
  // of equal onsets the longest is last, and stays
  const notes = rows.filter((row, n) => {
    const next = rows[n + 1];
    return !(next && next.pitch === row.pitch && next.onset === row.onset);
  });
  for (const [n, row] of notes.entries()) {
    const next = notes[n + 1];
    if (next?.pitch === row.pitch) row.end = Math.min(row.end, next.onset);
  }
  return notes.sort(byKeys((n) => n.onset, (n) => n.pitch));
}
