/** The events of a MIDI track as bytes, in order of time. */

export const MAX_QUANTITY = 0x0fffffff; // the largest variable-length quantity, in 4 bytes
const META = 0xff;
const TEXT = 0x01;
const NAME = 0x03;
const PORT = 0x21;
const END = 0x2f;
const TEMPO = 0x51;
const METER = 0x58;
const KEY = 0x59;

/** A variable-length quantity. */
export function variableLength(value: number): number[] {
  const groups = [value & 0x7f];
  for (let rest = value >>> 7; rest; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80);
  return groups;
}

function meta(type: number, data: ArrayLike<number>): number[] {
  return [META, type, ...variableLength(data.length), ...Array.from(data)];
}

/** A text event, in UTF-8. */
export function textEvent(text: string): number[] {
  return meta(TEXT, new TextEncoder().encode(text));
}

export const trackName = (name: string) => meta(NAME, new TextEncoder().encode(name));
export const midiPort = (port: number) => meta(PORT, [port]);
export const setTempo = (usec: number) => meta(TEMPO, [usec >> 16, (usec >> 8) & 255, usec & 255]);
export const timeSignature = (numerator: number, denominator: number) =>
  meta(METER, [numerator, Math.log2(denominator), 24, 8]);
export const keySignature = (sharps: number, minor: boolean) =>
  meta(KEY, [sharps & 255, Number(minor)]);
export const noteOn = (channel: number, pitch: number, velocity: number) => [
  0x90 | channel,
  pitch,
  velocity,
];
export const noteOff = (channel: number, pitch: number) => [0x80 | channel, pitch, 0];
export const programChange = (channel: number, program: number) => [0xc0 | channel, program];

/** Puts the time before each event, and leaves out a status byte that the event before had. */
export class TrackEncoder {
  private readonly bytes: number[] = [];
  private tick = 0;
  private runningStatus = 0;

  /** Add an event at a tick, which is that of the event before or later. */
  add(tick: number, event: readonly number[]): void {
    const gaps = Math.floor(Math.max(tick - this.tick - 1, 0) / MAX_QUANTITY);
    // as long as a gap between two events can be, and an event without effect at its end
    for (let n = 0; n < gaps; n++) {
      this.bytes.push(...variableLength(MAX_QUANTITY), ...meta(TEXT, []));
    }
    const status = event[0] === META ? 0 : event[0]!;
    const isSame = status > 0 && status === this.runningStatus && !gaps;
    this.bytes.push(...variableLength(tick - this.tick - gaps * MAX_QUANTITY));
    for (let n = isSame ? 1 : 0; n < event.length; n++) this.bytes.push(event[n]!);
    this.tick = tick;
    this.runningStatus = status;
  }

  /** The track's chunk, which ends at a tick or at its last event, whichever is later. */
  end(tick: number): Uint8Array {
    this.add(Math.max(tick, this.tick), meta(END, []));
    return chunk("MTrk", Uint8Array.from(this.bytes));
  }
}

/** A chunk: its type of four letters, its length and its content. */
export function chunk(kind: string, body: Uint8Array): Uint8Array {
  const found = new Uint8Array(8 + body.length);
  found.set(new TextEncoder().encode(kind));
  new DataView(found.buffer).setUint32(4, body.length);
  found.set(body, 8);
  return found;
}

/** The chunk that begins a file. */
export function headerChunk(format: number, tracks: number, division: number): Uint8Array {
  const body = new Uint8Array(6);
  const view = new DataView(body.buffer);
  [format, tracks, division].forEach((number, n) => view.setUint16(2 * n, number));
  return chunk("MThd", body);
}
