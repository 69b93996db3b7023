/** Models of int8 make the songs of `ugen-run`: vectors/bundled.json has hashes. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { generate, load, ModelError, needsWasm } from "../src/core/index";
import { sha256 } from "../src/core/sha256";
import stored from "./vectors/bundled.json";

const fileOf = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../${name}.onnx`, import.meta.url)));
const bytesOf = (name: string) => new Uint8Array(fileOf(name));
const names = [...new Set(stored.map((each) => each.model))];

test.each(names)("the songs of %s", async (name) => {
  const model = await load(bytesOf(name));
  expect(model.sha256).toBe(sha256(bytesOf(name)));
  for (const { seed, tokens, midi, musicxml } of stored.filter((each) => each.model === name)) {
    const song = await generate(model, { seconds: 30, seed });
    const words = new Uint8Array(Uint16Array.from(song.tokens).buffer);
    expect([seed, sha256(words)]).toEqual([seed, tokens]);
    expect([seed, sha256(song.midi())]).toEqual([seed, midi]);
    const notation = new TextEncoder().encode(song.musicXml("song"));
    expect([seed, sha256(notation)]).toEqual([seed, musicxml]);
  }
});

test.each(names)("%s needs no wasm", async (name) => {
  expect(await needsWasm(bytesOf(name))).toBe(false);
});

test("Node's own bytes, whose slices are no copies, are a model as well", async () => {
  const song = await generate(await load(fileOf("pretrained")), { seconds: 2, seed: 1 });
  expect(song.notes.length).toBeGreaterThan(0);
});

test("onnxruntime computes the same, but for the rounding of int8", async () => {
  const songs = [];
  for (const engine of ["wasm", "plain"] as const) {
    const model = await load(bytesOf("pretrained"), { engine });
    songs.push(await generate(model, { seconds: 8, seed: 3 }));
    await model.release();
  }
  expect(songs[0]!.tokens.slice(0, 50)).toEqual(songs[1]!.tokens.slice(0, 50));
});

test.each([
  ["no model", new Uint8Array([1, 2, 3]), "not an ONNX file"],
  ["nothing", new Uint8Array(), "not an ONNX file"],
  ["a cut one", bytesOf("pretrained").slice(0, 100_000), "cut short"],
  ["one without entries", new Uint8Array([8, 8, 58, 0]), "not a ugen model"],
])("%s is refused in one line", async (_name, bytes, reason) => {
  const error = await load(bytes).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ModelError);
  expect((error as Error).message).toContain(reason);
  expect((error as Error).message).not.toContain("\n");
});

test("a column that the codec does not have is refused by name", async () => {
  const bytes = bytesOf("pretrained");
  const at = Buffer.from(bytes).indexOf('"name": "phase"');
  bytes.set(Buffer.from('"name": "phony"'), at);
  await expect(load(bytes)).rejects.toThrow("no such column: phony");
});
