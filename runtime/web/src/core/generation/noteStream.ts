/**
 * A song while it is made: its notes one after the other, in constant memory. Whole songs and
 * endless ones alike.
 */
import { ends } from "../analysis/ends";
import type { Codec } from "../codecs/base";
import type { Decoder, Step } from "../codecs/decoder";
import type { Engine } from "../inference/engine";
import type { Card } from "../modelFile/card";
import type { MeterChange, NoteRow, TempoChange } from "../score";
import { TempoMap } from "../tempoMap";
import { roundHalfEven } from "../text";
import { GuardError } from "./guard/faults";
import { GuardedStream, MAX_RETRIES } from "./guardedStream";
import { endsIt, forModel } from "./modelSettings";
import { isGuarded, type SongSettings } from "./settings";
import { TokenStream } from "./tokenStream";

const ROUNDING = 1e-7; // seconds: a sum of steps that misses a length by less has reached it
const PAUSE_STEPS = 16; // from one look for settled notes to the next
const ENDING_BARS = 3; // before the asked end, from which on endings are made
const ENDINGS = 16; // that are made at most, until one ends the song
const MAX_TOKENS = 8192; // kept, before they are shortened to what is needed

/** What comes of a song: notes in order, in ticks from its beginning, and changes before them. */
export type SongEvent =
  | { readonly kind: "row"; readonly row: NoteRow }
  | { readonly kind: "usec"; readonly change: TempoChange }
  | { readonly kind: "bar"; readonly change: MeterChange }
  | { readonly kind: "progress"; readonly made: number };

/** What a stream tells besides: the tokens as a corpus stores them, and what was resampled. */
export interface Listeners {
  readonly onTokens: (tokens: readonly number[]) => void;
  readonly onRetry: (retry: string) => void;
}

/** A song that is being made. */
export class NoteStream {
  readonly ticksPerBeat: number;
  private readonly codec: Codec;
  private readonly ends: boolean;
  private hasEnded = false;
  private endingsLeft: number;
  private tokens: number[];
  private readonly decoder: Decoder;
  private readonly tempos: TempoMap;
  private readonly events: SongEvent[] = []; // to give next
  // the tick from which the asked length counts, and that from which the song's ticks do
  private readonly first: number;
  private readonly origin: number;
  private endTick: number;
  private readonly firstSecond: number;
  private readonly firstBar: number;
  private lastBar: number;
  private readonly zero: number;
  private readonly primerSeconds: number;

  private constructor(
    card: Card,
    private readonly settings: SongSettings,
    private readonly stream: TokenStream,
    private readonly guarded: GuardedStream,
    private readonly listeners: Listeners,
  ) {
    this.codec = card.codec;
    this.ends = endsIt(settings, card);
    this.endingsLeft = this.ends && settings.sampling.temperature > 0 ? ENDINGS : 0;
    this.tokens = [...(settings.primer ?? [])];
    this.decoder = this.codec.decoder();
    this.ticksPerBeat = this.decoder.ticksPerBeat;
    this.tempos = new TempoMap(this.ticksPerBeat);
    if (settings.tempo) this.tempos.add(0, roundHalfEven(60e6 / settings.tempo));
    for (const item of this.codec.toInputs(this.tokens)) this.decoder.feed(item);
    this.first = this.decoder.now;
    this.origin = settings.keepPrimer ? 0 : this.first;
    this.endTick = this.first;
    this.announceBeginning();
    this.firstSecond = stream.cursor.seconds;
    this.firstBar = stream.cursor.bars;
    this.lastBar = this.firstBar;
    this.zero = this.tempos.seconds(this.origin);
    this.primerSeconds = this.tempos.seconds(this.first) - this.zero;
  }

  /** A song at its beginning. Throws UgenError for what the model cannot do. */
  static async start(
    card: Card,
    engine: Engine,
    given: SongSettings,
    listeners: Listeners,
  ): Promise<NoteStream> {
    const settings = forModel(given, card);
    const stream = await TokenStream.start(card, engine, settings);
    const retries = settings.sampling.temperature > 0 ? MAX_RETRIES : 0;
    const table = settings.copyGuard ? card.originality : null;
    const guarded = new GuardedStream(
      stream,
      isGuarded(settings) ? retries : null,
      listeners.onRetry,
      table,
    );
    return new NoteStream(card, settings, stream, guarded, listeners);
  }

  /** The events of the song. Throws GuardError after the last note that the guard let pass. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SongEvent> {
    let fault: GuardError | null = null;
    for (let number = 0; fault === null; number++) {
      if (this.isOver() && !this.takesBackEnd()) break;
      if (number % PAUSE_STEPS === 0) {
        this.feed(this.guarded.settled());
        yield* this.given(this.decoder.settled());
        yield { kind: "progress", made: this.made };
      }
      try {
        await this.guarded.step();
      } catch (error) {
        if (!(error instanceof GuardError)) throw error;
        fault = error;
      }
    }
    this.feed(this.guarded.settled(fault === null));
    const rows = [...this.decoder.settled(), ...this.decoder.rest()];
    this.endTick = this.lastTick(rows, fault !== null);
    const within = rows.filter((row) => row.onset < this.endTick);
    yield* this.given(within.map((row) => ({ ...row, end: Math.min(row.end, this.endTick) })));
    if (fault) throw fault;
  }

  /** Seconds from the song's beginning to a tick of it. */
  secondsAt(tick: number): number {
    return this.tempos.seconds(tick + this.origin) - this.zero;
  }

  /** Forget the tempos before a tick, which nobody asks for any more. */
  forget(tick: number): void {
    this.tempos.forget(tick + this.origin);
  }

