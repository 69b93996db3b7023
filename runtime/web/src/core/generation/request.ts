/**
 * A song as `ugen-run` is asked for it: all that decides its file, written into that file, so that
 * `ugen-run --replay` makes it again.
 */
import { SAMPLING, snakeCase } from "../sampling/config";
import type { Card } from "../modelFile/card";
import { repr } from "../text";
import type { Sampling } from "../types";
import { packed } from "./packing";
import type { SongSettings } from "./settings";
import type { Kept } from "./wishes/kept";

export const VERSION = "0.1.0"; // of the Python package whose songs these are
const MARK = "ugen-run "; // what a record starts with in a MIDI file's text events

type Value = null | boolean | bigint | string | [string, Value][];

/** The record of a song. `key`: what the finished song is moved to. */
export function recordOf(
  card: Card,
  model: string,
  settings: SongSettings,
  key: string | null,
): string {
  const float = (value: number | null) => (value === null ? null : raw(repr(value)));
  const { primer } = settings;
  const song: [string, Value][] = [
    ["seconds", float(settings.seconds)],
    ["bars", settings.bars === null ? null : BigInt(settings.bars)],
    ["exact", settings.exact],
    ["key", settings.key],
    ["tempo", float(settings.tempo)],
    ["like", settings.like],
    ["density", settings.density],
    ["polyphony", settings.polyphony],
    ["meter", settings.meter],
    ["guidance", float(settings.guidance)],
    ["instruments", settings.instruments],
    ["drums", settings.drums],
    ["chords", settings.chords],
    ["seed", settings.seed],
    ["keep_primer", settings.keepPrimer],
    ["guard", settings.guard],
    ["copy_guard", settings.copyGuard],
    ["sampling", samplingOf(card, settings.sampling)],
    ["primer", primer === null ? null : packed(Uint16Array.from(primer))],
    ["start", null],
    ["kept", settings.kept && keptOf(settings.kept)],
    ["cut", null],
    ["stopped_after", null],
    ["guided", null],
  ];
  const transform: [string, Value][] = [
    ["transpose", 0n],
    ["program", null],
    ["velocity", null],
    ["key", key],
  ];
  const request: [string, Value][] = [
    ["model", model],
    ["settings", song],
    ["transform", transform],
    ["streamed", false],
  ];
  return MARK + written([["version", VERSION], ["request", request]]);
}

/** Music that stays, as a record has it. */
function keptOf(kept: Kept): [string, Value][] {
  const { score, bars, stays, rewritten, much, closed } = kept;
  const sounds = score.notes.map(({ pitch, velocity, program, drum }, n) => {
    return [pitch, velocity, program, Number(drum), Number(stays[n])];
  });
  const times = score.notes.map(({ onset, end }) => [onset, end]);
  return [
    ["ticks_per_beat", BigInt(score.ticksPerBeat)],
    ["bars", BigInt(bars)],
    ["times", packed(Int32Array.from(times.flat()))],
    ["sounds", packed(Uint8Array.from(sounds.flat()))],
    ["tempos", packed(Int32Array.from(score.tempos.flat()))],
    ["meters", packed(Int32Array.from(score.meters.flat()))],
    ["rewritten", raw(`[${rewritten.map((bounds) => `[${bounds.join(", ")}]`).join(", ")}]`)],
    ["much", raw(repr(much))],
    ["closed", raw(`[${closed.join(", ")}]`)],
  ];
}

/** The sampling, its numbers as the file writes them unless they were changed. */
function samplingOf(card: Card, sampling: Sampling): [string, Value][] {
  return Object.entries(SAMPLING).map(([name, { whole }]) => {
    const value = sampling[name as keyof Sampling];
    const isOfFile = value === card.sampling[name as keyof Sampling];
    const isWhole = whole || (isOfFile && card.wholeSampling.has(name));
    return [snakeCase(name), raw(isWhole ? String(value) : repr(value))];
  });
}

const RAW = "\u0000"; // before a text that is written as it is

function raw(text: string): string {
  return RAW + text;
}

/** JSON as Python writes it: spaces after commas and colons, and ASCII only. */
function written(value: Value): string {
  if (Array.isArray(value)) {
    return `{${value.map(([name, each]) => `"${name}": ${written(each)}`).join(", ")}}`;
  }
  if (typeof value !== "string") return String(value);
  if (value.startsWith(RAW)) return value.slice(1);
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
