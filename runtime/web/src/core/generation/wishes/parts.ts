/** Which part of a file is to stay, as a user names it. */
import { Bars } from "../../analysis/bars";
import { leftHand } from "../../analysis/hands";
import { bottomLine, topLine } from "../../analysis/parts";
import { arrange } from "../../arrangement";
import { UgenError } from "../../errors";
import { instrument, instrumentOf, instrumentsIn } from "../../midi/generalMidi";
import type { Tracks } from "../../midi/reader";
import type { Card } from "../../modelFile/card";
import type { NoteRow, Score } from "../../score";
import { printable } from "../../text";
import { barOfNotes, type Bounds, barsOf, checkKept, type Kept, noteKey } from "./kept";

const FLAG = "--keep";
const LINES = ["all", "melody", "bass", "left", "right", "drums"];
const MOST_NAMES = 12; // that a message lists
const LONGEST = 80; // characters of a name that a message shows

/** How music stays. `bars`: from 1 on, the first and the last of each stretch. */
export interface Keeping {
  readonly keep: string | null;
  readonly bars: readonly Bounds[];
  readonly rewrite: boolean;
  readonly much: number;
}

/**
 * Music that stays in a model's songs: the part that `keep` names, or all. With `rewrite` the bars
 * are written anew, but for the part that is named, and all others stay; without it the part stays
 * in these bars only. `much`: the fraction of bars that are written anew by chance.
 */
export function keptMusic(card: Card, music: Tracks, how: Keeping): Kept {
  const { keep, bars, rewrite, much } = how;
  const { score } = music;
  const total = barsOf(score);
  for (const [first, last] of bars) {
    if (1 <= first && first <= last && last <= total) continue;
    const reason = `no such bars; the music has 1 to ${total}`;
    throw new UgenError(reason, { flag: "--from-bar", value: `${first} to ${last}` });
  }
  const stretches = bars.map(([first, last]): Bounds => [first - 1, last]);
  const part = keep === null ? new Set<NoteRow>() : partOf(music, keep);
  if (rewrite || much) return arranged(card, score, part, stretches, much);
  if (keep === null) {
    const reason = "say what of it stays: --keep melody, or --rewrite --from-bar 9 --to-bar 16";
    throw new UgenError(reason, { flag: "--with" });
  }
  const within = stretches.length ? notesWithin(score, stretches) : new Set(score.notes);
  const mine = new Set([...part].filter((note) => within.has(note)));
  if (mine.size) return arranged(card, score, mine, [], 0);
  throw new UgenError("no notes of it there", { flag: FLAG, value: shown(keep) });
}

/**
 * The music as the model's training music is arranged. Of notes that become one the part's stays.
 */
function arranged(
  card: Card,
  score: Score,
  part: ReadonlySet<NoteRow>,
  rewritten: readonly Bounds[],
  much: number,
): Kept {
  const mine = score.with({ notes: score.notes.filter((note) => part.has(note)) });
  const own = arrange(mine, card.arrangement);
  const all = rewritten.length || much ? arrange(score, card.arrangement) : own;
  if (!all.notes.length) throw new UgenError("no notes in it for this model", { flag: FLAG });
  const keys = new Set(own.notes.map(noteKey));
  const kept = {
    score: all,
    bars: barsOf(score),
    stays: all.notes.map((note) => keys.has(noteKey(note))),
    rewritten,
    much,
    closed: card.arrangement === "band" ? closedIn(score, part) : [],
  };
  checkKept(kept);
  return kept;
}

/** The instruments all of whose notes are in a part. */
function closedIn(score: Score, part: ReadonlySet<NoteRow>): number[] {
  const others = instrumentsIn(score.notes.filter((note) => !part.has(note)));
  return instrumentsIn([...part]).filter((each) => !others.includes(each));
}

function notesWithin(score: Score, stretches: readonly Bounds[]): Set<NoteRow> {
  const bars = barOfNotes(score);
  const isWithin = (bar: number) => stretches.some(([first, end]) => first <= bar && bar < end);
  return new Set(score.notes.filter((_, n) => isWithin(bars[n]!)));
}

/**
 * The notes of the parts that a text names, separated by commas: all, melody (the top line), bass
 * (the lowest), left or right (a hand), drums, a track's number or name, or an instrument.
 */
function partOf(music: Tracks, text: string): Set<NoteRow> {
  const found = new Set(text.split(",").flatMap((each) => onePart(music, each.trim())));
  if (!found.size) throw new UgenError("no notes in it", { flag: FLAG, value: shown(text) });
  return found;
}

function onePart(music: Tracks, name: string): NoteRow[] {
  const { score, names, trackOf } = music;
  const wanted = name.toLowerCase();
  if (LINES.includes(wanted)) return line(score, wanted);
  const ofTracks = (tracks: readonly number[]) =>
    score.notes.filter((note) => tracks.includes(trackOf.get(note)!));
  const number = Number(wanted.slice(0, 9));
  if (/^\d+$/.test(wanted) && 1 <= number && number <= names.length) return ofTracks([number]);
  const titles = names.map((title) => title.trim().toLowerCase());
  const titled = (is: (title: string) => boolean) =>
    titles.flatMap((title, n) => (wanted && title && is(title) ? [n + 1] : []));
  const same = titled((title) => title === wanted);
  const tracks = same.length ? same : titled((title) => title.includes(wanted));
  if (tracks.length) return ofTracks(tracks);
  const its = instrumentNamed(name, names);
  return score.notes.filter((note) => instrumentOf(note) === its);
}

function instrumentNamed(name: string, names: readonly string[]): number {
  try {
    return instrument(name, FLAG);
  } catch (error) {
    if (!(error instanceof UgenError)) throw error;
    const tracks = names.slice(0, MOST_NAMES).map((title, n) => `${n + 1} ${title}`.trim());
    const known = `${LINES.join(", ")}, an instrument, or a track: ${tracks.join(", ")}`;
    const reason = printable(`no such part; known are ${known}`);
    throw new UgenError(reason, { flag: FLAG, value: shown(name) });
  }
}

function line(score: Score, name: string): NoteRow[] {
  const { notes } = score;
  const pitched = notes.filter((note) => !note.drum);
  if (name === "all") return [...notes];
  if (name === "drums") return notes.filter((note) => note.drum);
  if (name === "left" || name === "right") {
    const left = leftHand(score);
    return notes.filter((note, n) => !note.drum && left[n] === (name === "left"));
  }
  const bars = new Bars(score); // what a person plays at once begins on one step of its grid
  const onGrid = pitched.map(({ onset, end, pitch }) => {
    return { onset: bars.step(onset), end: bars.step(end), pitch };
  });
  const is = name === "melody" ? topLine(onGrid) : bottomLine(onGrid);
  return pitched.filter((_, n) => is[n]);
}

function shown(text: string): string {
  return printable(text.slice(0, LONGEST));
}
