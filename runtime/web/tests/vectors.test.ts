/** The songs of vectors/songs.json: the same tokens, times, records and MIDI bytes as in Python. */
import { expect, test } from "vitest";
import { UgenError } from "../src/core/errors";
import { primerTokens } from "../src/core/generation/primer";
import { settingsOf } from "../src/core/generation/settings";
import { keptOf } from "../src/core/generation/wishes/keeping";
import { makeSong, streamSong } from "../src/core/generation/song";
import { sha256 } from "../src/core/sha256";
import type { Song, SongSettings } from "../src/core/types";
import { hashedModel, type StoredModel } from "./hashedModel";
import vectors from "./vectors/songs.json";

const MODELS = vectors.models as Record<string, StoredModel>;
const SHA256 = "0".repeat(64);

const FILES = ["primer", "with", "vary"] as const;
type File = (typeof FILES)[number];

interface Vector {
  model: string;
  asked: Omit<SongSettings, File> & { [name in File]?: string };
  error?: string;
  record?: string;
  tokens?: number[];
  seconds?: number;
  key?: string | null;
  retries?: string[];
  notes?: number;
  midi?: string;
  musicxml?: string;
}

/** A model and settings, as the vector asks for them. */
async function asked({ model, asked }: Vector) {
  const maker = { ...(await hashedModel(MODELS[model]!)), sha256: SHA256 };
  // a seed of 64 bits is more than a number of JSON holds
  const seed = asked.seed === 2 ** 64 ? 2n ** 64n - 1n : asked.seed!;
  const files = FILES.map((name) => [name, asked[name] && Buffer.from(asked[name], "base64")]);
  const given: SongSettings = { ...asked, seed, ...Object.fromEntries(files) };
  const { card } = maker;
  const settings = settingsOf(card, given, primerTokens(card, given), keptOf(card, given));
  return { maker, settings };
}

/** What comes of it: a song, or an error in words. */
async function made(vector: Vector): Promise<Song | string> {
  try {
    const { maker, settings } = await asked(vector);
    return await makeSong(maker, settings, {});
  } catch (error) {
    if (error instanceof UgenError) return error.message;
    throw error;
  }
}

/** What is asked, in a line: of files their names only. */
function shown(asked: Vector["asked"]): string {
  const isFile = (name: string) => FILES.includes(name as File);
  return JSON.stringify(asked, (name, value) => (isFile(name) ? "a file" : value)).slice(0, 90);
}

/** A hash of the song as MusicXML, or why it is not written so. */
function notation(song: Song): string {
  try {
    return sha256(new TextEncoder().encode(song.musicXml("song")));
  } catch (error) {
    if (error instanceof UgenError) return error.message;
    throw error;
  }
}

const songs = (vectors.songs as Vector[]).map(
  (vector, n) => [`${n}: ${vector.model}, ${shown(vector.asked)}`, vector] as const,
);

test.each(songs)("song %s", async (_name, vector) => {
  const song = await made(vector);
  if (typeof song === "string" || vector.error) {
    expect(song).toEqual(vector.error);
    return;
  }
  expect(song.tokens).toEqual(vector.tokens);
  expect(song.retries).toEqual(vector.retries);
  expect(song.seconds).toBe(vector.seconds);
  expect(song.key).toBe(vector.key);
  expect(song.notes.length).toBe(vector.notes);
  const midi = song.midi();
  expect(new TextDecoder().decode(midi)).toContain(vector.record);
  expect(sha256(midi)).toBe(vector.midi);
  expect(notation(song)).toBe(vector.musicxml);
});

test("a stream has the notes of the whole song", async () => {
  for (const [, vector] of songs.filter(([, each]) => !each.error).slice(0, 30)) {
    const { maker, settings } = await asked(vector);
    const song = await makeSong(maker, settings, {});
    const notes = [];
    for await (const event of streamSong(maker, settings)) {
      if (event.kind === "note") notes.push(event);
    }
    const rounded = (all: readonly { onset: number; pitch: number }[]) =>
      all.map(({ onset, pitch }) => [onset.toFixed(9), pitch]);
    expect(rounded(notes)).toEqual(rounded(song.notes));
  }
});
