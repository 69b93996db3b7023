/**
 * Codec: notes to token ids and back, all derived from one table of named events. An event's name
 * is its kind and, mostly, a value: `pitch:60`, `shift:12`, `bar`. Its id is its place in the table.
 */
import { CodecError } from "../errors";
import type { Mask } from "../sampling/sampler";
import type { Score } from "../score";
import { clock, count, grouped } from "../text";
import type { Column } from "../types";
import type { Wishes } from "./columns";
import type { Decoder, Step } from "./decoder";

// the sparsest music measured has 0.4 bars and 0.9 seconds per note
const BARS_PER_NOTE = 16;
const SECONDS_PER_NOTE = 32;
const SPARE_NOTES = 32; // a short piece is measured as if it had this many notes more

/** Where a growing stream of tokens stands in musical time, and what may come next. */
export interface Cursor {
  /** Musical time that the tokens so far have moved forward. */
  readonly seconds: number;
  /** How far the tokens so far have moved, in steps of the codec's grid. */
  readonly now: number;
  /** Bar lines reached so far, without the one at the beginning; 0 without bars. */
  readonly bars: number;
  /** How long a bar lasts here; where the codec has no bars, what counts as one. */
  readonly barSeconds: number;
  feed(token: number): void;
  /** The tokens that may come next. The caller must not write to it. */
  mask(): Mask;
  /** The ids of its columns here. */
  row(): number[];
  /** Change what is wanted of the piece, from here on. */
  ask(wishes: Wishes): void;
  copy(): Cursor;
}

/** An event of a table: its kind, and its value, -1 where it has none. */
export interface CodecEvent {
  readonly kind: string;
  readonly value: number;
}

/** A vocabulary of events and its meaning in notes. */
export interface Codec {
  readonly name: string;
  /** What a model is fed: a token id, or a frame of 128 zeros and ones. */
  readonly input: "token" | "frame";
  readonly options: ReadonlyMap<string, boolean | number>;
  /** The table: the name of each token. */
  readonly events: readonly string[];
  readonly pairs: readonly CodecEvent[];
  readonly vocabulary: number;
  /** The token that a piece begins with: it is fed to a model first. */
  readonly start: number;
  /** The token that ends a piece, or null where pieces just stop. */
  readonly end: number | null;
  /** The tokens that only move time forward. */
  readonly isTime: Mask;
  readonly hasBars: boolean;
  /** The tokens that each begin a note. */
  readonly onsetTokens: Mask;
  /** The pitch that each token would transpose, -1 where it has none. */
  readonly pitches: Int16Array;
  /** All that its cursors can tell a model beside the last token. */
  readonly columns: readonly Column[];
  cursor(tempo: number | null, columns?: readonly string[], wishes?: Wishes): Cursor;
  decoder(): Decoder;
  /** A short stream after which cursor and decoder are as after these tokens, but for time. */
  context(tokens: readonly number[]): number[];
  /** A stored piece as a model is fed it, and back. */
  toInputs(tokens: readonly number[]): Step[];
  fromInputs(items: readonly Step[]): number[];
  /** A score as tokens. Throws CodecError where it is too long for its notes. */
  encode(score: Score): number[];
}

/** A kind, and the value after it. */
export function splitEvent(event: string): CodecEvent {
  const [kind = "", value = ""] = event.split(":");
  return { kind, value: /^-*\d+$/.test(value) ? Number(value) : -1 };
}

/** What follows from a table alone. */
export function ofTable(events: readonly string[], pitchKinds: readonly string[]) {
  const pairs = events.map(splitEvent);
  return {
    pairs,
    vocabulary: events.length,
    onsetTokens: maskOf(pairs, ({ kind }) => ["pitch", "drum", "note_on"].includes(kind)),
    pitches: Int16Array.from(pairs, (pair) => (pitchKinds.includes(pair.kind) ? pair.value : -1)),
  };
}

/** Which events are so. */
export function maskOf(
  pairs: readonly CodecEvent[],
  is: (pair: CodecEvent, token: number) => boolean,
): Mask {
  const mask = new Uint8Array(pairs.length); // a loop: there are hundreds of them
  for (let token = 0; token < mask.length; token++) mask[token] = Number(is(pairs[token]!, token));
  return mask;
}

/** Tokens as inputs, and back, of codecs whose items are tokens. */
export const TOKENS_AS_THEY_ARE = {
  toInputs: (tokens: readonly number[]): Step[] => [...tokens],
  fromInputs: (items: readonly Step[]): number[] => items.map(Number),
};

/**
 * Throw CodecError when the notes are far too few for that many bars, or seconds. So the number of
 * tokens is bounded by the music, and not by the times that a tiny file claims.
 */
export function requireNotes(notes: number, { bars = 0, seconds = 0 }): void {
  const most = notes + SPARE_NOTES;
  const only = count(notes, "note");
  if (bars > BARS_PER_NOTE * most) {
    throw new CodecError(`has ${grouped(bars)} bars and only ${only}`);
  }
  if (seconds > SECONDS_PER_NOTE * most) {
    throw new CodecError(`lasts ${clock(seconds)} and has only ${only}`);
  }
}
