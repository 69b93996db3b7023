/**
 * What a model is asked for when nobody says: a key and instruments as its music has them; and how
 * it is kept to its key.
 */
import { KEY_NAMES, parseKey } from "../../analysis/key";
import type { Card } from "../../modelFile/card";
import { median, modulo } from "../../numbers";
import { Rng } from "../../sampling/rng";

// in the random stream of a seed: far from the numbers that a song takes
const KEY_PLACE = 1n << 53n;
const ENSEMBLE_PLACE = KEY_PLACE + 1n;
const RAREST = 0.02; // of the median: a pitch class is not forbidden

/** A key, each as likely as it is in the training music. A seed has one. */
export function drawnKey(card: Card, seed: bigint): string {
  const { counts } = card.known.get("key")!;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const u = new Rng(seed, KEY_PLACE).uniform() * total;
  let sum = 0;
  const found = counts.findIndex((count) => {
    sum += count;
    return u < sum;
  });
  return KEY_NAMES[found < 0 ? KEY_NAMES.length - 1 : found]!;
}

/**
 * What is added to the logits, so that a song keeps its key: strength * ln(f / median) to a pitch
 * of a class of f notes, counted from the tonic. null where that is nothing.
 */
export function keyPull(card: Card, key: string, strength: number): Float32Array | null {
  const { tonic, minor } = parseKey(key);
  const found = card.pitchClasses(minor);
  if (!strength || !found.some((count) => count > 0)) return null;
  const usual = Math.max(median(found), 1);
  const rarity = found.map((count) => Math.log(Math.min(Math.max(count / usual, RAREST), 1)));
  return Float32Array.from(card.codec.pitches, (pitch) =>
    pitch >= 0 ? strength * rarity[modulo(pitch - tonic, 12)]! : 0,
  );
}

/** The instruments of a training piece; none where the file does not say. A seed has one. */
export function drawnEnsemble(card: Card, seed: bigint): readonly number[] {
  const { ensembles } = card;
  const u = new Rng(seed, ENSEMBLE_PLACE).uniform();
  return ensembles[Math.trunc(u * ensembles.length)] ?? [];
}
