/** Make music: feed the model its own tokens until the asked length is reached. */
import { leftHand } from "../analysis/hands";
import { UgenError } from "../errors";
import type { Engine } from "../inference/engine";
import { midiBytes } from "../midi/writer";
import type { Card } from "../modelFile/card";
import { musicXml } from "../notation/musicXml";
import { type MeterChange, type NoteRow, Score, type TempoChange } from "../score";
import { general } from "../text";
import type { Event, GenerateOptions, Meter, Note, Song, Tempo } from "../types";
import { GuardError } from "./guard/faults";
import { NoteStream } from "./noteStream";
import { recordOf } from "./request";
import { forModel } from "./modelSettings";
import { isGuarded, type SongSettings } from "./settings";
import { signature, transformed } from "./transform";
import { restored } from "./wishes/kept";

const MIN_NOTELESS = 5; // seconds; a song of so much without a note is degenerate
const FINE = 480; // ticks a beat of files; the grid of the beats codec divides it

/** What a song is made with. */
export interface Maker {
  readonly card: Card;
  readonly engine: Engine;
  readonly sha256: string;
}

/** A whole song. */
export async function makeSong(
  { card, engine, sha256 }: Maker,
  given: SongSettings,
  { signal, progress }: GenerateOptions,
): Promise<Song> {
  if (given.seconds === null && given.bars === null && given.kept === null) {
    throw new UgenError("a whole song needs seconds or bars; `stream` makes endless ones");
  }
  // a model that knows no keys has its songs moved
  const moved = card.known.has("key") ? null : given.key;
  const settings = moved === null ? given : { ...given, key: null };
  const tokens: number[] = [];
  const retries: string[] = [];
  const stream = await NoteStream.start(card, engine, settings, {
    onTokens: (made) => tokens.push(...made),
    onRetry: (retry) => retries.push(retry),
  });
  const rows: NoteRow[] = [];
  const tempos: TempoChange[] = [];
  const meters: MeterChange[] = [];
  for await (const event of stream) {
    if (event.kind === "row") rows.push(event.row);
    else if (event.kind === "usec") tempos.push(event.change);
    else if (event.kind === "bar") meters.push(event.change);
    else progress?.(event.made);
    signal?.throwIfAborted();
  }
  const seconds = stream.length;
  if (isGuarded(settings) && seconds >= MIN_NOTELESS && !rows.length) {
    throw new GuardError(`degenerate output: no notes in ${general(seconds)} s`);
  }
  const made = Score.build(rows, stream.ticksPerBeat, tempos, meters);
  const { kept, seed, tempo } = settings;
  const whole = kept ? restored(kept, card.codec, made, seed, tempo === null) : made;
  const score = transformed(whole, moved);
  const { key } = forModel(settings, card);
  return {
    ...eventsOf(score),
    ticksPerBeat: score.ticksPerBeat,
    seconds,
    tokens,
    key,
    seed,
    retries,
    midi: () => fileBytes(score, seconds, key, recordOf(card, sha256, settings, moved)),
    musicXml: (title) => musicXml(score, title, signature(key, score), padTicks(score, seconds)),
  };
}

/** The score as a MIDI file: fine ticks, a key signature, a track for each hand of a piano. */
function fileBytes(score: Score, seconds: number, key: string | null, record: string): Uint8Array {
  const finer = score.at(FINE);
  const isPiano = !score.notes.some((note) => note.program || note.drum);
  return midiBytes(finer, {
    texts: [record],
    padTicks: (padTicks(score, seconds) * finer.ticksPerBeat) / score.ticksPerBeat,
    key: signature(key, score),
    left: isPiano ? leftHand(finer) : null,
  });
}

/** Ticks from the end of the last note to the asked end of the song. */
function padTicks(score: Score, seconds: number): number {
  return Math.max(score.tickAt(seconds) - score.endTick, 0);
}

/** A score's notes and changes, with their seconds. */
function eventsOf(score: Score): { notes: Note[]; tempos: Tempo[]; meters: Meter[] } {
  const seconds = (tick: number) => score.secondsAt(tick);
  return {
    notes: score.notes.map((row) => noteOf(row, seconds)),
    tempos: score.tempos.map((change) => tempoOf(change, seconds)),
    meters: score.meters.map((change) => meterOf(change, seconds)),
  };
}

type Seconds = (tick: number) => number;

function noteOf({ onset, end, ...rest }: NoteRow, seconds: Seconds): Note {
  const times = { onset: seconds(onset), end: seconds(end), tick: onset, endTick: end };
  return { kind: "note", ...times, ...rest };
}

function tempoOf([tick, usec]: TempoChange, seconds: Seconds): Tempo {
  return { kind: "tempo", tick, seconds: seconds(tick), usec };
}

function meterOf([tick, numerator, denominator]: MeterChange, seconds: Seconds): Meter {
  return { kind: "meter", tick, seconds: seconds(tick), numerator, denominator };
}

/** The events of a song while it is made, in constant memory. */
export async function* streamSong(
  { card, engine }: Maker,
  settings: SongSettings,
): AsyncGenerator<Event> {
  const ignored = { onTokens: () => {}, onRetry: () => {} };
  const stream = await NoteStream.start(card, engine, settings, ignored);
  const seconds = (tick: number) => stream.secondsAt(tick);
  for await (const event of stream) {
    if (event.kind === "row") {
      stream.forget(event.row.onset);
      yield noteOf(event.row, seconds);
    } else if (event.kind === "usec") yield tempoOf(event.change, seconds);
    else if (event.kind === "bar") yield meterOf(event.change, seconds);
    else yield event;
  }
  yield { kind: "end", tick: stream.end, seconds: stream.length };
}
