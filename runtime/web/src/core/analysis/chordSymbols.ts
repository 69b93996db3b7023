/** Chords and their symbols, as musicians write them: `Am | F | C G | N.C.` */
import { UgenError } from "../errors";
import type { Key } from "./key";

export function parseChords(_text: string): number[][] {
  throw new UgenError("not in the browser yet", { flag: "--chords" });
}

export function chordsKey(_bars: readonly (readonly number[])[]): Key {
  return { tonic: 0, minor: false };
}
