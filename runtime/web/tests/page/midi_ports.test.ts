import { expect, test, vi } from "vitest";
import { MidiIn, MidiOut, midiOf } from "../../src/page/midi_ports";
import type { Shown } from "../../src/page/timeline";

function note(onset: number, end: number, pitch: number, program = 0, drum = false): Shown {
  return { onset, end, pitch, velocity: 90, program, drum };
}

test("a synthesizer gets each note at its time, each instrument on a channel, drums on the tenth", () => {
  const sent: [number[], number | undefined][] = [];
  const port = { send: (bytes: number[], at?: number) => sent.push([bytes, at]) };
  const out = new MidiOut(port as unknown as MIDIOutput, () => 0, (second) => 1000 * second);
  vi.useFakeTimers();
  out.add([note(0, 1, 60, 5), note(0.1, 0.2, 38, 0, true), note(0.2, 0.5, 40, 33), note(9, 10, 64)]);
  expect(sent).toEqual([
    [[0xc0, 5], undefined],
    [[0x90, 60, 90], 0],
    [[0x80, 60, 0], 999],
    [[0x99, 38, 90], 100],
    [[0x89, 38, 0], 199],
    [[0xc1, 33], undefined],
    [[0x91, 40, 90], 200],
    [[0x81, 40, 0], 499],
  ]);
  out.silence();
  expect(sent.slice(-16).map(([bytes]) => bytes)).toContainEqual([0xb0, 123, 0]);
  vi.useRealTimers();
});

test("what a keyboard plays sounds at once, and is the beginning of a song", () => {
  const port = {} as MIDIInput;
  const struck: number[] = [];
  const keys = new MidiIn(port, (each) => struck.push(each.pitch));
  const play = (data: number[], timeStamp: number) => {
    port.onmidimessage!({ data: Uint8Array.from(data), timeStamp } as MIDIMessageEvent);
  };
  play([0x90, 60, 80], 5000);
  play([0x90, 64, 70], 5500);
  play([0x90, 60, 0], 6000); // a note on of velocity 0 is a note off
  play([0x80, 64, 30], 6500);
  play([0xb0, 64, 127], 6600);
  expect(struck).toEqual([60, 64]);
  const notes = keys.take();
  expect(notes.map((each) => [each.onset, each.end, each.pitch])).toEqual([
    [0, 1, 60],
    [0.5, 1.5, 64],
  ]);
  expect(keys.take()).toEqual([]);
});

test("notes become a MIDI file: header, tempo, events with their times, end of track", () => {
  const hex = [...midiOf([note(0, 0.5, 60), note(0.5, 1.5, 62)])]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
  expect(hex).toBe(
    [
      "4d 54 68 64 00 00 00 06 00 00 00 01 01 e0", // MThd, format 0, one track, 480 ticks a beat
      "4d 54 72 6b 00 00 00 1d", // MTrk, 29 bytes
      "00 ff 51 03 07 a1 20", // 500,000 microseconds a beat
      "00 90 3c 5a",
      "83 60 80 3c 00", // 480 ticks later
      "00 90 3e 5a",
      "87 40 80 3e 00", // 960 ticks later
      "00 ff 2f 00",
    ].join(" "),
  );
});
