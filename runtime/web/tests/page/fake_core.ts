/** A core without a model, for tests of the page: broken chords by the seed. */
import { UgenError } from "../../src/core/errors";
import type { Event, Model, Note, Song, SongSettings } from "../../src/core/types";

export { UgenError };

const KEYS = ["C", "D", "Eb", "G", "Am", "Dm"];
const BEAT = 0.5;

/** A model that knows keys, and as a band instruments, or an error for other bytes. */
export async function load(bytes: Uint8Array): Promise<Model> {
  const text = new TextDecoder().decode(bytes.subarray(0, 9));
  if (!text.startsWith("fake")) throw new UgenError("not a ugen model (it has no ugen.format entry)");
  const isBand = text.includes("band");
  const counts = KEYS.map(() => 3);
  const density = { name: "density", values: ["sparse", "medium", "dense"], counts: [1, 1, 1], bounds: [2, 4] };
  const sampling = { temperature: 1, topK: 0, topP: 0.97, minP: 0, repetitionPenalty: 1, keyStrength: 0.4 };
  return {
    card: {
      codec: { name: "beats", vocabulary: 483, hasBars: true },
      layers: 1,
      hidden: 512,
      precision: "int8",
      arrangement: isBand ? "band" : "piano",
      columns: [],
      sampling,
      wishes: [{ name: "key", values: KEYS, counts, bounds: [] }, ...(isBand ? [density] : [])],
      knowsChords: isBand,
      programs: isBand ? [0, 24, 32, 40, 48, 56, 60, 73, 74, 80, 128] : [0],
      provenance: { corpus: { pieces: 1884, seconds: 205820 }, held_out: { nats_per_note: 2.14 } },
      licence: "Apache-2.0. The music that it learned from:\nsomebody's, in the public domain.",
    },
    sha256: "0123456789abcdef".repeat(4),
    settings: { seconds: 60, temperature: 1, seed: 0 } as Required<SongSettings>,
    release: async () => {},
  };
}

export async function* stream(model: Model, settings: SongSettings): AsyncGenerator<Event> {
  const seconds = settings.endless ? Number.POSITIVE_INFINITY : (settings.seconds ?? 60);
  yield { kind: "tempo", tick: 0, seconds: 0, usec: BEAT * 1e6 };
  yield { kind: "meter", tick: 0, seconds: 0, numerator: 4, denominator: 4 };
  const seed = Number(settings.seed ?? 0) % 1000;
  for (let step = 0; step * (BEAT / 2) < seconds; step += 1) {
    if (step % 50 === 0) await new Promise((resume) => setTimeout(resume, 1));
    yield* notesOf(step, seed, model.card.programs);
  }
  yield { kind: "end", tick: 0, seconds };
}

function* notesOf(step: number, seed: number, programs: readonly number[]): Generator<Note> {
  const root = 48 + [0, 9, 5, 7][(step >> 3) % 4]! + (seed % 5);
  const onset = step * (BEAT / 2);
  const note = (pitch: number, beats: number, velocity: number, program: number): Note => {
    const drum = program === 128;
    const is = { pitch, velocity, program: drum ? 0 : program, drum };
    return { kind: "note", onset, end: onset + beats * BEAT, tick: 0, endTick: 0, ...is };
  };
  yield note(root + [0, 7, 12, 16, 19, 16, 12, 7][step % 8]!, 0.5, 60 + (step % 4) * 12, 0);
  if (step % 8 === 0) yield note(root - 12, 3.9, 80, programs[2] ?? 0);
  if (step % 4 === 2) yield note(root + 24 + ((step * seed) % 5), 1.4, 90, programs[(step >> 5) % 10] ?? 0);
  if (step % 2 === 0 && programs.includes(128)) yield note(step % 4 ? 38 : 36, 0.1, 90, 128);
}

export async function generate(model: Model, settings: SongSettings): Promise<Song> {
  const notes: Note[] = [];
  for await (const event of stream(model, settings)) if (event.kind === "note") notes.push(event);
  const midi = () => new Uint8Array([0x4d, 0x54, 0x68, 0x64, notes.length & 255]);
  const musicXml = (title: string) => `<title>${title}</title>`;
  return { notes, seconds: settings.seconds ?? 60, midi, musicXml } as unknown as Song;
}
