/** All that decides a song besides the model: one checked object, from the caller to the sampler. */
import { chordsKey, parseChords } from "../analysis/chordSymbols";
import { keyName, keyOf, parseKey } from "../analysis/key";
import { BY_NAME, WISH_TABLE } from "../analysis/wishes";
import { NO_WISHES, type Wishes } from "../codecs/columns";
import { UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import { checkSampling } from "../sampling/config";
import { general } from "../text";
import type { Sampling, SongSettings as Asked } from "../types";
import { drawn, type Mix, mixOf, requireChords, requireKnown } from "./wishes/asked";
import { checkInstruments, instrumentsOf } from "./wishes/instruments";
import { drawnKey } from "./wishes/usual";

export const MAX_SECONDS = 24 * 3600;
const MAX_BARS = 20_000;
const MAX_SEED = (1n << 64n) - 1n;
const TEMPOS = [10, 400] as const;
const GUIDANCE = 3;
const LONGEST = 1 << 13; // characters of a text
export const SECONDS = 60; // of a song when no length is given

/** The texts that are asked of a model, by the field's name. */
type Texts = Record<"key" | "like" | "density" | "polyphony" | "meter", string | null>;

/**
 * What to make, in the order of a record. Texts are null where nobody names them. `primer`: tokens
 * of music to continue from. `guided`: the wishes that are guided, by name; null for those asked
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
    wishes: {},
    endless: false,
    guard: true,
    copyGuard: true,
  };
}

/** Settings as they are asked for, checked. `primer`: the tokens of the primer. */
export function settingsOf(card: Card, asked: Asked, primer: number[] | null): SongSettings {
  const given = { ...defaults(card), ...definedOnly(asked) };
  const wishes = definedOnly(given.wishes);
  const { instruments } = wishes;
  const isEndless = given.endless || given.seconds !== null || given.bars !== null;
  const settings: SongSettings = {
    seconds: isEndless ? given.seconds : SECONDS,
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
}

function within(flag: string, value: number | null, low: number, high: number): void {
  if (value === null || (value >= low && value <= high)) return;
  throw new UgenError(`must be ${low} to ${high}`, { flag, value: general(value) });
}

/** Whether a model with this card is told how much of the song is left. */
export function countsDown(settings: SongSettings, card: Card): boolean {
  const hasLength = (settings.seconds ?? settings.bars) !== null;
  return card.columnNames.includes("left") && hasLength && !settings.exact;
}

/** Whether such a model ends the song near the asked length, by the codec's end. */
export function endsIt(settings: SongSettings, card: Card): boolean {
  return countsDown(settings, card) && card.codec.end !== null;
}

/** The texts that are asked of a model, by the wish's name. */
function textsOf(settings: SongSettings): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, field } of WISH_TABLE) {
    const text = name === "tempo" ? null : settings[field as keyof Texts];
    if (text !== null) found.set(name, text);
  }
  return found;
}

/** The columns whose wishes are guided, if any are. */
export function guidedColumns(settings: SongSettings, card: Card): string[] {
  if (settings.guidance === 1 || settings.guided === null) return [];
  return settings.guided.filter((name) => card.known.has(name));
}

/** The ids asked for, with their weights, by the column's name. */
export function mixesOf(settings: SongSettings, card: Card): Map<string, Mix> {
  const mixes = new Map<string, Mix>();
  for (const [name, text] of textsOf(settings)) mixes.set(name, mixOf(card.known.get(name)!, text));
  const tempo = card.known.get("tempo");
  if (settings.tempo !== null && tempo) {
    mixes.set("tempo", new Map([[tempo.ask(settings.tempo), 1]]));
  }
  return mixes;
}

/**
 * What is wanted of the piece from its first token on, the primer included; of a mix, what holds in
 * its first bar.
 */
export function wishesOf(settings: SongSettings, card: Card): Wishes {
  const ids = new Map<string, number>();
  for (const [name, mix] of mixesOf(settings, card)) ids.set(name, drawn(mix, settings.seed, 0));
  const counts = countsDown(settings, card);
  if (!counts && settings.chords === null) return { ...NO_WISHES, ids };
  const before = settings.primer ?? [];
  const cursor = card.codec.cursor(settings.tempo);
  const isFrame = card.codec.input === "frame";
  for (const item of card.codec.toInputs(before)) cursor.feed(isFrame ? 0 : Number(item));
  const wishes = { ...NO_WISHES, ids };
  if (settings.chords !== null) {
    const isNew = !before.length || card.codec.events[before[before.length - 1]!] === "bar";
    wishes.chords = parseChords(settings.chords);
    wishes.chordsFrom = isNew ? cursor.bars : cursor.bars + 1;
  }
  if (!counts) return wishes;
  if (settings.bars !== null) return { ...wishes, bars: cursor.bars + settings.bars };
  return { ...wishes, seconds: cursor.seconds + settings.seconds! };
}

/**
 * The same for a model with this card, `key` and what is guided filled in. Throws UgenError that
 * names what such a model cannot do.
 */
export function forModel(settings: SongSettings, card: Card): SongSettings {
  const { codec } = card;
  for (const [flag, value] of [
    ["--bars", settings.bars],
    ["--tempo", settings.tempo],
  ] as const) {
    if (value !== null && !codec.hasBars) {
      const reason = `the ${codec.name} codec knows seconds only, no beats and bars`;
      throw new UgenError(reason, { flag });
    }
  }
  if (settings.sampling.repetitionPenalty > 1 && !codec.onsetTokens.some((is) => is === 1)) {
    const reason = `the ${codec.name} codec has no tokens for onsets`;
    throw new UgenError(reason, { flag: "--repetition-penalty" });
  }
  const asked = textsOf(settings);
  if (settings.key !== null && !card.known.has("key")) {
    const reason = "the model was trained without the column key; transpose its songs";
    throw new UgenError(reason, { flag: "--key", value: settings.key });
  }
  for (const name of asked.keys()) requireKnown(card, name);
  const guided = [...asked.keys(), ...(settings.tempo === null ? [] : ["tempo"])];
  const filled: SongSettings = {
    ...settings,
    key: settings.key ?? (card.known.has("key") ? usualKey(settings, card) : null),
    guided: settings.guided ?? guided,
    guidance: settings.guidance ?? GUIDANCE,
  };
  if (filled.chords !== null) requireChords(card);
  checkInstruments(codec, filled.instruments, filled.drums);
  mixesOf(filled, card);
  return filled;
}

/** The key to ask for where nobody names one. */
function usualKey({ chords, primer, seed }: SongSettings, card: Card): string {
  if (chords !== null) return keyName(chordsKey(parseChords(chords)));
  if (!primer?.length) return drawnKey(card, seed);
  return keyName(keyOf(card.codec.decoder().whole(card.codec.toInputs(primer))));
}
