/** ugen in TypeScript: bytes of a model file -> tokens -> notes -> MIDI bytes. */
import { UgenError } from "./errors";
import type { Event, GenerateOptions, LoadOptions, Model, Song, SongSettings } from "./types";

export { CodecError, MidiError, ModelError, UgenError } from "./errors";
export type * from "./types";

/** Load a model file, and check all of it. Throws ModelError, one line that says what is wrong. */
export async function load(_bytes: Uint8Array, _options: LoadOptions = {}): Promise<Model> {
  throw new UgenError("not there yet");
}

/** The events of a song while it is made, in constant memory. Notes are those of `generate`. */
// eslint-disable-next-line require-yield
export async function* stream(_model: Model, _settings: SongSettings): AsyncGenerator<Event> {
  throw new UgenError("not there yet");
}

/** A song. The same model and settings give the same song. */
export async function generate(
  _model: Model,
  _settings: SongSettings,
  _options: GenerateOptions = {},
): Promise<Song> {
  throw new UgenError("not there yet");
}
