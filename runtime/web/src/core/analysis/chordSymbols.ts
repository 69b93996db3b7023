/**
 * Chords and their symbols, as musicians write them: `Am | F | C G | N.C.`
 *
 * A chord is a number: 0 is no chord, then 1 + 12 * quality + root, qualities as in QUALITIES and
 * roots from 0 for C to 11. A progression is a list of bars, each of one to four chords.
 */
import { UgenError } from "../errors";
import { modulo } from "../numbers";
import { type Key, keyOfSounding } from "./key";

const NO_CHORD = 0;
// how each quality is written after a root, and its semitones from there up
const QUALITIES: readonly (readonly [string, readonly number[]])[] = [
  ["", [0, 4, 7]],
  ["m", [0, 3, 7]],
  ["dim", [0, 3, 6]],
  ["aug", [0, 4, 8]],
  ["7", [0, 4, 7, 10]],
  ["maj7", [0, 4, 7, 11]],
  ["m7", [0, 3, 7, 10]],
  ["m7b5", [0, 3, 6, 10]],
  ["dim7", [0, 3, 6, 9]],
  ["sus4", [0, 5, 7]],
];
const NAMES = QUALITIES.map(([name]) => name);
const ROOTS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const MOST_IN_BAR = 4;
const MOST_BARS = 500;
const LONGEST = 32; // characters of a symbol: some of many could be matched in too many ways
const FLAG = "--chords";

// spellings of the same, in the order in which they are replaced
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/[(),]/g, ""],
  [/♯/g, "#"],
  [/♭/g, "b"],
  [/[–−]/g, "-"],
  [/-(?=5|9)/g, "b"],
  [/\+(?=5|9|11)/g, "#"],
  [/[Δ△]7?/g, "^7"],
  [/maj|Maj|ma|M/g, "^"],
  [/min|mi|-/g, "m"],
  [/[øØ]7?/g, "m7b5"],
  [/°|º|(?<!n)o(?!m)/g, "dim"],
  [/\+/g, "aug"],
  [/sus(?![24])/g, "sus4"],
  [/^(m?\^?)(?=9|11|13)/g, "$&7add"],
  [/^alt/g, "7alt"],
];
// the beginnings of what stands after a root, longest first, and their qualities
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ["m7b5", "m7b5"],
  ["dim7", "dim7"],
  ["sus2", "sus2"],
  ["sus4", "sus4"],
  ["dim", "dim"],
  ["mb5", "dim"],
  ["aug", "aug"],
  ["m7", "m7"],
  ["^7", "maj7"],
  ["#5", "aug"],
  ["m", "m"],
  ["7", "7"],
  ["4", "sus4"],
  ["^", ""],
  ["", ""],
];
const MORE =
  /^(?:(?:\^?(?:2|4|5|6|7|9|11|13)|\/9|add[#b]?\d+|sus[24]|[#b]\d+|no\d|omit\d|alt))*$/;
const SYMBOL = /^([A-G])([#♯]{1,2}|[b♭]{1,2}|)(.*?)(\/[A-G](?:[#♯]|[b♭])?)?$/s;

/**
 * The chords of bars with | between them; without any |, one bar for each chord.
 *
 * A bar has one to four chords; % repeats the bar before, and / the chord before. Throws UgenError
 * that names what is wrong, and what would do.
 */
export function parseChords(text: string): number[][] {
  let parts = text.includes("|") ? text.split("|") : words(text);
  if (text.includes("|")) {
    // lines before the first bar and after the last
    const first = parts[0]!.trim() ? 0 : 1;
    parts = parts.slice(first, parts.length - (parts.at(-1)!.trim() ? 0 : 1));
  }
  if (!parts.length) throw wrong("has no chords; write bars, as in Am | F | C G | Am");
  if (parts.length > MOST_BARS) {
    throw wrong(`has ${parts.length} bars; ${MOST_BARS} are the most`);
  }
  const bars: number[][] = [];
  parts.forEach((part, n) => bars.push(parseBar(words(part), n + 1, bars.at(-1))));
  return bars;
}

function parseBar(symbols: string[], number: number, before: number[] | undefined): number[] {
  if (!symbols.length) {
    throw wrong(`bar ${number} is empty; write % to repeat the bar before it, or N.C.`);
  }
  if (symbols.length === 1 && symbols[0] === "%" && before) return before;
  if (symbols.length > MOST_IN_BAR) {
    throw wrong(`bar ${number} has ${symbols.length} chords; ${MOST_IN_BAR} are the most`);
  }
  const chords: number[] = [];
  for (const symbol of symbols) {
    chords.push(symbol === "/" && chords.length ? chords.at(-1)! : parseChord(symbol));
  }
  return chords;
}

/** The chord of a symbol. Throws UgenError. */
function parseChord(symbol: string): number {
  if (["N.C.", "N.C", "NC"].includes(symbol.toUpperCase())) return NO_CHORD;
  const characters = Array.from(symbol);
  const found = characters.length <= LONGEST ? SYMBOL.exec(symbol) : null;
  let quality = found && qualityOf(found[3]!);
  if (!found || quality === null) {
    const hint = /^[Hh]/.test(symbol) ? " (German H is B, and B is Bb)" : "";
    const reason =
      `no chord symbol${hint}; write a capital from A to G and a quality such as m, 7, maj7, ` +
      "m7, dim, m7b5, aug or sus4, as in F#m7, or N.C.";
    throw new UgenError(reason, { flag: FLAG, value: characters.slice(0, 80).join("") });
  }
  const signs = found[2]!;
  let root = ROOTS.indexOf(found[1]!) + signs.length * (/^[#♯]/.test(signs) ? 1 : -1);
  if (quality === "sus2") {
    quality = "sus4"; // it has the notes of another sus4
    root += 7;
  }
  return 1 + 12 * NAMES.indexOf(quality) + modulo(root, 12);
}

/** The quality of what stands after a root, null where it is unknown. */
function qualityOf(written: string): string | null {
  for (const [spelling, meaning] of SPELLINGS) written = written.replace(spelling, meaning);
  const sus = /sus[24]/.exec(written);
  if (sus) written = sus[0] + written.replace(sus[0], "");
  const [start, quality] = BEGINNINGS.find(([each]) => written.startsWith(each))!;
  return MORE.test(written.slice(start.length)) ? quality : null;
}

/** The likeliest key of chords, each as long as the others of its bar. */
export function chordsKey(bars: readonly (readonly number[])[]): Key {
  const sounding = new Array<number>(12).fill(0);
  for (const bar of bars) {
    bar.forEach((chord, part) => {
      if (chord === NO_CHORD) return;
      const length =
        Math.floor((12 * (part + 1)) / bar.length) - Math.floor((12 * part) / bar.length);
      const tones = QUALITIES[Math.floor((chord - 1) / 12)]![1];
      for (const tone of tones) sounding[(((chord - 1) % 12) + tone) % 12]! += length;
    });
  }
  return keyOfSounding(sounding);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word);
}

function wrong(reason: string): UgenError {
  return new UgenError(reason, { flag: FLAG });
}
