/** The seam of `ugen-web`: what a page, or anybody, hands to the core and gets from it. */

/** What a song is asked to be, of a model that knows such (`card.wishes`). */
export interface Wishes {
  /** As in C, F# or Bbm. Left out: drawn by the model's music, or the primer's. */
  key?: string | null;
  /** sparse, medium or dense. */
  density?: string | null;
  /** low, medium or high. */
  polyphony?: string | null;
  /** As in 3/4. */
  meter?: string | null;
  /** A style, or several with weights, as in rag:0.7,waltz:0.3. */
  label?: string | null;
  /** Of a band, all of which are used: numbers of General MIDI, 128 for the drums. */
  instruments?: readonly number[] | null;
  /** false: without drums. */
  drums?: boolean;
  /** Chords, one a bar or more, as in `Am | F | C G | Am`, again and again. */
  chords?: string | null;
}

/** All that decides a song besides the model. What is left out is as in `Model.settings`. */
export interface SongSettings {
  /** 60 where neither `bars` nor `endless` is given. */
  seconds?: number | null;
  bars?: number | null;
  /** Take what the model makes as it comes, instead of coming to an end near the asked length. */
  exact?: boolean;
  /** 0 to 2 ** 64 - 1; a whole number. */
  seed?: number | bigint;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  keyStrength?: number;
  /** Beats a minute of the whole song; its mood follows where the model knows tempos. */
  tempo?: number | null;
  /** How much to do what is asked for, 1 to 10; 3 where it is null. */
  guidance?: number | null;
  /** The bytes of a MIDI file to continue from. */
  primer?: Uint8Array | null;
  /** Continue from the first seconds of it only. */
  primerSeconds?: number | null;
  /** Start the song with the primer itself. */
  keepPrimer?: boolean;
  /** The bytes of a MIDI file of which a part stays; the model writes the rest around it. */
  with?: Uint8Array | null;
  /**
   * The part of it that stays: melody (the top line), bass (the lowest), left or right (a hand),
   * drums, all, a track's number or name, or an instrument; several with commas.
   */
  keep?: string | null;
  /** Write bars `fromBar` to `toBar` anew; all others stay. With `keep`, its part stays, too. */
  rewrite?: boolean;
  /** The first bar that is meant, from 1 on; of several stretches, as in 9,25. */
  fromBar?: number | string | null;
  /** The last bar of each; null for the last of the music. */
  toBar?: number | string | null;
  /** In place of `with`, a MIDI file of which some bars stay, and others are written anew. */
  vary?: Uint8Array | null;
  /** The fraction of its bars that `vary` writes anew; 0.3 where it is null. */
  much?: number | null;
  wishes?: Wishes;
  /** Music without end, for `stream`. */
  endless?: boolean;
  /** false: keep degenerate output, and copied passages. */
  guard?: boolean;
  /** false: keep passages copied from the training music. */
  copyGuard?: boolean;
}

/** What can be asked of a model. */
export interface Known {
  /** key, density, polyphony, meter, tempo or label. */
  readonly name: string;
  /** All values; those that have a count of 0 can only be asked for of keys. */
  readonly values: readonly string[];
  /** How many training pieces are so. */
  readonly counts: readonly number[];
  /** Where a number becomes the next value. */
  readonly bounds: readonly number[];
}

/** A column of a step's row, beside the token. */
export interface Column {
  readonly name: string;
  readonly size: number;
}

/** How tokens are sampled unless somebody says otherwise. */
export interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly keyStrength: number;
}

/** What a model file says of itself, checked. */
export interface Card {
  readonly codec: { readonly name: string; readonly vocabulary: number; readonly hasBars: boolean };
  readonly layers: number;
  readonly hidden: number;
  readonly precision: "fp32" | "fp16" | "int8" | "int4";
  readonly arrangement: "piano" | "band";
  readonly columns: readonly Column[];
  readonly sampling: Sampling;
  /** What can be asked of it. */
  readonly wishes: readonly Known[];
  /** Whether chords can be asked of it. */
  readonly knowsChords: boolean;
  /** Instruments that the training pieces have, by number, 128 for drums; [0] of a piano. */
  readonly programs: readonly number[];
  /** Free-form: expect anything. */
  readonly provenance: Readonly<Record<string, unknown>>;
  readonly licence: string;
}

/** A model that is loaded. */
export interface Model {
  readonly card: Card;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** What holds where a song's settings leave something out. */
  readonly settings: Required<SongSettings>;
  /** Free its memory. Songs that are being made break off with an error. */
  release(): Promise<void>;
}

/** A note, in seconds and in ticks from the song's beginning. `program` is 0 of drums. */
export interface Note {
  readonly kind: "note";
  readonly onset: number;
  readonly end: number;
  readonly tick: number;
  readonly endTick: number;
  readonly pitch: number;
  readonly velocity: number;
  readonly program: number;
  readonly drum: boolean;
}

/** From here on, `usec` microseconds per beat. */
export interface Tempo {
  readonly kind: "tempo";
  readonly tick: number;
  readonly seconds: number;
  readonly usec: number;
}

/** From here on, a bar is of so many beats. */
export interface Meter {
  readonly kind: "meter";
  readonly tick: number;
  readonly seconds: number;
  readonly numerator: number;
  readonly denominator: number;
}

/** The last event of a stream. */
export interface End {
  readonly kind: "end";
  readonly tick: number;
  readonly seconds: number;
}

/** Nothing new yet: how far the model is, in seconds or, of a song of bars, in bars. */
export interface Progress {
  readonly kind: "progress";
  readonly made: number;
}

/** What a stream gives: notes in order of onset, each as soon as nothing can change it. */
export type Event = Note | Tempo | Meter | Progress | End;

/** A whole song. */
export interface Song {
  readonly notes: readonly Note[];
  readonly tempos: readonly Tempo[];
  readonly meters: readonly Meter[];
  readonly ticksPerBeat: number;
  readonly seconds: number;
  /** All that were sampled; of vectors, 8 words of 16 bits a step. */
  readonly tokens: readonly number[];
  /** The key that the model was asked for, if it knows keys. */
  readonly key: string | null;
  readonly seed: bigint;
  /** What the guard found and had made anew, in words. */
  readonly retries: readonly string[];
  /** The bytes that `ugen-run` writes for these settings, the record for `--replay` included. */
  midi(): Uint8Array;
  /** The text that `ugen-run -o TITLE.musicxml` writes. */
  musicXml(title: string): string;
}

/** What `load` takes besides the file. */
export interface LoadOptions {
  /**
   * onnxruntime's ort-wasm-simd-threaded.wasm, or what brings it, called only for a model that needs
   * it; without it that is fetched, or read under Node.
   */
  wasm?: ArrayBuffer | Uint8Array | (() => Promise<Uint8Array>);
  /**
   * `plain`: our own, for plain LSTMs of fp32 and int8, which get it by themselves. `wasm`:
   * onnxruntime, for all others.
   */
  engine?: "wasm" | "plain";
}

/** What `generate` takes besides the settings. */
export interface GenerateOptions {
  signal?: AbortSignal;
  /** Gets the seconds, or bars, made so far. */
  progress?: (made: number) => void;
}
