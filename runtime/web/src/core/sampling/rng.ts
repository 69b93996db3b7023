/**
 * The random stream behind every song: SplitMix64 (Steele, Lea and Flood 2014), the same numbers in
 * every language. Its n-th number is a function of the seed and n alone, so a stream can be entered
 * anywhere.
 */

const GOLDEN = 0x9e3779b97f4a7c15n;
const MASK = (1n << 64n) - 1n;

/** The finalizer of SplitMix64, of 64 bits. */
export function mix(word: bigint): bigint {
  let z = word;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

/** The stream of a seed, from its number `position` on. */
export class Rng {
  readonly seed: bigint;
  private word: bigint;

  constructor(seed: bigint, position = 0n) {
    this.seed = seed & MASK;
    this.word = (this.seed + position * GOLDEN) & MASK;
  }

  /** The next number: float64 in [0, 1), from the upper 53 bits. */
  uniform(): number {
    this.word = (this.word + GOLDEN) & MASK;
    return Number(mix(this.word) >> 11n) * 2 ** -53;
  }

  /** The next `count` numbers. */
  uniforms(count: number): Float64Array {
    return Float64Array.from({ length: count }, () => this.uniform());
  }
}
