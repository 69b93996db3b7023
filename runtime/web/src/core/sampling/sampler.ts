/**
 * Sample the next step from a model's logits, in float64: a token, or the keys of a vector that
 * sound. Every operation is fixed (docs/model-format.md, "Sampling a token"), so that any
 * implementation samples the same from the same logits.
 */
import { bisectLeft, bisectRight } from "../numbers";
import type { Sampling } from "../types";
import type { Rng } from "./rng";

export const WINDOW = 32; // notes that a repetition penalty remembers
// Logits are float32: all temperatures under this one sample the same, and dividing by a much
// smaller one would overflow.
const COLDEST = 1e-250;

/** true or 1: may come. */
export type Mask = Uint8Array;

/** Samples tokens. `onsetTokens`: the tokens that a repetition penalty applies to. */
export class Sampler {
  /** The last onset tokens. */
  recentOnsets: readonly number[] = [];
  private readonly weights: Float64Array;
  private readonly sums: Float64Array;
  private readonly certain: number;
  private readonly onsetTokens: Mask | null;

  constructor(
    vocabulary: number,
    private readonly sampling: Sampling,
    onsetTokens: Mask,
  ) {
    this.weights = new Float64Array(vocabulary);
    this.sums = new Float64Array(vocabulary);
    // a token of more than 1 - p of the total is certainly kept by top-p
    this.certain = sampling.topK === 0 && sampling.minP === 0 ? 1 - sampling.topP : 2;
    this.onsetTokens = sampling.repetitionPenalty > 1 ? onsetTokens : null;
  }

  /** A token id from logits and mask. */
  sample(logits: Float32Array, mask: Mask, rng: Rng): number {
    const { weights, sums } = this;
    const { temperature } = this.sampling;
    if (temperature === 0) return this.remembered(this.likeliest(logits, mask));
    this.weigh(logits, mask, largest(logits, null));
    if (sums[sums.length - 1]! < 1e-250) {
      // the mask forbids all that the model thinks possible
      this.weigh(logits, mask, largest(logits, mask));
    }
    const token = this.pick(rng);
    const isCertain = weights[token]! > this.certain * sums[sums.length - 1]!;
    return this.remembered(isCertain ? token : this.amongKept(token, rng));
  }

  /** The weights and their running sums. `top`: the logit that has the weight 1. */
  private weigh(logits: Float32Array, mask: Mask, top: number): void {
    const { weights } = this;
    const temperature = Math.max(this.sampling.temperature, COLDEST);
    for (let n = 0; n < weights.length; n++) {
      weights[n] = mask[n] ? Math.exp((logits[n]! - top) / temperature) : 0;
    }
    for (const onset of new Set(this.recentOnsets)) {
      weights[onset]! /= this.sampling.repetitionPenalty;
    }
    this.accumulate();
  }

  private accumulate(): void {
    let sum = 0;
    for (let n = 0; n < this.weights.length; n++) {
      sum += this.weights[n]!;
      this.sums[n] = sum;
    }
  }

  private likeliest(logits: Float32Array, mask: Mask): number {
    const scores = Float64Array.from(logits, (logit, n) => (mask[n] ? logit : -Infinity));
    const less = Math.log(this.sampling.repetitionPenalty);
    for (const onset of new Set(this.recentOnsets)) scores[onset]! -= less;
    let best = 0;
    for (let n = 1; n < scores.length; n++) if (scores[n]! > scores[best]!) best = n;
    return best;
  }

  /** The token, remembered if it is an onset. */
  private remembered(token: number): number {
    if (this.onsetTokens?.[token]) {
      this.recentOnsets = [...this.recentOnsets.slice(1 - WINDOW), token];
    }
    return token;
  }

  /** The first id at which the running sum exceeds u times the whole. */
  private pick(rng: Rng): number {
    const { sums } = this;
    const all = sums[sums.length - 1]!;
    const token = bisectRight(sums, rng.uniform() * all);
    // u times the whole can round up to the whole: then the last id with any weight
    return token < sums.length ? token : bisectLeft(sums, all);
  }

  /** The token if top-k, top-p and min-p keep it, else another among those that they keep. */
  private amongKept(token: number, rng: Rng): number {
    const { weights, sampling } = this;
    let most = 0;
    for (const weight of weights) most = Math.max(most, weight);
    let least = sampling.minP * most;
    if (sampling.topK > 0 && sampling.topK < weights.length) {
      const rising = weights.slice().sort();
      least = Math.max(least, rising[rising.length - sampling.topK]!);
    }
    if (sampling.topP < 1) least = this.leastOfTopP(least);
    if (weights[token]! >= least) return token;
    for (let n = 0; n < weights.length; n++) if (weights[n]! < least) weights[n] = 0;
    this.accumulate();
    return this.pick(rng);
  }

  private leastOfTopP(least: number): number {
    const falling = this.weights.filter((weight) => weight >= least).sort().reverse();
    const sums = new Float64Array(falling.length);
    let sum = 0;
    for (let n = 0; n < falling.length; n++) sums[n] = sum += falling[n]!;
    return falling[bisectLeft(sums, this.sampling.topP * sum)]!;
  }
}

/** The largest logit, of those that the mask allows. */
function largest(logits: Float32Array, mask: Mask | null): number {
  let top = -Infinity;
  for (let n = 0; n < logits.length; n++) {
    if ((!mask || mask[n]) && logits[n]! > top) top = logits[n]!;
  }
  return top;
}

/** Which keys sound, from logits and a u of each key. */
export function sampleKeys(logits: Float32Array, sampling: Sampling, u: Float64Array): Mask {
  const { temperature, topP, minP, topK } = sampling;
  const keys = new Uint8Array(logits.length);
  if (temperature === 0) {
    for (let n = 0; n < keys.length; n++) keys[n] = Number(logits[n]! > 0);
  } else {
    const chances = Float64Array.from(logits, (logit) => {
      const score = Math.min(Math.max(logit / Math.max(temperature, COLDEST), -700), 700);
      const chance = 1 / (1 + Math.exp(-score));
      if (topP === 1) return chance;
      return chance < 1 - topP ? 0 : chance > topP ? 1 : chance;
    });
    const least = minP * chances.reduce((most, each) => Math.max(most, each), 0);
    for (let n = 0; n < keys.length; n++) {
      keys[n] = Number(u[n]! < (chances[n]! < least ? 0 : chances[n]!));
    }
  }
  if (topK > 0 && topK < keys.length) {
    const scores = temperature === 0 ? logits : scaled(logits, temperature);
    const kth = Float64Array.from(scores).sort()[scores.length - topK]!;
    for (let n = 0; n < keys.length; n++) if (scores[n]! < kth) keys[n] = 0;
  }
  return keys;
}

function scaled(logits: Float32Array, temperature: number): Float64Array {
  const divisor = Math.max(temperature, COLDEST);
  return Float64Array.from(logits, (logit) => Math.min(Math.max(logit / divisor, -700), 700));
}
