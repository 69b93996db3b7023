/** What can be wished of a whole piece: its key, how dense it is, its style. */
import { KEYS, METERS, TEMPO_BOUNDS } from "../codecs/columns";
import { UgenError } from "../errors";
import { bisectLeft } from "../numbers";
import { isPrintable, printable } from "../text";
import type { Known as KnownWish } from "../types";
import { KEY_NAMES, keyName, parseKey } from "./key";

const MOST_LABELS = 128;
const LONGEST_LABEL = 64; // characters
const MOST = 2 ** 53; // pieces

/**
 * What can be wished of a piece. `field`: of SongSettings, as a record names it. `values`: what can
 * be asked for, in the order of their ids, which begin at 1; none where the music names them.
 * `numbers`: whether it measures a number. `needs`: music from which a model learns it.
 */
export interface Wish {
  readonly name: string;
  readonly field: string;
  readonly values: readonly string[];
  readonly numbers: boolean;
  readonly needs: string;
}

export const WISH_TABLE: readonly Wish[] = [
  { name: "key", field: "key", values: KEY_NAMES, numbers: false, needs: "any music" },
  {
    name: "density",
    field: "density",
    values: ["sparse", "medium", "dense"],
    numbers: true,
    needs: "music of which some is denser than other",
  },
  {
    name: "polyphony",
    field: "polyphony",
    values: ["low", "medium", "high"],
    numbers: true,
    needs: "music of few notes at once, and of many",
  },
  {
    name: "meter",
    field: "meter",
    values: METERS,
    numbers: false,
    needs: "music in several meters (--codec beats)",
  },
  {
    name: "tempo",
    field: "tempo",
    values: [
      `under ${TEMPO_BOUNDS[0]}`,
      ...TEMPO_BOUNDS.slice(1).map((high, n) => `${TEMPO_BOUNDS[n]}-${high}`),
      `over ${TEMPO_BOUNDS[TEMPO_BOUNDS.length - 1]}`,
    ],
    numbers: true,
    needs: "music of several tempos (--codec beats)",
  },
  {
    name: "label",
    field: "like",
    values: [],
    numbers: false,
    needs: "a folder with a sub-folder for each style, or --labels FILE.csv",
  },
];

export const BY_NAME = new Map(WISH_TABLE.map((wish) => [wish.name, wish]));

/** An option's text as a value of a wish. */
export function parseWish(name: string, text: string): string {
  return name === "key" ? keyName(parseKey(text)) : text;
}

/** What some music says of a wish. */
export class Known implements KnownWish {
  constructor(
    readonly name: string,
    readonly values: readonly string[],
    readonly counts: readonly number[],
    readonly bounds: readonly number[] = [],
  ) {
    const wish = BY_NAME.get(name);
    const isSame = wish?.values.length === 0 || wish?.values.join() === values.join();
    if (!wish || !isSame) {
      throw new UgenError(`${printable(name.slice(0, 80))}: no wish, or not of these values`);
    }
    const names = values.filter(
      (each) => each && [...each].length <= LONGEST_LABEL && isPrintable(each),
    );
    if (new Set(names).size < values.length || values.length > MOST_LABELS) {
      throw new UgenError(`${name}: at most ${MOST_LABELS} names, all different`);
    }
    if (counts.length !== values.length || !counts.every((n) => n >= 0 && n <= MOST)) {
      throw new UgenError(`${name}: counts are not those of ${values.length} values`);
    }
    const between = wish.numbers ? values.length - 1 : 0;
    const isRising = bounds.every((bound, n) => n === 0 || bounds[n - 1]! <= bound);
    if (bounds.length !== between || !isRising) {
      throw new UgenError(`${name}: bounds are not ${between} rising numbers`);
    }
  }

  /** The id of what somebody asks for; a number that no piece had leaves it open: 0. */
  ask(value: string | number): number {
    const id = this.idOf(value);
    if (id && (this.counts[id - 1] || this.name === "key")) return id;
    if (typeof value === "number") return 0;
    const known = this.values.filter((_, n) => this.counts[n]);
    throw new UgenError(`no training piece is so; the model knows ${known.join(", ")}`, {
      flag: `--${BY_NAME.get(this.name)!.field}`,
      value: printable(value.slice(0, 80)),
    });
  }

  private idOf(value: string | number): number {
    if (typeof value === "string") return this.values.indexOf(value) + 1;
    return value > 0 ? 1 + bisectLeft(this.bounds, value) : 0;
  }
}

/** One of each key, where a file does not say how often each occurs. */
export const ONE_OF_EACH_KEY = new Array<number>(KEYS).fill(1);
