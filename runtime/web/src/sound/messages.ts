/** What the page and the sound's worker tell each other. */
import type { Sounding } from "./synth";

export const RATE = 44_100; // samples a second, on every device

export type ToSound =
  | { do: "banks"; bytes: Uint8Array }
  /** Start anew at a second of a song. What is rendered from now on is of this `take`. */
  | { do: "begin"; take: number; second: number; notes: Sounding[] }
  | { do: "add"; take: number; notes: Sounding[] }
  | { do: "render"; take: number; frames: number }
  /** A note at once, for a live keyboard. */
  | { do: "strike"; note: Sounding }
  | { do: "wav"; notes: Sounding[]; seconds: number };

export type FromSound =
  /** `programs`: the instruments that there are sounds of, 128 for drums. */
  | { told: "banks"; programs: number[] }
  | { told: "sound"; take: number; left: Samples; right: Samples; silent: boolean }
  | { told: "struck"; pitch: number; left: Samples; right: Samples }
  | { told: "wav"; file: Blob }
  | { told: "progress"; fraction: number }
  | { told: "error"; message: string };

export type Samples = Float32Array<ArrayBuffer>;
