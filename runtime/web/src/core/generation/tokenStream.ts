/** Tokens of one song: a model's stream, its place in musical time, and its random numbers. */
import type { Codec, Cursor } from "../codecs/base";
import type { Wishes } from "../codecs/columns";
import type { Step } from "../codecs/decoder";
import { type Engine, startState, type State } from "../inference/engine";
import { instrumentsIn } from "../midi/generalMidi";
import type { Card } from "../modelFile/card";
import { Rng } from "../sampling/rng";
import { type Mask, sampleKeys, Sampler } from "../sampling/sampler";
import { type Counts, Returns } from "./guard/returns";
import { forModel, guidedColumns, mixesOf, wishesOf } from "./modelSettings";
import type { SongSettings } from "./settings";
import { drawn, type Mix, STEPS } from "./wishes/asked";
import {
  Instruments,
  type InstrumentsState,
  instrumentsOf,
  usualInstruments,
} from "./wishes/instruments";
import { keyPull } from "./wishes/usual";

/** A place in a song. Random numbers are not in it: from there the song takes another way. */
export interface Snapshot {
  readonly state: State;
  readonly x: Int32Array | Float32Array;
  readonly cursor: Cursor;
  readonly recentOnsets: readonly number[];
  readonly returns: Counts;
  readonly hasSounded: boolean;
  readonly instruments: InstrumentsState | null;
}

/**
 * Steps of a song, which does not begin with silence unless it is `exact`. `mayEnd`: whether the
 * next step may be the codec's end. `mustEnd`: whether the end comes before time moves on, where
 * the codec allows it. `hasEnded`: whether it has come.
 */
export class TokenStream {
  readonly codec: Codec;
  cursor: Cursor;
  mayEnd = false;
  mustEnd = false;
  hasEnded = false;
  private readonly settings: SongSettings;
  private readonly wishes: Wishes;
  private readonly mixes: ReadonlyMap<string, Mix>;
  private mixed = 0; // the bar whose share of the mixes holds
  private readonly rng: Rng;
  private readonly returns: Returns;
  private hasSounded: boolean;
  private readonly sounds: Mask;
  private readonly lastTokens: Mask;
  private readonly guided: readonly number[]; // places of a row that the second stream is not told
  private readonly state: State;
  private x: Int32Array | Float32Array; // what the first stream is fed next
  private readonly meter: Mask | null; // of a song's first token
  private readonly sampler: Sampler;
  private instruments: Instruments | null = null;
  private readonly pull: Float32Array | null;

  private constructor(
    private readonly card: Card,
    private readonly engine: Engine,
    given: SongSettings,
  ) {
    const settings = forModel(given, card);
    const { codec, columnNames } = card;
    this.settings = settings;
    this.codec = codec;
    this.wishes = wishesOf(settings, card);
    this.cursor = codec.cursor(settings.tempo, columnNames, this.wishes);
    this.mixes = new Map([...mixesOf(settings, card)].filter(([, mix]) => mix.size > 1));
    this.rng = new Rng(settings.seed);
    this.returns = new Returns(columnNames);
    const isBegun = settings.kept !== null || (settings.primer?.length ?? 0) > 0;
    this.hasSounded = settings.exact || isBegun;
    this.sounds = codec.onsetTokens.map((is, n) => Number(is || codec.pitches[n]! >= 0));
    // a song without bars ends by no longer beginning notes
    this.lastTokens = codec.isTime.map((is, n) =>
      Number(is || codec.events[n]!.startsWith("note_off") || n === codec.end),
    );
    this.guided = guidedColumns(settings, card).map((name) => 1 + columnNames.indexOf(name));
    this.state = startState(card, this.guided.length ? 2 : 1);
    const isFrame = codec.input === "frame";
    this.x = isFrame ? new Float32Array(codec.vocabulary) : new Int32Array(1 + columnNames.length);
    const { meter } = settings;
    this.meter =
      meter === null ? null : Uint8Array.from(codec.events, (e) => Number(e === `meter:${meter}`));
    this.sampler = new Sampler(codec.vocabulary, settings.sampling, codec.onsetTokens);
    // chords may leave the key
    const isKept = settings.key !== null && settings.chords === null;
    this.pull = keyPull(card, settings.key ?? "C", isKept ? settings.sampling.keyStrength : 0);
  }

  /** A stream at the song's beginning. Throws UgenError for what the model cannot do. */
  static async start(card: Card, engine: Engine, settings: SongSettings): Promise<TokenStream> {
    const stream = new TokenStream(card, engine, settings);
    await stream.takeIn(stream.settings.primer ?? []);
    stream.instruments = stream.instrumentsOf();
    return stream;
  }

  /** Bars since the song began, or steps of a codec without bars. */
  private get passed(): number {
    return this.codec.hasBars ? this.cursor.bars : this.cursor.now;
  }

  /** The bar that the song has reached, where the codec has bars. */
  private get bar(): number | null {
    return this.codec.hasBars ? this.cursor.bars : null;
  }

  /** What keeps to the instruments that are asked for, or to the usual ones of a band. */
  private instrumentsOf(): Instruments | null {
    const { instruments, seed, primer, drums, bars, seconds } = this.settings;
    const closed = this.wishes.given?.closed;
    const wanted =
      instruments !== null
        ? instrumentsOf(instruments)
        : usualInstruments(this.card, seed, primer, drums).filter((each) => !closed?.has(each));
    if (!wanted.length && drums) return null;
    const length = seconds !== null ? seconds / this.cursor.barSeconds : (bars ?? Infinity);
    return new Instruments(this.codec, wanted, this.cursor.bars, length, this.keptInstruments());
  }

