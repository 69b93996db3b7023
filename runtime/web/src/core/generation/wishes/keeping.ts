/** The music that stays in a song, as its settings name it. */
import { UgenError } from "../../errors";
import { readTracks } from "../../midi/reader";
import type { Card } from "../../modelFile/card";
import { printable } from "../../text";
import type { SongSettings } from "../../types";
import { within } from "../settings";
import { type Bounds, barsOf, type Kept, requireGiven, requireMeters } from "./kept";
import { keptMusic } from "./parts";

const MUCH = 0.3;
const LEAST = 0.01;
const LONGEST_NUMBER = 8; // digits

/** The music that stays, or null where none does. Throws UgenError. */
export function keptOf(card: Card, settings: SongSettings): Kept | null {
  check(settings);
  const file = settings.with ?? settings.vary;
  if (!file) return null;
  try {
    return readKept(card, settings, file);
  } catch (error) {
    if (!(error instanceof UgenError) || (error.flag ?? "--with") !== "--with") throw error;
    throw new UgenError(error.reason, { flag: settings.vary ? "--vary" : "--with" });
  }
}

/** Throw UgenError for settings that do not go together. */
function check(settings: SongSettings): void {
  const { keep, rewrite = false, fromBar, toBar, much } = settings;
  const wrong = (flag: string, reason: string) => {
    throw new UgenError(reason, { flag });
  };
  if (settings.with && settings.vary) {
    throw new UgenError("--with and --vary: give one of them");
  }
  if (!settings.with) {
    if (keep != null && !settings.vary) wrong("--keep", "goes with --with");
    if (rewrite) wrong("--rewrite", "goes with --with");
    if (fromBar != null) wrong("--from-bar", "goes with --with");
    if (toBar != null) wrong("--to-bar", "goes with --with");
  }
  if (much != null && !settings.vary) wrong("--much", "goes with --vary");
  within("--much", much ?? MUCH, LEAST, 1);
  if (toBar != null && fromBar == null) wrong("--to-bar", "goes with --from-bar");
  if (rewrite && fromBar == null) {
    wrong("--rewrite", "say which bars, by --from-bar 9 --to-bar 16");
  }
  if ((settings.with ?? settings.vary) && settings.endless) {
    wrong("--endless", "not with --with: the song is as long as its music");
  }
}

function readKept(card: Card, settings: SongSettings, file: Uint8Array): Kept {
  requireGiven(card);
  const music = readTracks(file);
  if (!music.score.notes.length) throw new UgenError("no notes in it");
  const { keep = null, rewrite = false, fromBar = null, toBar = null, much } = settings;
  const bars = stretches(fromBar, toBar, barsOf(music.score));
  const part = settings.vary ? (much ?? MUCH) : 0;
  const kept = keptMusic(card, music, { keep, bars, rewrite, much: part });
  requireMeters(kept);
  return kept;
}

type Numbers = number | string;

/** Stretches of bars, from 1 on. */
function stretches(first: Numbers | null, last: Numbers | null, most: number): Bounds[] {
  if (first === null) return [];
  const begins = numbers(first, "--from-bar");
  const ends = last === null ? [most] : numbers(last, "--to-bar");
  if (begins.length !== ends.length) {
    const reason = `${ends.length} of them for ${begins.length} of --from-bar`;
    throw new UgenError(reason, { flag: "--to-bar", value: printable(String(last).slice(0, 80)) });
  }
  return begins.map((begin, n) => [begin, ends[n]!]);
}

function numbers(text: Numbers, flag: string): number[] {
  const parts = String(text).split(",").map((part) => part.trim());
  if (parts.every((part) => /^\d+$/.test(part) && part.length <= LONGEST_NUMBER)) {
    return parts.map(Number);
  }
  const reason = "must be the number of a bar, or several, as in 9,25";
  throw new UgenError(reason, { flag, value: printable(String(text).slice(0, 80)) });
}
