/** The frame of Standard MIDI Files: header, chunks, variable-length quantities. */
import { MidiError } from "../errors";

const MAX_QUANTITY = 0x0fffffff; // the largest variable-length quantity, in 4 bytes
const MTRK = [0x4d, 0x54, 0x72, 0x6b];
const MTHD = [0x4d, 0x54, 0x68, 0x64];

/** The rest of a track makes no sense. */
export class DamageError extends Error {}

/**
 * Where a track's events are, in bytes. `end`: where its length puts its end; `limit`: how far it can
 * reach, if its length is wrong and it has not ended there.
 */
export interface TrackSpan {
  readonly start: number;
  readonly end: number;
  readonly limit: number;
}

/** `ticksPerBeat`: with SMPTE time, of beats of `usec` microseconds; 0 where the file says those. */
export interface Header {
  readonly format: number;
  readonly ticksPerBeat: number;
  readonly usec: number;
  readonly tracks: readonly TrackSpan[];
}

/** The header of a file. Throws MidiError when it is no MIDI file. */
export function readHeader(data: Uint8Array): Header {
  const start = find(data, MTHD, 0);
  if (start < 0) throw new MidiError("not a MIDI file (it has no MThd)", 0);
  if (start + 14 > data.length) throw new MidiError("the file ends inside its header", data.length);
  const view = new DataView(data.buffer, data.byteOffset + start, 14);
  const { ticks, usec } = timeBase(view.getInt16(12));
  if (ticks === 0) throw new MidiError("a division of 0 ticks gives notes no time", start + 12);
  const pos = start + 8 + view.getUint32(4);
  const tracks = findTracks(data, start + 14, pos).slice(0, view.getUint16(10));
  return { format: view.getUint16(8), ticksPerBeat: ticks, usec, tracks };
}

/** A variable-length quantity (at most 4 bytes, after any that are 0) and the position after it. */
export function readQuantity(data: Uint8Array, pos: number): [value: number, after: number] {
  let value = 0;
  let at = pos;
  while (value <= MAX_QUANTITY >> 7) {
    const byte = byteAt(data, at);
    at += 1;
    value = (value << 7) | (byte & 0x7f);
    if (byte < 0x80) return [value, at];
  }
  throw new DamageError("a variable-length quantity of more than 4 bytes");
}

/** A byte of a track. Throws DamageError where the track has ended. */
export function byteAt(data: Uint8Array, pos: number): number {
  const byte = data[pos];
  if (byte === undefined) throw new DamageError("ends inside an event");
  return byte;
}

/** Ticks a beat, and its microseconds where the file does not say them. */
function timeBase(division: number): { ticks: number; usec: number } {
  if (division >= 0) return { ticks: division, usec: 0 };
  const frames = -(division >> 8);
  const ticks = division & 0xff;
  // a beat is half a second; 29 stands for 30 frames in 1.001 s
  return frames === 29 ? { ticks: 30 * ticks, usec: 500_500 } : { ticks: frames * ticks, usec: 500_000 };
}

/**
 * The tracks from `first` on. `begin`: where the header's length puts the first chunk. Where a length
 * leads to no chunk, the next track is searched for.
 */
function findTracks(data: Uint8Array, first: number, begin: number): TrackSpan[] {
  const tracks: TrackSpan[] = [];
  const found = find(data, MTRK, first);
  const isWrong = (found >= 0 && found < begin) || begin < first || !isChunk(data, begin);
  let pos = isWrong ? found : begin;
  while (pos >= 0 && pos <= data.length - 8) {
    const end = pos + 8 + sizeAt(data, pos);
    const isLost = end !== data.length && !isChunk(data, end);
    const following = isLost ? find(data, MTRK, pos + 4) : end;
    if (isAt(data, MTRK, pos)) {
      const limit = following >= 0 ? following : data.length;
      tracks.push({ start: pos + 8, end: Math.min(end, limit), limit });
    }
    pos = following;
  }
  return tracks;
}

/** Whether a chunk that fits into the file, or a track, begins at `pos`. */
function isChunk(data: Uint8Array, pos: number): boolean {
  if (isAt(data, MTRK, pos)) return true;
  if (pos + 8 > data.length) return false;
  const isText = data.subarray(pos, pos + 4).every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText && pos + 8 + sizeAt(data, pos) <= data.length;
}

function sizeAt(data: Uint8Array, pos: number): number {
  return new DataView(data.buffer, data.byteOffset + pos, 8).getUint32(4);
}

function isAt(data: Uint8Array, word: readonly number[], pos: number): boolean {
  return word.every((byte, n) => data[pos + n] === byte);
}

function find(data: Uint8Array, word: readonly number[], from: number): number {
  for (let pos = from; pos >= 0 && pos + word.length <= data.length; pos++) {
    pos = data.indexOf(word[0]!, pos);
    if (pos < 0) return -1;
    if (isAt(data, word, pos)) return pos;
  }
  return -1;
}