  /** The instruments of music that stays. */
  private keptInstruments(): number[] {
    const { tokens } = this.wishes.given ?? { tokens: [] };
    return instrumentsIn(this.codec.decoder().whole(this.codec.toInputs(tokens)).notes);
  }

  /** Take in what was before the song. */
  private async takeIn(primer: readonly number[]): Promise<void> {
    const isFrame = this.codec.input === "frame";
    if (!isFrame) this.x.set([this.codec.start, ...this.cursor.row()]);
    for (const item of this.codec.toInputs(primer)) {
      await this.advance();
      this.cursor.feed(isFrame ? 0 : Number(item));
      this.x.set(isFrame ? (item as Uint8Array) : [Number(item), ...this.cursor.row()]);
    }
    if (isFrame) return;
    this.share();
    this.x.set(this.returns.shown(this.cursor.row(), this.bar), 1);
  }

  /** Of each mix, ask for what holds in this bar. */
  private share(): void {
    const bar = this.codec.hasBars ? this.passed : Math.floor(this.passed / STEPS);
    if (!this.mixes.size || bar === this.mixed) return;
    this.mixed = bar;
    const ids = new Map(this.wishes.ids);
    for (const [name, mix] of this.mixes) ids.set(name, drawn(mix, this.rng.seed, bar));
    this.cursor.ask({ ...this.wishes, ids });
  }

  /** Sample the next step: a token, or the keys that sound. */
  async step(): Promise<Step> {
    const logits = await this.advance();
    return this.codec.input === "frame" ? this.sampleKeys(logits) : this.sampleToken(logits);
  }

  /**
   * The logits of what follows the step. Where the song is guided, a second stream is not told what
   * was asked for, and what that changes is done so many times as much.
   */
  private async advance(): Promise<Float32Array> {
    const { guided, x } = this;
    if (!guided.length) return this.engine.step(x, this.state);
    const rows = new Int32Array(2 * x.length);
    rows.set(x);
    rows.set(x, x.length);
    for (const place of guided) rows[x.length + place] = 0;
    const both = await this.engine.step(rows, this.state);
    const size = this.codec.vocabulary;
    const times = Math.fround(this.settings.guidance!);
    // in float32, operation by operation
    return Float32Array.from({ length: size }, (_, n) => {
      const plain = both[size + n]!;
      return Math.fround(Math.fround(both[n]! - plain) * times) + plain;
    });
  }

  /** Where the song stands, for `restore`. */
  snapshot(): Snapshot {
    return {
      state: { h: this.state.h.slice(), c: this.state.c.slice() },
      x: this.x.slice(),
      cursor: this.cursor.copy(),
      recentOnsets: this.sampler.recentOnsets,
      returns: this.returns.counts,
      hasSounded: this.hasSounded,
      instruments: this.instruments?.state ?? null,
    };
  }

  /** Return to a snapshot, with new random numbers. */
  restore(snapshot: Snapshot): void {
    this.state.h.set(snapshot.state.h);
    this.state.c.set(snapshot.state.c);
    this.x = snapshot.x.slice();
    this.cursor = snapshot.cursor.copy();
    this.sampler.recentOnsets = snapshot.recentOnsets;
    this.returns.counts = snapshot.returns;
    this.returns.shown(this.cursor.row(), this.bar);
    this.hasSounded = snapshot.hasSounded;
    this.hasEnded = false;
    this.mixed = -1;
    if (snapshot.instruments) this.instruments?.restore(snapshot.instruments);
  }

  private sampleToken(logits: Float32Array): number {
    const { codec, cursor, pull, sampler, rng } = this;
    const { end } = codec;
    if (pull) for (let n = 0; n < logits.length; n++) logits[n]! += pull[n]!;
    if (end !== null && !(this.mayEnd && this.hasSounded)) logits[end] = -Infinity;
    const mask = this.mask(logits);
    let token = sampler.sample(logits, mask, rng);
    if (!this.hasSounded) {
      if (codec.isTime[token]) {
        const still = mask.map((may, n) => may & (1 - codec.isTime[n]!));
        token = sampler.sample(logits, still, rng);
      }
      this.hasSounded = this.sounds[token] === 1;
    }
    if (this.mustEnd && end !== null && codec.isTime[token] && mask[end]) {
      token = end;
    } else if (this.instruments) {
      token = this.instruments.bringIn(token, mask, cursor.bars);
    }
    this.hasEnded = token === end;
    cursor.feed(token);
    this.instruments?.follow(token, cursor.bars);
    this.share();
    const ids = cursor.row();
    this.x[0] = token;
    if (ids.length) this.x.set(this.returns.follow(token, ids, this.bar), 1);
    return token;
  }

  /** What may come next. Instruments that may not hand their chances in the logits over. */
  private mask(logits: Float32Array): Mask {
    const both = (mask: Mask, other: Mask) => mask.map((may, n) => may & other[n]!);
    let mask = this.cursor.mask();
    if (this.mustEnd && !this.codec.hasBars) {
      const last = both(mask, this.lastTokens);
      if (last.some((may) => may === 1)) mask = last;
    }
    if (this.meter && this.x[0] === this.codec.start) mask = both(mask, this.meter);
    if (!this.instruments) return mask;
    this.instruments.handOver(logits, mask);
    return this.instruments.narrow(mask);
  }

  private sampleKeys(logits: Float32Array): Uint8Array {
    const u = this.rng.uniforms(this.codec.vocabulary);
    const keys = sampleKeys(logits, this.settings.sampling, u);
    if (!this.hasSounded && !keys.some((sounds) => sounds === 1)) {
      let top = 0;
      for (let n = 1; n < logits.length; n++) if (logits[n]! > logits[top]!) top = n;
      keys[top] = 1;
    }
    this.hasSounded = true;
    this.cursor.feed(0);
    this.x.set(keys);
    return keys;
  }
}
