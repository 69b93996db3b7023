/** Music that a song is made from, and what is done with it. Knows no page. */
import type { Card, SongSettings } from "../core";
import { DRUMS } from "./programs";

export const GO_ON = "go on";
export const REWRITE = "rewrite";
const VARY = "vary";
const USES = [
  [GO_ON, "Go on from it"],
  ["melody", "Keep its melody"],
  ["bass", "Keep its bass"],
  ["left", "Keep the left hand"],
  ["right", "Keep the right hand"],
  ["drums", "Keep its drums"],
  ["all", "Keep all, and add to it"],
  [REWRITE, "Write some bars anew"],
  [VARY, "Vary a third of its bars"],
] as const;

export interface Primer {
  bytes: Uint8Array;
  /** Go on from the first seconds of it only. */
  seconds?: number;
  /** Whether a song that goes on from it begins with it. */
  keep?: boolean;
  /** What else to do with it: one of `usesOf`. */
  use?: string;
  /** The bars to write anew, the last of them empty for that of the music. */
  bars?: readonly [from: string, to: string];
}

/** What a model can do with music: values, and the words for them. */
export function usesOf(card: Card): (readonly [string, string])[] {
  const isTold = card.columns.some((column) => column.name === "given_now");
  const hasDrums = card.programs.includes(DRUMS);
  return USES.filter(([use]) => use === GO_ON || (isTold && (use !== "drums" || hasDrums)));
}

/** The settings of a song that is made from such music. Throws an Error, one line for the user. */
export function withMusic(settings: SongSettings, primer: Primer | undefined): SongSettings {
  if (!primer) return settings;
  const { bytes, seconds = null, keep = false, use = GO_ON, bars = ["", ""] } = primer;
  if (use === GO_ON) return { ...settings, primer: bytes, primerSeconds: seconds, keepPrimer: keep };
  const asLong = { ...settings, seconds: null, endless: false }; // as its music
  if (use === VARY) return { ...asLong, vary: bytes };
  if (use !== REWRITE) return { ...asLong, with: bytes, keep: use };
  const [fromBar, toBar] = bars.map((bar) => bar.trim());
  if (!fromBar) throw new Error("Say which bars are to be written anew, the first at least.");
  return { ...asLong, with: bytes, rewrite: true, fromBar, toBar: toBar || null };
}
