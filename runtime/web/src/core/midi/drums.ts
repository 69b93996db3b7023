/**
 * Which channels are drums: channel 10, and what GS, XG and General MIDI 2 make of the others. As
 * data/midi/drums.py, which names the sources.
 */
import { byKeys } from "../numbers";

export const DRUM_CHANNEL = 9;
const PARTS = [9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]; // channels of GS parts
const PLAIN = 0;
const GS = 1;
const XG = 2;
const GM2 = 3;
const MODES: Readonly<Record<string, number>> = { "9,1": PLAIN, "9,2": PLAIN, "9,3": GM2 };

/**
 * An event that can change what is drums: of `bank`, which is selected, or of `part`, which says
 * whether a channel is drums. `mode`: that of the file from here on, if it has none yet, or with
 * `reset`, which also makes all channels what they were at first.
 */
export interface DrumEvent {
  readonly tick: number;
  channel?: number;
  readonly bank?: number;
  readonly part?: boolean;
  readonly mode?: number;
  readonly reset?: boolean;
}

/** From a tick on, a channel is drums or not. */
export type DrumChange = readonly [tick: number, isDrum: boolean];

/** What a system exclusive message, without its first byte, says of drums. `port`: as in channels. */
export function exclusiveEvent(message: Uint8Array, tick: number, port: number): DrumEvent | null {
  const [maker, device = 0] = message;
  const mode = MODES[message.subarray(2, 4).join()];
  if (maker === 0x7e && mode !== undefined) return { tick, mode, reset: true };
  if (maker === 0x43 && message[2] === 0x4c && device >> 4 === 1) return xgEvent(message, tick, port);
  if (maker === 0x41 && message[2] === 0x42 && message[3] === 0x12) return gsEvent(message, tick, port);
  return null;
}

function xgEvent(message: Uint8Array, tick: number, port: number): DrumEvent {
  const [high, part = 16, low] = message.subarray(3, 6);
  const value = message[6];
  if (high === 8 && low === 7 && part < 16 && value !== undefined) {
    return { tick, channel: port | part, part: value > 0, mode: XG };
  }
  return { tick, mode: XG, reset: message.subarray(3, 6).join() === "0,0,126" };
}

function gsEvent(message: Uint8Array, tick: number, port: number): DrumEvent {
  const [high, part = 0, low] = message.subarray(4, 7);
  const value = message[7];
  if (high === 0x40 && low === 0x15 && part >> 4 === 1 && value !== undefined) {
    return { tick, channel: port | PARTS[part & 15]!, part: value > 0 };
  }
  return { tick, mode: GS, reset: message.subarray(4, 7).join() === "64,0,127" };
}

/** By channel, in order of time, whether the channel is drums from there on. */
export function drumChanges(events: readonly DrumEvent[]): Map<number, DrumChange[]> {
  let mode = PLAIN;
  const parts = new Map<number, boolean>();
  const banks = new Map<number, number>();
  const changes = new Map<number, DrumChange[]>();
  const order = byKeys<DrumEvent>((event) => event.tick, (event) => Number(!event.reset));
  for (const event of [...events].sort(order)) {
    const { tick, channel, bank, part, reset } = event;
    const touched = new Set(channel === undefined ? [] : [channel]);
    if (reset || (event.mode !== undefined && mode === PLAIN)) {
      for (const each of [...parts.keys(), ...banks.keys()]) touched.add(each);
      mode = event.mode ?? mode;
    }
    if (reset) {
      parts.clear();
      banks.clear();
    }
    if (part !== undefined) {
      parts.set(channel!, part);
      banks.delete(channel!);
    } else if (bank !== undefined) banks.set(channel!, bank);
    for (const each of touched) {
      const ofPart = parts.get(each) ?? (each & 15) === DRUM_CHANNEL;
      const mine = changes.get(each) ?? [];
      changes.set(each, mine);
      mine.push([tick, isDrum(mode, ofPart, banks.get(each))]);
    }
  }
  return changes;
}

function isDrum(mode: number, part: boolean, bank: number | undefined): boolean {
  if (mode === GS) return part;
  if (mode === XG) return part || bank === 126 || bank === 127;
  return bank === 120 || (part && !(mode === GM2 && bank === 121));
}
