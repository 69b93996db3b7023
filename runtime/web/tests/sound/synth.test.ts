import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { DRUMS, splitBanks, substitute } from "../../src/sound/banks";
import { type FromSound, RATE as OF_PAGE } from "../../src/sound/messages";
import { SoundServer } from "../../src/sound/serve";
import { limit, type Sounding, Synth } from "../../src/sound/synth";
// @ts-expect-error a script without types
import { trimSounds } from "../../src/sound/trim.mjs";

const RATE = 22_050;
let piano: Uint8Array;
let drums: Uint8Array;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "sounds-"));
  trimSounds(folder);
  piano = new Uint8Array(readFileSync(join(folder, "000.sf3")));
  drums = new Uint8Array(readFileSync(join(folder, "128.sf3")));
});

function note(onset: number, end: number, pitch: number, drum = false): Sounding {
  return { onset, end, pitch, velocity: 90, program: 0, drum };
}

/** How much of a frequency is in some samples (Goertzel). */
function power(samples: Float32Array, frequency: number): number {
  const factor = 2 * Math.cos((2 * Math.PI * frequency) / RATE);
  let [before, last] = [0, 0];
  for (const sample of samples) [before, last] = [last, sample + factor * last - before];
  return before ** 2 + last ** 2 - factor * before * last;
}

const loudest = (samples: Float32Array) => samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
const pitchOf = (pitch: number) => 440 * 2 ** ((pitch - 69) / 12);

async function synth(...banks: Uint8Array[]): Promise<Synth> {
  const made = await Synth.create(RATE);
  for (const bank of banks) made.addBanks(bank);
  return made;
}

test("a note sounds at its time, at its pitch", async () => {
  const made = await synth(piano);
  made.begin(0);
  made.add([note(0.5, 1, 69)]);
  const [left, right] = made.render(RATE);
  expect(loudest(left.subarray(0, 0.5 * RATE - 32))).toBeLessThan(1e-4);
  expect(loudest(left.subarray(0.5 * RATE, 0.55 * RATE))).toBeGreaterThan(0.01);
  expect(loudest(right)).toBeGreaterThan(0.01);
  const heard = left.subarray(0.55 * RATE, 0.95 * RATE);
  for (const other of [67, 68, 70, 71]) {
    expect(power(heard, pitchOf(69))).toBeGreaterThan(20 * power(heard, pitchOf(other)));
  }
});

test("a song that is begun in its middle plays what comes, and what still sounds", async () => {
  const made = await synth(piano);
  made.begin(10);
  made.add([note(1, 2, 50), note(9, 12, 69), note(10.5, 11, 60)]);
  const [early] = made.render(0.4 * RATE);
  expect(power(early, pitchOf(69))).toBeGreaterThan(20 * power(early, pitchOf(50)));
  made.begin(20);
  expect(loudest(made.render(RATE)[0])).toBeLessThan(5e-3); // the room rings
  expect(made.silent).toBe(true);
});

test("drums are silent without sounds of theirs, and heard with them", async () => {
  const beat = [note(0, 0.1, 38, true)];
  const alone = await synth(piano);
  alone.begin(0);
  alone.add(beat);
  expect(loudest(alone.render(RATE / 2)[0])).toBeLessThan(1e-4);
  const both = await synth(Uint8Array.from([...piano, ...drums])); // one after another
  both.begin(0);
  both.add(beat);
  expect(loudest(both.render(RATE / 2)[0])).toBeGreaterThan(0.01);
});

test("what is no SoundFont is refused", async () => {
  const made = await Synth.create(RATE);
  expect(() => made.addBanks(new Uint8Array(100))).toThrow("not a SoundFont");
  expect(splitBanks(piano.subarray(0, 1000))).toEqual([]);
});

test("an instrument that is missing is played by one of its family, else by the piano", () => {
  const there = new Set([0, 41, 73, DRUMS]);
  expect([41, 40, 56, DRUMS].map((each) => substitute(each, there))).toEqual([41, 41, 0, DRUMS]);
  expect(substitute(DRUMS, new Set([0]))).toBeUndefined();
});

test("loud samples stay within -1 and 1, soft ones as they are", () => {
  const samples = Float32Array.from([0.5, -0.8, 1.5, -3]);
  limit(samples);
  expect([...samples.subarray(0, 2)]).toEqual([0.5, Math.fround(-0.8)]);
  expect(loudest(samples)).toBeLessThanOrEqual(1);
});

test("a WAV file has the song's length, and its last note's ring", async () => {
  const told: FromSound[] = [];
  const server = new SoundServer((message) => told.push(message));
  server.receive({ do: "banks", bytes: piano });
  while (!told.length) await new Promise((resume) => setTimeout(resume, 5));
  server.receive({ do: "wav", notes: [note(0, 1, 60)], seconds: 1 });
  while (!told.some((each) => each.told === "wav")) await new Promise((resume) => setTimeout(resume, 5));
  const answer = told.find((each) => each.told === "wav") as Extract<FromSound, { told: "wav" }>;
  const view = new DataView(await answer.file.arrayBuffer());
  const frames = view.getUint32(40, true) / 4;
  expect(view.byteLength).toBe(44 + 4 * frames);
  expect(view.getUint32(24, true)).toBe(OF_PAGE);
  expect(frames / OF_PAGE).toBeGreaterThan(1);
  expect(frames / OF_PAGE).toBeLessThan(3.6);
});
