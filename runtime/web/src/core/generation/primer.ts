/** Music to continue from, as tokens of a model. */
import { UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import type { SongSettings } from "../types";

/** The tokens of a primer; null where there is none. */
export function primerTokens(_card: Card, { primer }: SongSettings): number[] | null {
  if (!primer) return null;
  throw new UgenError("not in the browser yet", { flag: "--primer" });
}
