import { expect, test } from "vitest";
import { arrange, cutSilence } from "../src/core/arrangement";
import { MidiError } from "../src/core/errors";
import { readMidi } from "../src/core/midi/reader";
import type { NoteRow } from "../src/core/score";
import vectors from "./vectors/midi.json";

const rows = (notes: readonly NoteRow[]) =>
  notes.map((each) => [each.onset, each.end, each.pitch, each.velocity, each.program, each.drum]);

for (const [name, { file, score, ...rest }] of Object.entries(vectors)) {
  test(`a MIDI file is read as Python reads it: ${name}`, () => {
    const data = Uint8Array.from(file.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    if (!score) return expect(() => readMidi(data)).toThrow(MidiError);
    const read = readMidi(data);
    const found = [read.ticksPerBeat, rows(read.notes), read.tempos, read.meters];
    expect(found).toEqual(score);
    for (const [arrangement, expected] of Object.entries("arranged" in rest ? rest.arranged : {})) {
      const arranged = cutSilence(arrange(read, arrangement as "piano" | "band"));
      expect(rows(arranged.notes)).toEqual(expected);
    }
  });
}
