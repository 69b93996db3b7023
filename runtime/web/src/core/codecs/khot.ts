/**
 * The `khot` codec: the grid of `frames`, each step as one vector of the 128 pitches that sound. As
 * tokens a step is 8 words of 16 bits, pitch p in bit p % 16 of word p // 16.
 */
import { CodecError } from "../errors";
import type { Mask } from "../sampling/sampler";
import type { Score } from "../score";
import { type Codec, type Cursor, ofTable } from "./base";
import { LEFT_SECONDS } from "./columns";
import { GridDecoder, type Step } from "./decoder";
import { PITCHES, REFERENCE_BEAT, soundingRuns, stepSeconds, VELOCITY } from "./pitchGrid";

const WORDS = PITCHES / 16; // 16-bit words per step

/** A khot codec. `ticks`: length of a step, in ticks of 1/480 beat at 120 beats per minute. */
export function khotCodec(ticks: number): Codec {
  if (ticks < 1 || ticks > 1920) throw new CodecError(`ticks must be 1 to 1920, not ${ticks}`);
  const events = Array.from({ length: PITCHES }, (_, pitch) => `pitch:${pitch}`);
  return {
    name: "khot",
    input: "frame",
    options: new Map([["ticks", ticks]]),
    events,
    ...ofTable(events, ["pitch"]),
    onsetTokens: new Uint8Array(PITCHES),
    start: 0, // a piece begins after an empty step
    end: null,
    isTime: new Uint8Array(PITCHES),
    hasBars: false,
    columns: [], // a model of vectors is fed the last vector alone
    cursor: () => new KhotCursor(stepSeconds(ticks)),
    decoder: () => new KhotDecoder(REFERENCE_BEAT, ticks, VELOCITY),
    context: (tokens: readonly number[]) => tokens.slice(-WORDS),
    toInputs: vectors,
    fromInputs: pack,
    encode: (score: Score) => encode(score, ticks),
  };
}

/** Packed words as vectors. */
function vectors(tokens: readonly number[]): Step[] {
  const found: Step[] = [];
  for (let at = 0; at + WORDS <= tokens.length; at += WORDS) {
    found.push(
      Uint8Array.from({ length: PITCHES }, (_, p) => (tokens[at + (p >> 4)]! >> (p & 15)) & 1),
    );
  }
  return found;
}

/** Vectors as packed words. */
function pack(items: readonly Step[]): number[] {
  return items.flatMap((item) => {
    const words = new Array<number>(WORDS).fill(0);
    (item as Uint8Array).forEach((sounds, p) => {
      if (sounds) words[p >> 4]! |= 1 << (p & 15);
    });
    return words;
  });
}

function encode(score: Score, ticks: number): number[] {
  const runs = soundingRuns(score, ticks);
  const steps = runs.reduce((most, run) => Math.max(most, run.after), 0);
  const words = new Array<number>(steps * WORDS).fill(0);
  for (const { pitch, first, after } of runs) {
    for (let step = first; step < after; step++) {
      words[step * WORDS + (pitch >> 4)]! |= 1 << (pitch & 15);
    }
  }
  return words;
}

class KhotDecoder extends GridDecoder {
  override feed(item: Step): void {
    const pitches = new Set<number>();
    (item as Uint8Array).forEach((sounds, pitch) => sounds && pitches.add(pitch));
    this.step(pitches);
  }
}

/** Any vector may follow any other, and each is one step long. */
class KhotCursor implements Cursor {
  readonly bars = 0;
  readonly barSeconds = LEFT_SECONDS;

  constructor(
    private readonly stepSeconds: number,
    public now = 0,
  ) {}

  get seconds(): number {
    return this.now * this.stepSeconds;
  }

  feed(): void {
    this.now++;
  }

  mask(): Mask {
    return new Uint8Array(PITCHES).fill(1);
  }

  row(): number[] {
    return [];
  }

  ask(): void {}

  copy(): KhotCursor {
    return new KhotCursor(this.stepSeconds, this.now);
  }
}
