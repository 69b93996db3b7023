/**
 * The `beats` codec: a grid of 24 steps per beat, with bar lines, tempo and time signatures
 * (docs/codecs.md). `band`: keep programs and drums; without it every pitch is a piano's.
 */
import type { Score } from "../../score";
import { type Codec, maskOf, ofTable, TOKENS_AS_THEY_ARE } from "../base";
import { sized, type Wishes } from "../columns";
import type { BeatsEvent } from "./clock";
import { BeatsCursor, COLUMNS, LAGS, MEMORY } from "./cursor";
import { BeatsDecoder } from "./decoder";
import { encodeBeats } from "./encoder";
import { grammarOf } from "./grammar";
import { eventNames } from "./table";

/** A beats codec. */
export function beatsCodec(band: boolean): Codec {
  const events = eventNames(band);
  const table = ofTable(events, ["pitch"]); // a drum's number is an instrument, not a pitch
  const pairs: BeatsEvent[] = table.pairs.map((pair, token) => ({
    ...pair,
    meter: pair.kind === "meter" ? meterOf(events[token]!) : null,
  }));
  const ids = new Map(events.map((event, token) => [event, token]));
  const grammar = grammarOf(pairs);
  return {
    name: "beats",
    input: "token",
    options: new Map([["band", band]]),
    events,
    ...table,
    ...TOKENS_AS_THEY_ARE,
    start: 0,
    end: 0,
    isTime: maskOf(pairs, ({ kind }) => kind === "bar" || kind === "shift"),
    hasBars: true,
    columns: sized(COLUMNS, events.length),
    cursor: (tempo: number | null, columns?: readonly string[], wishes?: Wishes) =>
      new BeatsCursor(pairs, grammar, tempo, columns, wishes),
    decoder: () => new BeatsDecoder(pairs),
    context: (tokens: readonly number[]) => context(tokens, pairs, ids, band),
    encode: (score: Score) => encodeBeats(score, ids, band),
  };
}

function meterOf(event: string): [number, number] {
  const [n, d] = event.slice("meter:".length).split("/").map(Number);
  return [n!, d!];
}

/**
 * The meter, tempo and velocities that hold, then all tokens of the last bars: those that columns
 * look back to, and the present one.
 */
function context(
  tokens: readonly number[],
  pairs: readonly BeatsEvent[],
  ids: ReadonlyMap<string, number>,
  band: boolean,
): number[] {
  const bar = ids.get("bar")!;
  const bars = tokens.flatMap((token, n) => (token === bar ? [n] : []));
  // far enough back, in bars and in tokens
  const far = bars.slice(0, -Math.max(...LAGS)).filter((n) => tokens.length - n >= MEMORY);
  const cut = far[far.length - 1];
  if (cut === undefined) return [...tokens];
  let program = 0;
  let meter = ids.get("meter:4/4")!;
  let tempos: number[] = [];
  const velocities = new Map<number, number>();
  for (const token of tokens.slice(0, cut)) {
    const { kind, value } = pairs[token]!;
    if (kind === "program") program = value;
    else if (kind === "bar" || kind === "shift") program = 0;
    else if (kind === "meter") meter = token;
    else if (kind === "tempo") tempos = [token];
    else if (kind === "velocity") velocities.set(program, token);
  }
  const held = [meter, ...tempos];
  for (const [of, velocity] of velocities) {
    if (band) held.push(ids.get(`program:${of}`)!);
    held.push(velocity);
  }
  return [...held, ...tokens.slice(cut)];
}
