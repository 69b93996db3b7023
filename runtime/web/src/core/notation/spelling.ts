/** How pitches are written in a key. */
import { accidentals, type Key } from "../analysis/key";
import { modulo } from "../numbers";

// the twelve notes of a key, in fifths from its tonic: in major from the minor third to the raised
// fifth, in minor from the Neapolitan second to the raised fourth
const LOWEST = { major: -3, minor: -5 };
const NAMES = ["flat-flat", "flat", "natural", "sharp", "double-sharp"]; // from two flats on

/** A pitch on paper. `alter`: its sharps, or below 0 its flats. */
export interface WrittenPitch {
  readonly letter: string;
  readonly alter: number;
  readonly octave: number;
}

/** The spelling of a key. `fifths`: the sharps of its signature, or below 0 the flats. */
export class Spelling {
  readonly fifths: number;
  readonly mode: "major" | "minor";
  readonly pitches: readonly WrittenPitch[];
  private readonly signature = new Map<string, number>();
  private readonly altered = new Map<string, number>();

  constructor(key: Key) {
    this.fifths = accidentals(key);
    this.mode = key.minor ? "minor" : "major";
    const lowest = this.fifths + (key.minor ? 3 : 0) + LOWEST[this.mode];
    const classes = new Map<number, { letter: string; alter: number }>();
    for (let fifth = lowest; fifth < lowest + 12; fifth++) {
      classes.set(modulo(7 * fifth, 12), spelled(fifth));
    }
    this.pitches = Array.from({ length: 128 }, (_, pitch) => {
      const { letter, alter } = classes.get(pitch % 12)!;
      return { letter, alter, octave: Math.floor((pitch - alter) / 12) - 1 };
    });
    for (let fifth = this.fifths - 1; fifth < this.fifths + 6; fifth++) {
      const { letter, alter } = spelled(fifth);
      this.signature.set(letter, alter);
    }
  }

  /** From here on the signature alone holds. */
  beginBar(): void {
    this.altered.clear();
  }

  /**
   * The accidental that the next note needs; none where the key or an earlier note in the bar has it.
   */
  accidental(pitch: number): string {
    const { letter, alter, octave } = this.pitches[pitch]!;
    const place = `${letter}${octave}`;
    if ((this.altered.get(place) ?? this.signature.get(letter)) === alter) return "";
    this.altered.set(place, alter);
    return NAMES[alter + 2]!;
  }
}

/** A note so many fifths above C. */
function spelled(fifths: number): { letter: string; alter: number } {
  return { letter: "FCGDAEB"[modulo(fifths + 1, 7)]!, alter: Math.floor((fifths + 1) / 7) };
}
