/**
 * Degenerate output, detected: silence, stuck notes, one pitch only, endless loops, notes outside
 * the piano's range. The thresholds come from 2,171 pieces of music.
 */
import type { Codec } from "../../codecs/base";
import type { Step } from "../../codecs/decoder";
import { UgenError } from "../../errors";
import { roundHalfEven } from "../../text";

const MAX_SILENCE = 15; // seconds without an onset
const MAX_HELD = 60; // seconds of one note
const RECENT_SECONDS = 24; // how far the next two checks look back
const MIN_RECENT = 24; // notes, with fewer of which they do not judge
const MAX_ONE_PITCH = 0.85; // fraction of recent notes
const MAX_OUTSIDE = 0.65; // fraction of recent notes off keys 21 to 108
const LOOP_TIMES = 8; // repetitions of the same steps, which together last
const LOOP_SECONDS = 40; // at least
export const MAX_STEPS = 4096; // how far all checks look back
const TAIL = 8; // steps that must be equal before a loop is looked for

/** What is wrong: its kind, and the figures in words. */
export interface Fault {
  readonly kind: string;
  readonly text: string;
}

/** A model whose output stays degenerate. */
export class GuardError extends UgenError {}

/**
 * The last steps. `items`: one comparable value per step. `seconds`: the time reached after each.
 * `pitches`, `onsets`: of the notes in them. `held`: seconds of the longest note that still sounds.
 */
export interface Window {
  readonly items: readonly (number | string)[];
  readonly seconds: readonly number[];
  readonly pitches: readonly number[];
  readonly onsets: readonly number[];
  readonly held: number;
}

/** The last MAX_STEPS steps of a codec as notes; `seconds`: the time reached after each. */
export function observe(codec: Codec, all: readonly Step[], seconds: readonly number[]): Window {
  const steps = all.slice(-MAX_STEPS);
  const now = seconds.slice(-MAX_STEPS);
  if (!codec.onsetTokens.some((is) => is === 1)) return observeGrid(codec, steps, now);
  const items = steps.map(Number);
  const pitches: number[] = [];
  const onsets: number[] = [];
  const sounding = new Map<number, number>(); // where the note is released: `events`
  const isReleased = codec.events.some((event) => event.startsWith("note_off"));
  items.forEach((token, n) => {
    const { kind, value } = codec.pairs[token]!;
    if (codec.onsetTokens[token]) {
      pitches.push(value);
      onsets.push(now[n]!);
      sounding.set(value, now[n]!);
    } else if (kind === "note_off") {
      sounding.delete(value);
    }
  });
  let held = 0;
  if (isReleased) {
    for (const onset of sounding.values()) held = Math.max(held, now[now.length - 1]! - onset);
  }
  return { items, seconds: now, pitches, onsets, held };
}

/** Codecs that list the sounding pitches: an onset is a pitch that was not in the step before. */
function observeGrid(codec: Codec, steps: readonly Step[], now: readonly number[]): Window {
  const { rows, ends } = soundingRows(codec, steps, now);
  const pitches: number[] = [];
  const onsets: number[] = [];
  const begun = new Map<number, number>(); // of the pitches that sound, since when
  rows.forEach((row, n) => {
    row.forEach((sounds, pitch) => {
      if (!sounds) {
        begun.delete(pitch);
      } else if (!begun.has(pitch)) {
        pitches.push(pitch);
        onsets.push(ends[n]!);
        begun.set(pitch, n === 0 ? now[0]! : ends[n - 1]!);
      }
    });
  });
  const last = ends[ends.length - 1] ?? 0;
  const held = [...begun.values()].reduce((most, since) => Math.max(most, last - since), 0);
  return { items: rows.map((row) => row.join("")), seconds: ends, pitches, onsets, held };
}

/** What is wrong with the music so far; null when nothing is. `start`: seconds at its beginning. */
export function findFault(window: Window, start: number): Fault | null {
  const { seconds, onsets, pitches, held } = window;
  const now = seconds[seconds.length - 1] ?? start;
  const last = onsets[onsets.length - 1] ?? Math.max(start, seconds[0] ?? start);
  if (now - last > MAX_SILENCE) {
    return { kind: "silence", text: `no new note for ${roundHalfEven(now - last)} s` };
  }
  if (held > MAX_HELD) {
    return { kind: "stuck-note", text: `a note held for ${roundHalfEven(held)} s` };
  }
  const recent = pitches.filter((_, n) => onsets[n]! > now - RECENT_SECONDS);
  if (recent.length >= MIN_RECENT && now - start >= RECENT_SECONDS) {
    const of = `the notes of ${RECENT_SECONDS} s`;
    const counts = new Map<number, number>();
    for (const pitch of recent) counts.set(pitch, (counts.get(pitch) ?? 0) + 1);
    const share = Math.max(...counts.values()) / recent.length;
    if (share > MAX_ONE_PITCH) {
      return { kind: "one-pitch", text: `one pitch in ${percent(share)} of ${of}` };
    }
    const outside = recent.filter((pitch) => pitch < 21 || pitch > 108).length / recent.length;
    if (outside > MAX_OUTSIDE) {
      const text = `${percent(outside)} of ${of} outside the piano's range`;
      return { kind: "out-of-range", text };
    }
  }
  return findLoop(window);
}

function percent(share: number): string {
  return `${roundHalfEven(share * 100)}%`;
}

function findLoop({ items, seconds }: Window): Fault | null {
  const { length } = items;
  if (length < 2 * TAIL) return null;
  for (let at = length - TAIL - 1; at >= 0; at--) {
    let same = 0;
    while (same < TAIL && items[at + same] === items[length - TAIL + same]) same++;
    if (same < TAIL) continue;
    const period = length - TAIL - at;
    let first = length - period; // the loop is items[first:]
    while (first > 0 && items[first - 1 + period] === items[first - 1]) first--;
    const times = (length - first) / period;
    const lasted = seconds[length - 1]! - seconds[first]!;
    if (times >= LOOP_TIMES && lasted >= LOOP_SECONDS) {
      const often = `${roundHalfEven(times)} times over ${roundHalfEven(lasted)} s`;
      return { kind: "loop", text: `the same ${period} steps repeated ${often}` };
    }
    if (period * LOOP_TIMES > length) return null;
  }
  return null;
}

/** The sounding pitches of each grid step, and when each ends. `now`: the time after each step. */
export function soundingRows(
  codec: Codec,
  steps: readonly Step[],
  now: readonly number[],
): { rows: Uint8Array[]; ends: number[] } {
  if (codec.input === "frame") return { rows: steps as Uint8Array[], ends: [...now] };
  const rows: Uint8Array[] = [];
  const ends: number[] = [];
  let row = new Uint8Array(128);
  steps.forEach((step, n) => {
    const token = Number(step);
    if (codec.isTime[token]) {
      rows.push(row);
      ends.push(now[n]!);
      row = new Uint8Array(128);
    } else {
      row[codec.pairs[token]!.value] = 1;
    }
  });
  return { rows, ends };
}
