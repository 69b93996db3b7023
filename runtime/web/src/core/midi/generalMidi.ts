/** The instruments of General MIDI 1, by number, from 0 on, and by name. */
import { DRUMS } from "../codecs/beats/table";
import { UgenError } from "../errors";
import type { NoteRow } from "../score";
import { printable } from "../text";

export const NAMES: readonly string[] = [
  ...["acoustic grand piano", "bright acoustic piano", "electric grand piano", "honky-tonk piano"],
  ...["electric piano 1", "electric piano 2", "harpsichord", "clavinet"],
  ...["celesta", "glockenspiel", "music box", "vibraphone"],
  ...["marimba", "xylophone", "tubular bells", "dulcimer"],
  ...["drawbar organ", "percussive organ", "rock organ", "church organ"],
  ...["reed organ", "accordion", "harmonica", "tango accordion"],
  ...["acoustic guitar (nylon)", "acoustic guitar (steel)"],
  ...["electric guitar (jazz)", "electric guitar (clean)"],
  ...["electric guitar (muted)", "overdriven guitar", "distortion guitar", "guitar harmonics"],
  ...["acoustic bass", "electric bass (finger)", "electric bass (pick)", "fretless bass"],
  ...["slap bass 1", "slap bass 2", "synth bass 1", "synth bass 2"],
  ...["violin", "viola", "cello", "contrabass"],
  ...["tremolo strings", "pizzicato strings", "orchestral harp", "timpani"],
  ...["string ensemble 1", "string ensemble 2", "synth strings 1", "synth strings 2"],
  ...["choir aahs", "voice oohs", "synth voice", "orchestra hit"],
  ...["trumpet", "trombone", "tuba", "muted trumpet"],
  ...["french horn", "brass section", "synth brass 1", "synth brass 2"],
  ...["soprano sax", "alto sax", "tenor sax", "baritone sax"],
  ...["oboe", "english horn", "bassoon", "clarinet"],
  ...["piccolo", "flute", "recorder", "pan flute"],
  ...["blown bottle", "shakuhachi", "whistle", "ocarina"],
  ...["lead 1 (square)", "lead 2 (sawtooth)", "lead 3 (calliope)", "lead 4 (chiff)"],
  ...["lead 5 (charang)", "lead 6 (voice)", "lead 7 (fifths)", "lead 8 (bass + lead)"],
  ...["pad 1 (new age)", "pad 2 (warm)", "pad 3 (polysynth)", "pad 4 (choir)"],
  ...["pad 5 (bowed)", "pad 6 (metallic)", "pad 7 (halo)", "pad 8 (sweep)"],
  ...["fx 1 (rain)", "fx 2 (soundtrack)", "fx 3 (crystal)", "fx 4 (atmosphere)"],
  ...["fx 5 (brightness)", "fx 6 (goblins)", "fx 7 (echoes)", "fx 8 (sci-fi)"],
  ...["sitar", "banjo", "shamisen", "koto"],
  ...["kalimba", "bagpipe", "fiddle", "shanai"],
  ...["tinkle bell", "agogo", "steel drums", "woodblock"],
  ...["taiko drum", "melodic tom", "synth drum", "reverse cymbal"],
  ...["guitar fret noise", "breath noise", "seashore", "bird tweet"],
  ...["telephone ring", "helicopter", "applause", "gunshot"],
];
const ALSO = new Map([
  ["piano", 0],
  ["drums", DRUMS],
  ["drum kit", DRUMS],
]);
const MOST = 6; // names that a message lists

/** The number of an instrument by its number or name; a part of a name that no other has will do. */
export function instrument(text: string, flag: string): number {
  const wanted = text.toLowerCase().trim().split(/\s+/).join(" ");
  if (/^\d+$/.test(wanted) && Number(wanted) < NAMES.length) return Number(wanted);
  const known = ALSO.get(wanted) ?? NAMES.indexOf(wanted);
  if (known >= 0) return known;
  const found = wanted ? NAMES.flatMap((name, n) => (name.includes(wanted) ? [n] : [])) : [];
  if (found.length === 1) return found[0]!;
  const shown = `'${printable(text.trim().slice(0, 80))}'`;
  if (!found.length) {
    const known = "0 to 127, drums, or a name of General MIDI, such as acoustic bass";
    throw new UgenError(`${shown} is no instrument; ${known}`, { flag });
  }
  const names = found.slice(0, MOST).map((n) => NAMES[n]).join(", ");
  const more = found.length > MOST ? ", ..." : "";
  throw new UgenError(`${shown} may be ${names}${more}; say which`, { flag });
}

/** Its name. */
export function instrumentName(number: number): string {
  return number === DRUMS ? "drums" : NAMES[number]!;
}

/** The number of a note's instrument, DRUMS of drums. */
export function instrumentOf({ drum, program }: NoteRow): number {
  return drum ? DRUMS : program;
}

/** The instruments of some notes, in order of their numbers. */
export function instrumentsIn(notes: readonly NoteRow[]): number[] {
  return rising(notes.map(instrumentOf));
}

/** Each number once, in order. */
export function rising(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
