/**
 * Note-offs that are missing: which end belongs to which note, after the first guess went wrong. As
 * data/midi/pairing.py, which explains the rules.
 */
import { byKeys } from "../numbers";
import { SOUNDING } from "../score";

/** A note of a track. `begin`, `finish`: where in the track its note-on and note-off stand. */
export interface TrackNote {
  readonly onset: number;
  readonly key: number; // port, channel and pitch
  readonly program: number;
  readonly velocity: number;
  readonly begin: number;
  finish: number;
  end: number;
}

/** A note-off where no note of its key sounds. */
export interface StrayOff {
  readonly key: number;
  readonly tick: number;
  readonly place: number;
}

/** An event of one key: a note-on, with its note, or a note-off. */
interface KeyEvent {
  readonly place: number;
  readonly tick: number;
  readonly begins: TrackNote | null;
}

/** Give the notes of some keys other ends. */
export function pairAgain(
  notes: readonly TrackNote[],
  strays: readonly StrayOff[],
  broken: ReadonlySet<number>,
): void {
  const byKey = new Map<number, KeyEvent[]>([...broken].map((key) => [key, []]));
  for (const note of notes) {
    byKey.get(note.key)?.push({ place: note.begin, tick: note.onset, begins: note });
  }
  for (const note of notes) {
    if (note.end === SOUNDING) continue;
    byKey.get(note.key)?.push({ place: note.finish, tick: note.end, begins: null });
  }
  for (const { key, tick, place } of strays) byKey.get(key)?.push({ place, tick, begins: null });
  for (const note of notes) if (broken.has(note.key)) note.end = SOUNDING;
  for (const events of byKey.values()) {
    events.sort(byKeys<KeyEvent>((event) => event.place));
    for (const [note, event] of ends(events)) {
      note.end = event.tick;
      note.finish = event.place;
    }
  }
}

/** The notes of one key that end, each with the event that ends it. */
function* ends(events: readonly KeyEvent[]): Generator<[TrackNote, KeyEvent]> {
  const isDone = new Uint8Array(events.length);
  for (const n of tooEarly(events)) {
    yield [events[n + 1]!.begins!, events[n + 1]!];
    isDone[n] = isDone[n + 1] = 1;
  }
  let depth = 0;
  let lastSilence = 0;
  for (const [n, event] of events.entries()) {
    if (isDone[n]) continue;
    depth = event.begins ? depth + 1 : Math.max(depth - 1, 0);
    if (!depth) lastSilence = n + 1;
  }
  const sounding: KeyEvent[] = [];
  let oldest = 0;
  for (const [n, event] of events.entries()) {
    if (isDone[n]) continue;
    if (!event.begins && oldest < sounding.length) yield [sounding[oldest++]!.begins!, event];
    while (event.begins && n >= lastSilence && oldest < sounding.length) {
      if (sounding[oldest]!.tick >= event.tick) break;
      yield [sounding[oldest++]!.begins!, event];
    }
    if (event.begins) sounding.push(event);
  }
}

/** The places of note-offs that come just before their note-ons. */
function* tooEarly(events: readonly KeyEvent[]): Generator<number> {
  const isReversed = (n: number) => {
    const [off, on] = [events[n], events[n + 1]];
    return off && on && !off.begins && on.begins && off.tick === on.tick;
  };
  let depth = 0;
  for (let n = 0; n < events.length; ) {
    let after = n;
    while (!depth && isReversed(after)) after += 2;
    if (after > n && (after === events.length || events[after]!.begins)) {
      for (let each = n; each < after; each += 2) yield each;
      n = after;
      continue;
    }
    depth = events[n]!.begins ? depth + 1 : Math.max(depth - 1, 0);
    n += 1;
  }
}
