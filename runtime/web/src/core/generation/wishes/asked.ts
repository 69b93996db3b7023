/** What a song is asked to be: a user's texts as ids of a model's columns. */
import { BY_NAME, type Known, parseWish } from "../../analysis/wishes";
import { UgenError } from "../../errors";
import type { Card } from "../../modelFile/card";
import { Rng } from "../../sampling/rng";
import { printable } from "../../text";

const PLACE = 1n << 54n; // in the random stream of a seed: far from the numbers that a song takes
export const STEPS = 256; // that count as a bar of a mix where the codec has none
const NUMBER = /^\s*\+?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/;

/** Weights by id. */
export type Mix = ReadonlyMap<number, number>;

/** The ids asked for, each with its weight: of labels several, as in rag:0.7,waltz:0.3. */
export function mixOf(known: Known, text: string): Mix {
  if (BY_NAME.get(known.name)!.values.length || known.values.includes(text)) {
    return new Map([[known.ask(parseWish(known.name, text)), 1]]);
  }
  const mix = new Map<number, number>();
  for (const part of text.split(",")) {
    const at = part.lastIndexOf(":");
    const [name, weight] = at < 0 ? [part, "1"] : [part.slice(0, at), part.slice(at + 1)];
    const number = NUMBER.test(weight) ? Number(weight) : Number.NaN;
    if (!(number > 0 && number < 1e6)) {
      const reason = "must be a name, or names with weights, as in rag:0.7,waltz:0.3";
      throw new UgenError(reason, { flag: "--like", value: printable(text.slice(0, 80)) });
    }
    mix.set(known.ask(name.trim()), number);
  }
  return mix;
}

/** The id that holds in a bar, each as likely as its weight. A bar of a seed has one. */
export function drawn(mix: Mix, seed: bigint, bar: number): number {
  const total = [...mix.values()].reduce((sum, weight) => sum + weight, 0);
  const u = mix.size > 1 ? new Rng(seed, PLACE + BigInt(bar)).uniform() * total : 0;
  let sum = 0;
  for (const [id, weight] of mix) {
    sum += weight;
    if (u < sum) return id;
  }
  throw new Error("unreachable: u is less than the sum");
}

/** What a model knows of a wish. Throws UgenError where it has no column for it. */
export function requireKnown(card: Card, name: string): Known {
  const known = card.known.get(name);
  if (known) return known;
  const { field, needs } = BY_NAME.get(name)!;
  const reason = `the model has no column ${name}; train-ugen makes one that has it, from ${needs}`;
  throw new UgenError(reason, { flag: `--${field}` });
}

/** Throw UgenError unless a model knows chords. */
export function requireChords(card: Card): void {
  const flag = "--chords";
  if (!card.codec.hasBars) {
    const reason = `the ${card.codec.name} codec knows seconds only, no bars of chords`;
    throw new UgenError(reason, { flag });
  }
  if (!card.knowsChords) {
    const reason = "the model has no column chord; train-ugen --columns all makes one that has it";
    throw new UgenError(reason, { flag });
  }
}
