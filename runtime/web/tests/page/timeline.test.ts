import { expect, test } from "vitest";
import type { Event, Note } from "../../src/core/types";
import { Timeline } from "../../src/page/timeline";

function note(onset: number, end: number, pitch = 60, drum = false): Note {
  return { kind: "note", onset, end, tick: 0, endTick: 0, pitch, velocity: 80, program: 0, drum };
}

const tempo = (seconds: number, usec: number): Event => ({ kind: "tempo", tick: 0, seconds, usec });
const meter = (seconds: number, numerator: number): Event => {
  return { kind: "meter", tick: 0, seconds, numerator, denominator: 4 };
};

test("notes that sound in a window are found, long ones that began before it, too", () => {
  const timeline = new Timeline();
  timeline.add([note(0, 10, 40), note(1, 2, 60), note(5, 6, 62), note(9, 9.5, 64)]);
  expect(timeline.between(4, 7).map((each) => each.pitch)).toEqual([40, 62]);
  expect(timeline.between(6, 7).map((each) => each.pitch)).toEqual([40]);
  expect([timeline.lowest, timeline.highest]).toEqual([40, 64]);
});

test("bar lines follow tempos, in the middle of a bar, too", () => {
  const timeline = new Timeline();
  timeline.add([tempo(0, 500_000), meter(0, 4), tempo(3, 1_000_000)]);
  timeline.barsUntil(12);
  expect(timeline.bars).toEqual([0, 2, 5, 9, 13]); // the second bar: two beats of each tempo
  expect([timeline.barAt(0), timeline.barAt(4.9), timeline.barAt(5)]).toEqual([1, 2, 3]);
});

test("bar lines that were drawn too early move when a tempo or a meter comes", () => {
  const timeline = new Timeline();
  timeline.add([tempo(0, 500_000), meter(0, 4)]);
  timeline.barsUntil(10);
  timeline.add([meter(4, 3)]);
  timeline.barsUntil(8);
  expect(timeline.bars).toEqual([0, 2, 4, 5.5, 7, 8.5]);
});

test("music without bars has no bar lines", () => {
  const timeline = new Timeline(false);
  timeline.add([tempo(0, 500_000), note(0, 1)]);
  timeline.barsUntil(100);
  expect(timeline.bars).toEqual([]);
});

test("endless music takes constant memory, and its bars keep their numbers", () => {
  const timeline = new Timeline();
  timeline.add([tempo(0, 500_000), meter(0, 4)]);
  for (let second = 0; second < 3600; second += 1) {
    timeline.add([note(second, second + 0.5), tempo(second, 500_000)]);
    timeline.barsUntil(second + 5);
    timeline.forget(second - 60);
  }
  expect(timeline.notes.length).toBeLessThan(70);
  expect(timeline.bars.length).toBeLessThan(40);
  expect(timeline.barAt(3599)).toBe(1800);
});

test("the end of a song is that of its last note, and of its silence", () => {
  const timeline = new Timeline();
  timeline.add([note(0, 9), note(1, 2), { kind: "end", tick: 0, seconds: 8 }]);
  expect(timeline.known).toBe(9);
  expect(timeline.closed).toBe(true);
});

test("drums have a number of their own, and rows like all notes", () => {
  const timeline = new Timeline();
  timeline.add([note(0, 1, 60), note(0, 1, 35, true)]);
  expect(timeline.programs).toEqual([0, 128]);
  expect([timeline.lowest, timeline.highest]).toEqual([35, 60]);
});
