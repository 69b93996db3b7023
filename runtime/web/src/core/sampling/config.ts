/** How the next token is sampled. */
import { UgenError } from "../errors";
import type { Sampling } from "../types";

type Bounds = { flag: string; low: number; high: number; whole?: boolean };

/** The fields, in the order of a record, each with its name there and its option. */
export const SAMPLING: Record<keyof Sampling, Bounds> = {
  temperature: { flag: "--temperature", low: 0, high: 10 },
  topK: { flag: "--top-k", low: 0, high: Number.MAX_SAFE_INTEGER, whole: true },
  topP: { flag: "--top-p", low: 0, high: 1 },
  minP: { flag: "--min-p", low: 0, high: 1 },
  repetitionPenalty: { flag: "--repetition-penalty", low: 1, high: 10 },
  keyStrength: { flag: "--key-strength", low: 0, high: 10 },
};

/** A field's name as Python and files write it. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Throw UgenError where a field is out of its bounds. */
export function checkSampling(sampling: Sampling): Sampling {
  for (const [name, { flag, low, high, whole }] of Object.entries(SAMPLING)) {
    const value = sampling[name as keyof Sampling];
    if (!(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new UgenError(`must be ${low} to ${high}`, { flag, value });
    }
  }
  if (sampling.topP === 0) {
    throw new UgenError("must be more than 0 and at most 1", { flag: "--top-p", value: 0 });
  }
  if (sampling.minP === 1) {
    throw new UgenError("must be 0 (off) or more, below 1", { flag: "--min-p", value: 1 });
  }
  return sampling;
}
