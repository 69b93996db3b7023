import { expect, test } from "vitest";
import { type Choices, fragmentOf, ofFragment, seedOf, settingsOf } from "../../src/page/choices";
import type { Loaded } from "../../src/page/maker";
import { load } from "./fake_core";

async function loaded(kind: "piano" | "band"): Promise<Loaded> {
  return load(new TextEncoder().encode(`fake ${kind}`));
}

test("a link carries all choices, and the model", () => {
  const choices: Choices = {
    seed: "18446744073709551615",
    length: "120",
    temperature: "0.9",
    tempo: "96",
    key: "Dm",
    label: "rag:0.7,waltz & more:0.3",
    chords: "Am | F | C G",
    instruments: "0,32,128",
    drums: "no",
  };
  const link = fragmentOf(choices, "abcdef0123456789");
  expect(ofFragment(`#${link}`)).toEqual({ choices, model: "abcdef012345" });
});

test("of a link nothing is taken but what is known, and no seed that is none", () => {
  const found = ofFragment("#seed=1e5&onload=alert(1)&__proto__=x&key=C");
  expect(found).toEqual({ choices: { key: "C" }, model: undefined });
  expect([seedOf("18446744073709551616"), seedOf("-1"), seedOf("")]).toEqual(Array(3).fill(undefined));
  expect(seedOf("007")).toBe(7n);
});

test("settings hold what is chosen, and leave the rest to the model", async () => {
  const piano = await loaded("piano");
  expect(settingsOf({ seed: "7" }, piano)).toEqual({ seed: 7n, seconds: 60 });
  expect(settingsOf({ seed: "7", length: "endless" }, piano)).toEqual({ seed: 7n, endless: true });
  const cool = { seed: "7", length: "30", temperature: "0.9", tempo: "96", key: "Dm" };
  const wishes = { key: "Dm" };
  const expected = { seed: 7n, seconds: 30, temperature: 0.9, tempo: 96, wishes };
  expect(settingsOf(cool, piano)).toEqual(expected);
});

test("a model is not asked for what it does not know", async () => {
  const asked = { seed: "7", density: "dense", instruments: "0,40,99", drums: "no", chords: "Am" };
  expect(settingsOf(asked, await loaded("piano"))).toEqual({ seed: 7n, seconds: 60 });
  const { wishes } = settingsOf(asked, await loaded("band"));
  expect(wishes).toEqual({ density: "dense", instruments: [0, 40], drums: false, chords: "Am" });
});

test("what is no number is refused in words", async () => {
  const piano = await loaded("piano");
  expect(() => settingsOf({ seed: "1e9" }, piano)).toThrow("The seed is a whole number from 0 to");
  expect(() => settingsOf({ seed: "1", tempo: "fast" }, piano)).toThrow("The tempo is a number, not fast.");
});
