/**
 * Read Standard MIDI Files: formats 0, 1 and 2, beats or SMPTE time, RIFF wrappers, and most damage.
 * As data/midi/reader.py, which has the rules; it says no warnings, and leaves the pedal alone.
 */
import { MidiError } from "../errors";
import { bisectRight, byKeys } from "../numbers";
import { type NoteRow, Score, SOUNDING } from "../score";
import { DRUM_CHANNEL, drumChanges } from "./drums";
import type { TrackNote } from "./pairing";
import { readHeader } from "./smf";
import { LOW, type ProgramChange, TrackEvents, TrackReader, UNNAMED } from "./trackReader";

const MAX_BYTES = 8 << 20; // memory is taken for every note
const LONGEST_HANGING = 4; // beats that a note lasts which never ends, with no note after it

/** A track's part of a file: its first note, the tick where it ends, and its name. */
interface Track {
  readonly first: number;
  readonly end: number;
  readonly title: string;
}

/** A score, the track of each of its notes, from 1 on, and the names of the tracks. */
export interface Tracks {
  readonly score: Score;
  readonly trackOf: ReadonlyMap<NoteRow, number>;
  readonly names: readonly string[];
}

/** The music of a file. Throws MidiError when it is no MIDI file. */
export function readMidi(data: Uint8Array): Score {
  return readTracks(data).score;
}

/** The same, and where each note comes from. */
export function readTracks(data: Uint8Array): Tracks {
  if (data.length > MAX_BYTES) {
    throw new MidiError(`more than ${MAX_BYTES >> 20} MiB are too large for a MIDI file here`);
  }
  const header = readHeader(data);
  const events = new TrackEvents();
  const tracks: Track[] = [];
  for (const span of header.tracks) {
    const start = header.format === 2 ? (tracks.at(-1)?.end ?? 0) : 0;
    const first = events.notes.length;
    const reader = new TrackReader(data, span, start, events);
    reader.read();
    tracks.push({ first, end: reader.end, title: reader.title ?? "" });
  }
  endWithMusic(events.notes, tracks, header.ticksPerBeat, header.format === 2);
  const notes = rows(events, header.usec ? 2 : 1); // a tick of SMPTE time is half as long
  const { usec, ticksPerBeat } = header;
  const firsts = tracks.map(({ first }) => first);
  return {
    score: usec
      ? Score.build(notes, ticksPerBeat, [[0, usec]])
      : Score.build(notes, ticksPerBeat, events.tempos, events.meters),
    trackOf: new Map(notes.map((note, n) => [note, bisectRight(firsts, n)])),
    names: tracks.map(({ title }) => title),
  };
}

/** End the notes that have no end. */
function endWithMusic(
  notes: readonly TrackNote[],
  tracks: readonly Track[],
  ticksPerBeat: number,
  areApart: boolean,
): void {
  const parts = tracks.map(({ first }, n) => notes.slice(first, tracks[n + 1]?.first));
  const lasts = parts.map((part) => {
    return part.reduce((last, note) => Math.max(last, note.onset, note.end), 0);
  });
  const whole = lasts.reduce((most, last) => Math.max(most, last), 0);
  for (const [n, part] of parts.entries()) {
    const last = areApart ? lasts[n]! : whole;
    for (const note of part) {
      if (note.end !== SOUNDING) continue;
      const until = note.onset < last ? last : note.onset + LONGEST_HANGING * ticksPerBeat;
      note.end = Math.min(until, tracks[n]!.end);
    }
  }
}

/** The notes as a score has them. */
function rows(events: TrackEvents, scale: number): NoteRow[] {
  const programs = inForce(byChannel(events.programs));
  const drums = inForce(drumChanges(events.drums));
  return events.notes.map((note) => {
    const channel = note.key >> LOW;
    const { onset, velocity, program } = note;
    return {
      onset: scale * onset,
      end: scale * Math.max(note.end, onset + 1),
      pitch: note.key & 127,
      velocity,
      program: program === UNNAMED ? programs(channel, onset, 0) : program,
      drum: drums(channel, onset, (channel & 15) === DRUM_CHANNEL),
    };
  });
}

function byChannel(changes: readonly ProgramChange[]): Map<number, [number, number][]> {
  const found = new Map<number, [number, number][]>();
  for (const { tick, channel, program } of [...changes].sort(byKeys((each) => each.tick))) {
    const mine = found.get(channel) ?? [];
    mine.push([tick, program]);
    found.set(channel, mine);
  }
  return found;
}

/** What changes have set on a channel by a tick; `before` where there is none. */
function inForce<T>(changes: ReadonlyMap<number, readonly (readonly [number, T])[]>) {
  const ticks = new Map([...changes].map(([channel, all]) => [channel, all.map(([tick]) => tick)]));
  return (channel: number, tick: number, before: T): T => {
    const place = bisectRight(ticks.get(channel) ?? [], tick) - 1;
    return place < 0 ? before : changes.get(channel)![place]![1];
  };
}
