/** ugen in TypeScript: bytes of a model file -> tokens -> notes -> MIDI bytes. */
import { UgenError } from "./errors";
import { primerTokens } from "./generation/primer";
import { defaults, type SongSettings as Settings, settingsOf } from "./generation/settings";
import { keptOf } from "./generation/wishes/keeping";
import { type Maker, makeSong, streamSong } from "./generation/song";
import type { Engine } from "./inference/engine";
import { onnxEngine } from "./inference/onnxEngine";
import { isPlain, plainEngine } from "./inference/plainEngine";
import { selfCheck } from "./inference/selfCheck";
import { type Card, cardFromMetadata } from "./modelFile/card";
import { readMetadata } from "./modelFile/metadata";
import { fastSha256 } from "./sha256";
import type { Event, GenerateOptions, LoadOptions, Model, Song, SongSettings } from "./types";

export { CodecError, MidiError, ModelError, UgenError } from "./errors";
export { GuardError } from "./generation/guard/faults";
export { instrumentName } from "./midi/generalMidi";
export type * from "./types";

const MAKERS = new WeakMap<Model, Maker>();

/** Load a model file, and check all of it. Throws ModelError, one line that says what is wrong. */
export async function load(bytes: Uint8Array, options: LoadOptions = {}): Promise<Model> {
  const card = await cardFromMetadata(readMetadata(bytes));
  const hash = fastSha256(bytes);
  const engine = await engineOf(card, bytes, options);
  await selfCheck(card, engine);
  const maker = { card, engine, sha256: await hash };
  const model: Model = {
    card,
    sha256: maker.sha256,
    settings: defaults(card),
    release: () => engine.release(),
  };
  MAKERS.set(model, maker);
  return model;
}

/**
 * Whether `load` needs onnxruntime's wasm for a file: 14 MB that a page can do without for the plain
 * LSTMs of fp32 and int8 files. Throws ModelError.
 */
export async function needsWasm(bytes: Uint8Array): Promise<boolean> {
  return !isPlain(await cardFromMetadata(readMetadata(bytes)), bytes);
}

async function engineOf(card: Card, bytes: Uint8Array, options: LoadOptions): Promise<Engine> {
  const usual = isPlain(card, bytes) ? "plain" : "wasm";
  if ((options.engine ?? usual) === "plain") return plainEngine(card, bytes);
  const { wasm } = options;
  return onnxEngine(card, bytes, typeof wasm === "function" ? await wasm() : wasm);
}

/** The events of a song while it is made, in constant memory. Notes are those of `generate`. */
export async function* stream(model: Model, settings: SongSettings): AsyncGenerator<Event> {
  const maker = makerOf(model);
  yield* streamSong(maker, checked(maker, settings));
}

/** A song. The same model and settings give the same song. */
export async function generate(
  model: Model,
  settings: SongSettings,
  options: GenerateOptions = {},
): Promise<Song> {
  const maker = makerOf(model);
  return makeSong(maker, checked(maker, settings), options);
}

function checked({ card }: Maker, settings: SongSettings): Settings {
  return settingsOf(card, settings, primerTokens(card, settings), keptOf(card, settings));
}

function makerOf(model: Model): Maker {
  const maker = MAKERS.get(model);
  if (!maker) throw new UgenError("no model that `load` gave");
  return maker;
}
