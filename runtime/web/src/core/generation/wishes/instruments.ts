/**
 * Which instruments a band's song may use, and must. Others are masked. One that has been silent
 * for long is brought in at a bar line: its program comes in its place among the others there, and
 * the model writes what it plays.
 */
import type { Codec } from "../../codecs/base";
import { DRUMS } from "../../codecs/beats/table";
import { UgenError } from "../../errors";
import { instrument, instrumentsIn, rising } from "../../midi/generalMidi";
import type { Card } from "../../modelFile/card";
import type { Mask } from "../../sampling/sampler";
import { drawnEnsemble } from "./usual";

const LONGEST_REST = 8; // bars, after which an instrument comes in
const ENTRANCE = 4; // bars of a song in which it may come in by itself
const FLAG = "--instruments";

/** The instruments that a text names, separated by commas, in order of their numbers. */
export function instrumentsOf(text: string): number[] {
  return rising(text.split(",").map((each) => instrument(each, FLAG)));
}

/** Whether a codec tells one instrument from another. */
export function hasInstruments(codec: Codec): boolean {
  return codec.events.some((event) => event.startsWith("program:"));
}

/** Throw UgenError where a codec knows no instruments, or what is asked for contradicts itself. */
export function checkInstruments(codec: Codec, text: string | null, drums: boolean): void {
  if (text === null && drums) return;
  if (!hasInstruments(codec)) {
    const reason = "the model knows one piano only; train-ugen --arrange band keeps instruments";
    throw new UgenError(reason, { flag: text !== null ? FLAG : "--no-drums" });
  }
  if (text !== null && !drums && instrumentsOf(text).includes(DRUMS)) {
    const reason = "--instruments names drums; leave out one of them";
    throw new UgenError(reason, { flag: "--no-drums" });
  }
}

/**
 * What a band plays where no instruments are asked for: those of a training piece, and those that
 * played before. None in it: whatever the model likes.
 */
export function usualInstruments(
  card: Card,
  seed: bigint,
  before: readonly number[] | null,
  drums: boolean,
): number[] {
  const { codec } = card;
  const found = hasInstruments(codec) ? [...drawnEnsemble(card, seed)] : [];
  if (before !== null && found.length) {
    const { notes } = codec.decoder().whole(codec.toInputs(before));
    found.push(...instrumentsIn(notes));
  }
  return rising(found.filter((each) => drums || each !== DRUMS));
}

/** What `restore` needs. */
export interface InstrumentsState {
  readonly heard: ReadonlyMap<number, number>;
  readonly brought: number;
  readonly isFirst: boolean;
  readonly atLine: boolean;
}

/** What a song's tokens may be, and where an instrument is brought in. */
export class Instruments {
  private readonly programs = new Map<number, number>();
  private readonly allowed: Mask;
  private readonly allowedFirst: Mask;
  private readonly turns: readonly number[]; // by which a pitched instrument begins to play
  private readonly allAtOnce: boolean;
  private heard = new Map<number, number>();
  private brought = -1; // the bar in which one was, last
  private isFirst = true; // whether no program was named since time moved
  private atLine = true;

  /**
   * `wanted`: those that must be heard; none where all but drums may. `bar`: where the song begins.
   * `bars`: its length. `kept`: those that play music which stands already, and need no more.
   */
  constructor(
    private readonly codec: Codec,
    wanted: readonly number[],
    bar: number,
    bars: number,
    kept: readonly number[] = [],
  ) {
    const { pairs } = codec;
    const all = pairs.map(({ value }) => value).filter((value) => value !== DRUMS);
    const allowed = new Set([...(wanted.length ? wanted : all), ...kept]);
    pairs.forEach(({ kind, value }, n) => {
      if (kind === "program") this.programs.set(value, n);
    });
    const may = pairs.map(({ kind, value }) => kind !== "program" || allowed.has(value));
    this.allowed = Uint8Array.from(may, Number);
    // a note without a program is a piano's
    this.allowedFirst = Uint8Array.from(may, (each, n) => {
      const starts = ["velocity", "pitch"].includes(pairs[n]!.kind) && !allowed.has(0);
      return Number(each && !starts);
    });
    this.turns = [...pairs.keys()].filter((n) => {
      const { kind, value } = pairs[n]!;
      return kind === "program" && value !== DRUMS;
    });
    const room = bars - wanted.length - 3; // ends come up to two bars early
    this.allAtOnce = room < 0;
    const rest = LONGEST_REST - Math.max(Math.min(ENTRANCE, room), 0);
    for (const program of wanted) if (!kept.includes(program)) this.heard.set(program, bar - rest);
  }

  get state(): InstrumentsState {
    const { brought, isFirst, atLine } = this;
    return { heard: new Map(this.heard), brought, isFirst, atLine };
  }

  /** Go back to a `state`. */
  restore(state: InstrumentsState): void {
    this.heard = new Map(state.heard);
    this.brought = state.brought;
    this.isFirst = state.isFirst;
    this.atLine = state.atLine;
  }

  /**
   * Give these instruments the chances of those that are left out, in place: where the model wants
   * a pitched instrument to play, one does, and not drums or none.
   */
  handOver(logits: Float32Array, mask: Mask): void {
    const { turns, allowed } = this;
    if (!turns.some((token) => mask[token])) return;
    const top = turns.reduce((most, token) => Math.max(most, logits[token]!), -Infinity);
    let whole = 0;
    let own = 0;
    for (const token of turns) {
      const weight = mask[token] ? Math.exp(logits[token]! - top) : 0;
      whole += weight;
      if (allowed[token]) own += weight;
    }
    if (!(own > 0 && own < whole)) return;
    const gain = Math.fround(Math.log(whole / own));
    for (const token of turns) if (allowed[token]) logits[token]! += gain;
  }

  /** Of what may come next, what these instruments may play. */
  narrow(mask: Mask): Mask {
    const allowed = this.isFirst ? this.allowedFirst : this.allowed;
    return mask.map((may, n) => may & allowed[n]!);
  }

  /**
   * The token that was sampled, or before it the program of an instrument that was silent for too
   * long. `bar`: the cursor's.
   */
  bringIn(token: number, mask: Mask, bar: number): number {
    if (!this.atLine || (bar === this.brought && !this.allAtOnce)) return token;
    const { kind, value } = this.codec.pairs[token]!;
    const passes = kind === "bar" || kind === "shift" ? DRUMS + 1 : kind === "program" ? value : -1;
    for (const [program, heard] of this.heard) {
      const its = this.programs.get(program)!;
      if (bar - heard >= LONGEST_REST && program < passes && mask[its]) {
        this.brought = bar;
        return its;
      }
    }
    return token;
  }

  /** The next token came. */
  follow(token: number, bar: number): void {
    const { kind, value } = this.codec.pairs[token]!;
    if (kind === "bar" || kind === "shift" || kind === "meter") this.atLine = kind !== "shift";
    if (["bar", "shift", "meter", "tempo", "piece"].includes(kind)) {
      this.isFirst = true;
    } else if (kind === "program") {
      this.isFirst = false;
      if (this.heard.has(value)) this.heard.set(value, bar);
    }
  }
}