  /** The tick at which the song ended. */
  get end(): number {
    return this.endTick - this.origin;
  }

  /** Seconds from the song's beginning to the end asked for, or to where it ended. */
  get length(): number {
    const { seconds } = this.settings;
    if (seconds !== null && !this.ends) return this.primerSeconds + seconds;
    return this.secondsAt(this.end);
  }

  /**
   * Whether the song has the asked length, or has come to its end near there: that may come from
   * two bars before on, and must at the first bar line after it.
   */
  private isOver(): boolean {
    const { stream, codec } = this;
    this.hasEnded = stream.hasEnded;
    if (this.hasEnded) return true;
    const [left, bar] = this.left;
    if (!this.ends) return left <= ROUNDING;
    if (left <= ENDING_BARS * bar && this.endingsLeft) this.guarded.hold();
    stream.mayEnd = left <= 2 * bar + ROUNDING;
    stream.mustEnd = false;
    if (left > ROUNDING) {
      this.lastBar = stream.cursor.bars;
      return false;
    }
    stream.mustEnd = stream.cursor.bars > this.lastBar || !codec.hasBars;
    return left <= ROUNDING - (codec.hasBars ? bar : 2 * bar);
  }

  /** How much is left of the asked length, and a bar, both in seconds or in bars. */
  private get left(): [number, number] {
    const { seconds, bars } = this.settings;
    const { cursor } = this.stream;
    if (bars !== null) return [bars - (cursor.bars - this.firstBar), 1];
    return [(seconds ?? Infinity) - (cursor.seconds - this.firstSecond), cursor.barSeconds];
  }

  /**
   * Where the song ends. `rows`: its last notes, which may be held for two bars after the asked
   * length when it has come to its end.
   */
  private lastTick(rows: readonly NoteRow[], isBroken: boolean): number {
    const { seconds } = this.settings;
    const { now } = this.decoder;
    if (isBroken) return now;
    if (seconds !== null && !this.ends) return this.tempos.tick(this.zero + this.length);
    if (!this.hasEnded) return now;
    const [left, bar] = this.left;
    const { barSeconds } = this.stream.cursor;
    // of bars only whole ones are counted
    const most = (left + 2 * bar) * (barSeconds / bar) - (seconds ? 0 : barSeconds);
    const latest = this.tempos.tick(this.tempos.seconds(now) + Math.max(most, barSeconds));
    return Math.min(
      rows.reduce((end, row) => Math.max(end, row.end), now),
      latest,
    );
  }

  /**
   * Whether the song is to be made again from some bars before its end: these are copied, or they
   * do not end it.
   */
  private takesBackEnd(): boolean {
    if (!this.guarded.resamplesCopy()) {
      if (!this.endingsLeft || this.endsWell()) return false;
      this.endingsLeft--;
      this.guarded.again();
    }
    this.isOver(); // the end may not come at once
    return true;
  }

  /** Whether the last notes end the song. */
  private endsWell(): boolean {
    const unsettled = this.codec.fromInputs(this.guarded.unsettled);
    const tokens = [...this.tokens, ...unsettled];
    return ends(this.codec.decoder().whole(this.codec.toInputs(tokens)));
  }

  /** Seconds, or bars, sampled so far. */
  private get made(): number {
    const { cursor } = this.stream;
    if (this.settings.bars) return cursor.bars - this.firstBar;
    return cursor.seconds - this.firstSecond;
  }

  /** Decode steps that will stay, and announce changes of tempo and meter in them. */
  private feed(steps: readonly Step[]): void {
    if (!steps.length) return;
    const stored = this.codec.fromInputs(steps);
    this.listeners.onTokens(stored);
    this.tokens.push(...stored);
    if (this.tokens.length > MAX_TOKENS) this.tokens = this.codec.context(this.tokens);
    for (const item of steps) this.decoder.feed(item);
    this.announce(this.newTempos(), this.newMeters());
  }

  /** Tempos since the last call. */
  private newTempos(): TempoChange[] {
    const found = this.decoder.tempos;
    this.decoder.tempos = [];
    if (this.settings.tempo) return [];
    for (const [tick, usec] of found) this.tempos.add(tick, usec);
    return found;
  }

  private newMeters(): MeterChange[] {
    const found = this.decoder.meters;
    this.decoder.meters = [];
    return found;
  }

  private announce(tempos: readonly TempoChange[], meters: readonly MeterChange[]): void {
    const { origin } = this;
    for (const [tick, usec] of tempos) {
      this.events.push({ kind: "usec", change: [tick - origin, usec] });
    }
    for (const [tick, numerator, denominator] of meters) {
      this.events.push({ kind: "bar", change: [tick - origin, numerator, denominator] });
    }
  }

  /** The tempo and the meter that the song starts with; with its primer, all that follow. */
  private announceBeginning(): void {
    const { origin } = this;
    const tempos = this.newTempos();
    const meters = this.newMeters();
    const held = meters.filter(([tick]) => tick <= origin);
    const [, numerator, denominator] = held[held.length - 1] ?? [0, 4, 4];
    this.announce([[origin, this.tempos.usec(origin)]], [[origin, numerator, denominator]]);
    this.announce(
      tempos.filter(([tick]) => tick > origin),
      meters.filter(([tick]) => tick > origin),
    );
  }

  /** What was announced, then rows in the song's ticks, without those from before it. */
  private *given(rows: readonly NoteRow[]): Generator<SongEvent> {
    yield* this.events.splice(0);
    for (const row of rows) {
      if (row.onset < this.origin) continue;
      const { onset, end } = row;
      const moved = { ...row, onset: onset - this.origin, end: end - this.origin };
      yield { kind: "row", row: moved };
    }
  }
}
