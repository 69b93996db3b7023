/** Scores as MusicXML 4.0 (W3C, 2021), for notation programs. As data/render/musicxml.py. */
import type { Key } from "../analysis/key";
import { GRID } from "../codecs/beats/table";
import { CodecError } from "../errors";
import { DRUM_CHANNEL } from "../midi/drums";
import type { Score } from "../score";
import { grouped, printable, roundHalfEven } from "../text";
import { type Bar, barsOf, quantized } from "./bars";
import { Voice } from "./measure";
import { type Clef, type Part, partsOf } from "./parts";
import { drum } from "./percussion";
import { Spelling } from "./spelling";
import { type Chord, MOST } from "./voices";
import { VoiceWriter } from "./voiceWriter";

const MOST_MEASURES = 1_000_000; // of all parts; bounds the size of the file
const NOTICEABLE = 0.06; // the change of tempo from which a mark says so
const CHANNELS = Array.from({ length: 16 }, (_, n) => n).filter((n) => n !== DRUM_CHANNEL);
const HEAD = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
`;

/**
 * A score as a file: on the grid of the beats codec, each program a part, keyboards in two staves.
 * `key`: that of the signature and the accidentals. Notes are as long as they read well, and have
 * attributes that say when they are released. Throws CodecError for music that lasts too long for
 * its notes.
 */
export function musicXml(score: Score, title: string, key: Key, padTicks: number): string {
  const music = quantized(score);
  const last = music.endTick + Math.floor((padTicks * GRID) / score.ticksPerBeat);
  const bars = barsOf(music, last);
  const parts = [...partsOf(music, bars)];
  if (bars.length * parts.length > MOST_MEASURES) {
    const many = `has ${grouped(parts.length)} parts of ${grouped(bars.length)} bars`;
    throw new CodecError(`${many}; ${grouped(MOST_MEASURES)} are the most, all together`);
  }
  const spelling = new Spelling(key);
  const text = [HEAD, ...header(parts, printable(title))];
  for (const [n, part] of parts.entries()) {
    const tempos = n ? new Map<number, string>() : temposOf(music, bars);
    text.push(`<part id="P${n + 1}">\n`);
    text.push(...measures(part, `P${n + 1}`, bars, tempos, spelling), "</part>\n");
  }
  return [...text, "</score-partwise>\n"].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** All before the first part. */
function* header(parts: readonly Part[], title: string): Generator<string> {
  yield `<work><work-title>${escaped(title)}</work-title></work>\n`;
  yield "<identification><encoding><software>ugen</software></encoding></identification>\n";
  yield "<part-list>\n";
  let pitched = 0;
  for (const [n, part] of parts.entries()) {
    const channel = part.drums ? DRUM_CHANNEL : CHANNELS[pitched++ % CHANNELS.length]!;
    yield* instruments(part, `P${n + 1}`, channel);
  }
  yield "</part-list>\n";
}

function* instruments(part: Part, name: string, channel: number): Generator<string> {
  yield `<score-part id="${name}"><part-name>${escaped(part.name)}</part-name>\n`;
  // the name of each instrument, and what it plays: a drum by its key
  const known = part.drums?.map((key) => ({ key, words: drum(key).name })) ?? [
    { key: null, words: part.name },
  ];
  const id = (key: number | null) => `${name}-I${(key ?? 0) + 1}`;
  for (const { key, words } of known) {
    yield `<score-instrument id="${id(key)}"><instrument-name>${escaped(words)}</instrument-name>`;
    yield "</score-instrument>\n";
  }
  for (const { key } of known) {
    const unpitched = key === null ? "" : `<midi-unpitched>${key + 1}</midi-unpitched>`;
    yield `<midi-instrument id="${id(key)}"><midi-channel>${channel + 1}</midi-channel>`;
    yield `<midi-program>${part.program + 1}</midi-program>${unpitched}</midi-instrument>\n`;
  }
  yield "</score-part>\n";
}

/** The tempos that begin in each bar, by its number. */
function temposOf(score: Score, bars: readonly Bar[]): Map<number, string> {
  const found = new Map<number, string>();
  let [number, shown] = [0, 0];
  for (const [tick, usec] of score.tempos) {
    while (number < bars.length && bars[number]!.end <= tick) number++;
    const bar = bars[number];
    if (!bar) break;
    const tempo = 60e6 / usec;
    const isNoticed = !shown || Math.abs(tempo / shown - 1) >= NOTICEABLE;
    if (isNoticed) shown = tempo;
    const mark = tempoMark(tempo, tick - bar.start, bar.meter.beat === 36, isNoticed);
    found.set(number, (found.get(number) ?? "") + mark);
  }
  return found;
}

function tempoMark(tempo: number, offset: number, isDotted: boolean, isShown: boolean): string {
  const sound = `<sound tempo="${sixDigits(tempo)}"`;
  if (!isShown) return `${sound}><offset>${offset}</offset></sound>\n`;
  const dot = isDotted ? "<beat-unit-dot/>" : "";
  const beats = roundHalfEven(tempo / (isDotted ? 1.5 : 1));
  return (
    '<direction placement="above"><direction-type><metronome>' +
    `<beat-unit>quarter</beat-unit>${dot}<per-minute>${beats}</per-minute></metronome>` +
    `</direction-type><offset sound="yes">${offset}</offset><staff>1</staff>${sound}/>` +
    "</direction>\n"
  );
}

/** A number with six decimals, of two equally near the even one, as Python rounds. */
function sixDigits(value: number): string {
  const isBetween = Number.isInteger(value * 128) && (value * 128) % 2 === 1;
  return (isBetween ? roundHalfEven(value * 1e6) / 1e6 : value).toFixed(6);
}

/** The bars of a part. */
function* measures(
  part: Part,
  name: string,
  bars: readonly Bar[],
  tempos: ReadonlyMap<number, string>,
  spelling: Spelling,
): Generator<string> {
  const staves = part.staves.map(({ voices }) => voices.map((chords) => new Voice(chords)));
  let [whole, partial] = [0, 0];
  for (const [n, bar] of bars.entries()) {
    whole += Number(!bar.lacks);
    partial += Number(bar.lacks > 0 && !bar.isPickup);
    const label = bar.isPickup ? "0" : bar.lacks ? `X${partial}` : String(whole);
    yield `<measure number="${label}"${bar.lacks ? ' implicit="yes"' : ""}>\n`;
    yield attributes(part, bar, bars[n - 1], spelling);
    yield tempos.get(n) ?? "";
    yield* contents(part, name, bar, staves, spelling);
    if (n === bars.length - 1) {
      yield '<barline location="right"><bar-style>light-heavy</bar-style></barline>\n';
    }
    yield "</measure>\n";
  }
}

/** What holds from this bar on: at the beginning all, later a change of meter. */
function attributes(part: Part, bar: Bar, before: Bar | undefined, spelling: Spelling): string {
  const { numerator, denominator } = bar.meter;
  const time = `<time><beats>${numerator}</beats><beat-type>${denominator}</beat-type></time>`;
  if (before) {
    const isSame = before.meter.is(numerator, denominator);
    return isSame ? "" : `<attributes>${time}</attributes>\n`;
  }
  const { fifths, mode } = spelling;
  const signature = `<fifths>${fifths}</fifths><mode>${mode}</mode>`;
  const key = `<key>${part.drums ? "<fifths>0</fifths>" : signature}</key>`;
  const count = part.staves.length > 1 ? `<staves>${part.staves.length}</staves>` : "";
  const clefs = part.staves.map(({ clef }, n) => clefOf(n + 1, clef)).join("");
  return `<attributes><divisions>${GRID}</divisions>${key}${time}${count}${clefs}</attributes>\n`;
}

function clefOf(number: number, clef: Clef): string {
  const line = clef.line ? `<line>${clef.line}</line>` : "";
  const change = `<clef-octave-change>${clef.octaves}</clef-octave-change>`;
  const octaves = clef.octaves ? change : "";
  return `<clef number="${number}"><sign>${clef.sign}</sign>${line}${octaves}</clef>`;
}

/**
 * The voices of a bar, the one after the other. Those that are heard in it get the first numbers of
 * their staff.
 */
function* contents(
  part: Part,
  name: string,
  bar: Bar,
  staves: readonly (readonly Voice[])[],
  spelling: Spelling,
): Generator<string> {
  for (const [staff, voices] of staves.entries()) {
    const found = voices.map((voice) => voice.within(bar)).filter((chords) => chords.length);
    const heard = found.length ? found : [[]];
    const accidentals = accidentalsOf(heard.flat(), spelling);
    for (const [n, chords] of heard.entries()) {
      if (staff || n) yield `<backup><duration>${bar.length}</duration></backup>\n`;
      const voice = staff * MOST + n + 1;
      const writer = new VoiceWriter(part, name, staff + 1, voice, spelling, accidentals);
      yield* writer.write(chords, bar, n === 0);
    }
  }
}

/** The accidentals of a staff's bar, by onset and pitch. */
function accidentalsOf(chords: readonly Chord[], spelling: Spelling): Map<number, string> {
  spelling.beginBar();
  const starts = chords.flatMap(({ start, pitches, tiedFrom }) =>
    pitches.filter((pitch) => !tiedFrom.has(pitch)).map((pitch) => start * 128 + pitch),
  );
  starts.sort((a, b) => a - b);
  return new Map(starts.map((start) => [start, spelling.accidental(start % 128)]));
}
