import { expect, test } from "vitest";
import { usesOf, withMusic } from "../../src/page/primer";
import { load } from "./fake_core";

const bytes = new Uint8Array([1, 2, 3]);
const settings = { seed: 7n, seconds: 60 };

test("what a model can do with music", async () => {
  const { card } = await load(new TextEncoder().encode("fake band"));
  const uses = (columns: string[]) =>
    usesOf({ ...card, columns: columns.map((name) => ({ name, size: 9 })) }).map(([use]) => use);
  expect(uses(["beat"])).toEqual(["go on"]);
  expect(uses(["beat", "given_now"])).toContain("drums");
  const ofPiano = usesOf({ ...card, columns: [{ name: "given_now", size: 9 }], programs: [0] });
  expect(ofPiano.map(([use]) => use)).not.toContain("drums");
});

test("music to go on from leaves the length as it is; a song that keeps a part is as long as it", () => {
  expect(withMusic(settings, undefined)).toEqual(settings);
  const primed = { ...settings, primer: bytes, primerSeconds: null, keepPrimer: true };
  expect(withMusic(settings, { bytes, keep: true })).toEqual(primed);
  const asLong = { seed: 7n, seconds: null, endless: false };
  const kept = (use: string, bars?: [string, string]) =>
    withMusic(settings, { bytes, use, ...(bars && { bars }) });
  expect(kept("melody")).toEqual({ ...asLong, with: bytes, keep: "melody" });
  expect(kept("vary")).toEqual({ ...asLong, vary: bytes });
  const rewritten = { ...asLong, with: bytes, rewrite: true, fromBar: "2" };
  expect(kept("rewrite", [" 2", "3 "])).toEqual({ ...rewritten, toBar: "3" });
  expect(kept("rewrite", ["2", ""])).toEqual({ ...rewritten, toBar: null });
  expect(() => kept("rewrite", ["", "3"])).toThrow("which bars");
});
