/** What may follow what in the `beats` codec: masks, made once per table. */
import type { Mask } from "../../sampling/sampler";
import { type CodecEvent, maskOf } from "../base";
import { DRUMS, LONGEST_SHIFT } from "./table";

const NOTE_START = ["program", "velocity", "pitch"];
// A state is the last event's kind, or more where the kind alone does not decide.
const FOLLOWS: Record<string, string[]> = {
  piece: ["meter"],
  bar: ["piece", "bar", "shift", "meter", "tempo", ...NOTE_START],
  shift: ["meter", "tempo", ...NOTE_START],
  meter: ["bar", "shift", "tempo", ...NOTE_START],
  tempo: NOTE_START,
  program: ["velocity", "pitch"],
  velocity: ["pitch"],
  pitch: ["duration"],
  duration: ["piece", "bar", "shift", ...NOTE_START],
  "program of drums": ["velocity", "drum"],
  "velocity of drums": ["drum"],
  drum: ["piece", "bar", "shift", "velocity", "drum"],
  "longest shift": ["shift", "meter", "tempo", ...NOTE_START],
};

/** The kinds of event that may follow, by state. */
export const ALLOWED: Record<string, ReadonlySet<string>> = Object.fromEntries(
  Object.entries(FOLLOWS).map(([state, kinds]) => [state, new Set(kinds)]),
);

/** Masks: by state, by steps left in the bar, by last pitch + 1, by last program + 1. */
export interface Grammar {
  readonly after: Record<string, Mask>;
  readonly shiftsWithin: Mask[];
  readonly pitchesAbove: Mask[];
  readonly programsAbove: Mask[];
}

/** The masks of a table. */
export function grammarOf(pairs: readonly CodecEvent[]): Grammar {
  const after: Record<string, Mask> = {};
  for (const [state, kinds] of Object.entries(FOLLOWS)) {
    after[state] = maskOf(pairs, ({ kind }) => kinds.includes(kind));
  }
  const above = (kinds: string[], most: number) =>
    Array.from({ length: most + 2 }, (_, n) =>
      maskOf(pairs, ({ kind, value }) => !kinds.includes(kind) || value > n - 1),
    );
  const pitchesAbove = above(["pitch", "drum"], 127);
  // no pitch is left for a velocity to hold for
  pairs.forEach(({ kind }, token) => {
    if (kind === "velocity") pitchesAbove[128]![token] = 0;
  });
  return {
    after,
    shiftsWithin: Array.from({ length: LONGEST_SHIFT + 2 }, (_, left) =>
      maskOf(pairs, ({ kind, value }) => kind !== "shift" || value < left),
    ),
    pitchesAbove,
    programsAbove: above(["program"], DRUMS),
  };
}
