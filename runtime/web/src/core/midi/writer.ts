/** Write a Score as a Standard MIDI File (format 1) that reads back to the same notes. */
import { accidentals, type Key } from "../analysis/key";
import { DRUMS } from "../codecs/beats/table";
import { UgenError } from "../errors";
import { byKeys } from "../numbers";
import type { NoteRow, Score } from "../score";
import { instrumentName } from "./generalMidi";
import * as track from "./track";

const DRUM_CHANNEL = 9; // channel 10 as people count
const MELODIC_CHANNELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15];
const MAX_TRACKS = 65535; // what a header can name

/** What has a track of its own. Within a layer no two notes of a pitch sound at once. */
interface Voice {
  readonly drum: boolean;
  readonly program: number;
  readonly left: boolean;
  readonly layer: number;
  readonly rows: NoteRow[];
}

/** What `midiBytes` takes besides the score. */
export interface MidiOptions {
  /** Text events of the first track. */
  readonly texts: readonly string[];
  /** Ticks from the end of the last note to the end of every track. */
  readonly padTicks: number;
  /** The signature. */
  readonly key: Key;
  /** Which notes are the left hand's, where all are a piano's; hands have tracks of their own. */
  readonly left: readonly boolean[] | null;
}

/**
 * The score as the bytes of a MIDI file. A program has one channel, a drum kit channel 10; what 16
 * channels cannot hold goes to further MIDI ports. Notes of one program and pitch that overlap go to
 * separate tracks, because one track could not say which ends.
 */
export function midiBytes(score: Score, options: MidiOptions): Uint8Array {
  const end = score.endTick + options.padTicks;
  const tracks = [conductor(score, options).end(end)];
  // of programs and of drum kits, in order of first use
  const slots = [new Map<number, number>(), new Map<number, number>()];
  for (const voice of voices(score, options.left)) {
    const used = slots[Number(voice.drum)]!;
    if (!used.has(voice.program)) used.set(voice.program, used.size);
    const slot = used.get(voice.program)!;
    const count = MELODIC_CHANNELS.length;
    const port = voice.drum ? slot : Math.floor(slot / count);
    const channel = voice.drum ? DRUM_CHANNEL : MELODIC_CHANNELS[slot % count]!;
    const encoder = new track.TrackEncoder();
    encoder.add(0, track.trackName(nameOf(voice, options.left !== null)));
    if (port) encoder.add(0, track.midiPort(port));
    encoder.add(0, track.programChange(channel, voice.program));
    addNotes(encoder, voice.rows, channel);
    tracks.push(encoder.end(end));
  }
  return joined([track.headerChunk(1, tracks.length, score.ticksPerBeat), ...tracks]);
}

/** Texts, the key signature, tempos and time signatures. */
function conductor(score: Score, { texts, key }: MidiOptions): track.TrackEncoder {
  const encoder = new track.TrackEncoder();
  for (const text of texts) encoder.add(0, track.textEvent(text));
  encoder.add(0, track.keySignature(accidentals(key), key.minor));
  const changes = [
    ...score.tempos.map(([tick, usec]) => ({ tick, event: track.setTempo(usec) })),
    ...score.meters.map(([tick, n, d]) => ({ tick, event: track.timeSignature(n, d) })),
  ];
  for (const { tick, event } of changes.sort((a, b) => a.tick - b.tick)) encoder.add(tick, event);
  return encoder;
}

/** The name of a track. */
function nameOf(voice: Voice, hasHands: boolean): string {
  const instrument = instrumentName(voice.drum ? DRUMS : voice.program);
  let name = instrument[0]!.toUpperCase() + instrument.slice(1);
  if (hasHands) name = `Piano ${voice.left ? "left" : "right"} hand`;
  return voice.layer ? `${name}, ${voice.layer + 1}` : name;
}

/** The notes of each voice, in the order of tracks. */
function voices(score: Score, left: readonly boolean[] | null): Voice[] {
  const found = new Map<string, Voice>();
  // by sound: the end of what sounds in each layer
  const layers = new Map<string, number[]>();
  score.notes.forEach((row, n) => {
    const { drum, program } = row;
    const sound = [Number(drum), program, row.pitch].join();
    const ends = layers.get(sound) ?? [];
    layers.set(sound, ends);
    const idle = ends.findIndex((end) => end <= row.onset);
    const layer = idle < 0 ? ends.length : idle;
    ends[layer] = row.end;
    const isLeft = left?.[n] ?? false;
    const name = [Number(drum), program, Number(isLeft), layer].join();
    const voice = found.get(name) ?? { drum, program, left: isLeft, layer, rows: [] };
    found.set(name, voice);
    voice.rows.push(row);
    if (found.size >= MAX_TRACKS) {
      throw new UgenError("needs more than 65,535 tracks, the most of a MIDI file");
    }
  });
  return [...found.values()].sort(
    byKeys((v) => Number(v.drum), (v) => v.program, (v) => Number(v.left), (v) => v.layer),
  );
}

/** The events of some notes: ends before onsets on the same tick, so that it is struck again. */
function addNotes(encoder: track.TrackEncoder, rows: readonly NoteRow[], channel: number): void {
  const events = rows.flatMap(({ onset, end, pitch, velocity }) => [
    { tick: end, on: 0, pitch, event: track.noteOff(channel, pitch) },
    { tick: onset, on: 1, pitch, event: track.noteOn(channel, pitch, velocity) },
  ]);
  events.sort(byKeys((each) => each.tick, (each) => each.on, (each) => each.pitch));
  for (const { tick, event } of events) encoder.add(tick, event);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const found = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    found.set(part, at);
    at += part.length;
  }
  return found;
}
