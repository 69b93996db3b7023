/** Writes a bar of a voice as MusicXML. */
import type { Bar } from "./bars";
import { symbols, type WrittenSymbol } from "./measure";
import type { Part } from "./parts";
import { drum } from "./percussion";
import type { Spelling } from "./spelling";
import type { Chord } from "./voices";

/** What of a note only some have. */
interface Extras {
  readonly accidental?: string;
  readonly head?: string;
  readonly isChord?: boolean;
}

export class VoiceWriter {
  private readonly voice: string;
  private readonly staff: string;

  /** `accidentals`: by onset * 128 + pitch. */
  constructor(
    private readonly part: Part,
    private readonly name: string,
    staff: number,
    voice: number,
    private readonly spelling: Spelling,
    private readonly accidentals: ReadonlyMap<number, string>,
  ) {
    this.voice = `<voice>${voice}</voice>`;
    this.staff = part.staves.length > 1 ? `<staff>${staff}</staff>` : "";
  }

  /** Its notes, and its rests; of a voice beside the main one, only those in triplets. */
  *write(chords: readonly Chord[], bar: Bar, isMain: boolean): Generator<string> {
    if (!chords.length && !bar.lacks) {
      // rests of whole bars are read as long as the meter says
      yield `<note><rest measure="yes"/><duration>${bar.length}</duration>${this.voice}`;
      yield `${this.staff}</note>\n`;
      return;
    }
    let [now, gap] = [bar.start, 0];
    for (const symbol of symbols(chords, bar, !this.part.drums)) {
      if (symbol.pitches.length || isMain || symbol.piece.triplet) {
        yield this.forward(gap);
        gap = 0;
        yield* this.notes(symbol, now);
      } else {
        gap += symbol.length;
      }
      now += symbol.length;
    }
    yield this.forward(gap);
  }

  private forward(steps: number): string {
    if (!steps) return "";
    return `<forward><duration>${steps}</duration>${this.voice}${this.staff}</forward>\n`;
  }

  /** The notes of a chord, or a rest. */
  private *notes(symbol: WrittenSymbol, now: number): Generator<string> {
    if (!symbol.pitches.length) yield `<note><rest/>${this.rest(symbol, null, {})}`;
    for (const [n, pitch] of symbol.pitches.entries()) {
      yield this.part.drums ? this.hit(symbol, pitch, n > 0) : this.pitched(symbol, pitch, n > 0, now);
    }
  }

  private hit(symbol: WrittenSymbol, pitch: number, isChord: boolean): string {
    const { letter, octave, head } = drum(pitch);
    const shown = head === "normal" ? "" : `<notehead>${head}</notehead>`;
    return (
      `<note>${isChord ? "<chord/>" : ""}<unpitched><display-step>${letter}</display-step>` +
      `<display-octave>${octave}</display-octave></unpitched>` +
      this.rest(symbol, pitch, { head: shown, isChord })
    );
  }

  private pitched(symbol: WrittenSymbol, pitch: number, isChord: boolean, now: number): string {
    const { letter, alter, octave } = this.spelling.pitches[pitch]!;
    const altered = alter ? `<alter>${alter}</alter>` : "";
    const later = symbol.tiedTo.has(pitch) ? 0 : symbol.released.get(pitch)!;
    const release = later ? ` release="${later}"` : "";
    const sign = symbol.tiedFrom.has(pitch) ? "" : (this.accidentals.get(now * 128 + pitch) ?? "");
    const accidental = sign && `<accidental>${sign}</accidental>`;
    return (
      `<note${release}>${isChord ? "<chord/>" : ""}<pitch><step>${letter}</step>${altered}` +
      `<octave>${octave}</octave></pitch>${this.rest(symbol, pitch, { accidental, isChord })}`
    );
  }

  /** All that follows a note's pitch, in the order that the schema wants. */
  private rest(symbol: WrittenSymbol, pitch: number | null, extras: Extras): string {
    const { accidental = "", head = "", isChord = false } = extras;
    const { piece, beams, length } = symbol;
    const stops = pitch !== null && symbol.tiedFrom.has(pitch);
    const starts = pitch !== null && symbol.tiedTo.has(pitch);
    const both = (name: string) =>
      `${stops ? `<${name} type="stop"/>` : ""}${starts ? `<${name} type="start"/>` : ""}`;
    const isDrum = this.part.drums !== null && pitch !== null;
    const instrument = isDrum ? `<instrument id="${this.name}-I${pitch + 1}"/>` : "";
    const notations = both("tied") + (isChord ? "" : tuplets(symbol));
    const beamed = beams.map((each, n) => `<beam number="${n + 1}">${each}</beam>`).join("");
    return (
      `<duration>${length}</duration>${both("tie")}${instrument}${this.voice}` +
      `<type>${piece.kind}</type>${"<dot/>".repeat(piece.dots)}${accidental}` +
      `${modification(symbol)}${head}${this.staff}${isChord ? "" : beamed}` +
      `${notations && `<notations>${notations}</notations>`}</note>\n`
    );
  }
}

function modification({ piece: { isTriplet, triplet, kind } }: WrittenSymbol): string {
  if (!isTriplet) return "";
  const isOther = triplet !== null && triplet.kind !== kind;
  const normal = isOther ? `<normal-type>${triplet.kind}</normal-type>` : "";
  return (
    "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>" +
    `${normal}</time-modification>`
  );
}

function tuplets({ piece: { start, end, triplet } }: WrittenSymbol): string {
  const begins = start === triplet?.start ? '<tuplet type="start" bracket="yes"/>' : "";
  return begins + (end === triplet?.end ? '<tuplet type="stop"/>' : "");
}
