/** song.json, what `ugen-run -o song.html` puts into the page of a finished song. */
import type { Event } from "../core";

export interface FinishedSong {
  name: string;
  /** A line under the name, as in `Seed 7, D minor`. */
  about?: string;
  seconds: number;
  /** `[second, microseconds per beat]` */
  tempos: [number, number][];
  /** `[second, numerator, denominator]`; empty where bars are unknown. */
  meters: [number, number, number][];
  /** `[onset, end, pitch, velocity, program, 1 if a drum]`, by onset. */
  notes: [number, number, number, number, number, number][];
  /** The MIDI file in base64. */
  midi?: string;
}

/** The same as a model would have handed it out. Ticks play no part in a page. */
export function eventsOf(song: FinishedSong): Event[] {
  const tick = 0;
  const tempos = song.tempos.map(([seconds, usec]): Event => {
    return { kind: "tempo", tick, seconds, usec };
  });
  const meters = song.meters.map(([seconds, numerator, denominator]): Event => {
    return { kind: "meter", tick, seconds, numerator, denominator };
  });
  const notes = song.notes.map(([onset, end, pitch, velocity, program, drum]): Event => {
    const is = { onset, end, pitch, velocity, program, drum: drum === 1 };
    return { kind: "note", tick, endTick: tick, ...is };
  });
  return [...tempos, ...meters, ...notes, { kind: "end", tick, seconds: song.seconds }];
}
