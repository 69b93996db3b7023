/** All that decides a song besides the model: one checked object, from the caller to the sampler. */
import { parseChords } from "../analysis/chordSymbols";
import { parseKey } from "../analysis/key";
import { BY_NAME } from "../analysis/wishes";
import { UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import { checkSampling } from "../sampling/config";
import { general } from "../text";
import type { Sampling, SongSettings as Asked } from "../types";
import { instrumentsOf } from "./wishes/instruments";
import { type Kept, metersOf } from "./wishes/kept";

export const MAX_SECONDS = 24 * 3600;
const MAX_BARS = 20_000;
const MAX_SEED = (1n << 64n) - 1n;
const TEMPOS = [10, 400] as const;
const LONGEST = 1 << 13; // characters of a text
export const SECONDS = 60; // of a song when no length is given

/** The texts that are asked of a model, by the field's name. */
export type Texts = Record<"key" | "like" | "density" | "polyphony" | "meter", string | null>;

/**
 * What to make, in the order of a record. Texts are null where nobody names them. `primer`: tokens
 * of music to continue from. `kept`: music that stays; the song has its bars and, unless others are
 * given, its key and tempos. `guided`: the wishes that are guided, by name; null for those asked
 * for here.
 */
export interface SongSettings extends Texts {
  readonly seconds: number | null;
  readonly bars: number | null;
  readonly exact: boolean;
  readonly tempo: number | null;
  readonly guidance: number | null;
  readonly instruments: string | null;
  readonly drums: boolean;
  readonly chords: string | null;
  readonly seed: bigint;
  readonly keepPrimer: boolean;
  readonly guard: boolean;
  readonly copyGuard: boolean;
  readonly sampling: Sampling;
  readonly primer: readonly number[] | null;
  readonly kept: Kept | null;
  readonly guided: readonly string[] | null;
}

/** What holds where somebody leaves something out. */
export function defaults(card: Card): Required<Asked> {
  return {
    seconds: null,
    bars: null,
    exact: false,
    seed: 0n,
    ...card.sampling,
    tempo: null,
    guidance: null,
    primer: null,
    primerSeconds: null,
    keepPrimer: false,
    with: null,
    keep: null,
    rewrite: false,
    fromBar: null,
    toBar: null,
    vary: null,
    much: null,
    wishes: {},
    endless: false,
    guard: true,
    copyGuard: true,
  };
}

/** Settings as they are asked for, checked. `primer`: its tokens. `kept`: the music that stays. */
export function settingsOf(
  card: Card,
  asked: Asked,
  primer: number[] | null,
  kept: Kept | null,
): SongSettings {
  const given = { ...defaults(card), ...definedOnly(asked) };
  const wishes = definedOnly(given.wishes);
  const { instruments } = wishes;
  const isLong = given.endless || kept !== null || (given.seconds ?? given.bars) !== null;
  const settings: SongSettings = {
    seconds: isLong ? given.seconds : SECONDS,
    bars: given.bars,
    exact: given.exact,
    key: wishes.key ?? null,
    tempo: given.tempo,
    like: wishes.label ?? null,
    density: wishes.density ?? null,
    polyphony: wishes.polyphony ?? null,
    meter: wishes.meter ?? null,
    guidance: given.guidance,
    instruments: instruments?.length ? instruments.map(named).join(", ") : null,
    drums: wishes.drums ?? true,
    chords: wishes.chords ?? null,
    seed: seedOf(given.seed),
    keepPrimer: given.keepPrimer,
    guard: given.guard,
    copyGuard: given.copyGuard,
    sampling: checkSampling(samplingOf(given)),
    primer,
    kept,
    guided: null,
  };
  if (given.endless && (given.seconds ?? given.bars) !== null) {
    throw new UgenError("not with --endless", { flag: "--seconds" });
  }
  check(settings);
  return settings;
}

function samplingOf(given: Required<Asked>): Sampling {
  const { temperature, topK, topP, minP, repetitionPenalty, keyStrength } = given;
  return { temperature, topK, topP, minP, repetitionPenalty, keyStrength };
}

function definedOnly<T extends object>(values: T): T {
  const found = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found) as T;
}

/** An instrument as `ugen-run --instruments` takes it. */
function named(number: number): string {
  return number === 128 ? "drums" : String(number);
}

function seedOf(seed: number | bigint): bigint {
  const isWhole = typeof seed === "bigint" || Number.isSafeInteger(seed);
  if (!isWhole || seed < 0 || BigInt(seed) > MAX_SEED) {
    const reason = `must be a whole number, 0 to ${MAX_SEED}`;
    throw new UgenError(reason, { flag: "--seed", value: seed });
  }
  return BigInt(seed);
}

function check(settings: SongSettings): void {
  const { seconds, bars, tempo, guidance } = settings;
  if (seconds !== null && !(seconds > 0 && seconds <= MAX_SECONDS)) {
    const reason = `must be more than 0 and at most ${MAX_SECONDS}`;
    throw new UgenError(reason, { flag: "--seconds", value: seconds });
  }
  if (seconds !== null && bars !== null) {
    throw new UgenError("--seconds and --bars: give one of them");
  }
  within("--bars", bars, 1, MAX_BARS);
  if (bars !== null && !Number.isInteger(bars)) {
    throw new UgenError("must be a whole number", { flag: "--bars", value: bars });
  }
  within("--tempo", tempo, ...TEMPOS);
  within("--guidance", guidance, 1, 10);
  for (const name of ["density", "polyphony", "meter"] as const) {
    const { values } = BY_NAME.get(name)!;
    const value = settings[name];
    if (value !== null && !values.includes(value)) {
      const reason = `must be one of ${values.join(", ")}`;
      throw new UgenError(reason, { flag: `--${name}`, value });
    }
  }
  if (settings.key !== null) parseKey(settings.key);
  for (const name of ["like", "instruments", "chords"] as const) {
    const { length } = settings[name] ?? "";
    if (length > LONGEST) {
      throw new UgenError(`${length} characters; ${LONGEST} are the most`, { flag: `--${name}` });
    }
  }
  if (settings.instruments !== null) instrumentsOf(settings.instruments);
  if (settings.chords !== null) parseChords(settings.chords);
  if (settings.kept !== null) checkKept(settings, settings.kept);
}

/** Throw UgenError for what contradicts music that stays. */
function checkKept({ primer, seconds, bars, meter }: SongSettings, kept: Kept): void {
  if (primer !== null) {
    const reason = "not with --with, whose music is all of the song";
    throw new UgenError(reason, { flag: "--primer" });
  }
  if (seconds !== null || (bars !== null && bars !== kept.bars)) {
    const reason = "not with --with: the song is as long as its music";
    throw new UgenError(reason, { flag: bars ? "--bars" : "--seconds" });
  }
  const meters = metersOf(kept).join(", ");
  if (meter !== null && meters !== meter) {
    const reason = `the music of --with is in ${meters}; leave it out`;
    throw new UgenError(reason, { flag: "--meter", value: meter });
  }
}

/** Throw UgenError for a number that is out of range. */
export function within(flag: string, value: number | null, low: number, high: number): void {
  if (value === null || (value >= low && value <= high)) return;
  throw new UgenError(`must be ${low} to ${high}`, { flag, value: general(value) });
}

/** Whether degenerate and copied output is resampled: not where music stays, which may be such. */
export function isGuarded({ guard, kept }: SongSettings): boolean {
  return guard && kept === null;
}
