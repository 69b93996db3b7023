/** What the user chose, as the form and a link's fragment hold it, and the settings it makes. */
import type { SongSettings, Wishes } from "../core";
import type { Loaded } from "./maker";

/** By name; what is absent or empty is left to the model. */
export type Choices = Partial<Record<ChoiceName, string>>;

export const ENDLESS = "endless";
const WISHES = ["key", "density", "polyphony", "meter", "label", "chords"] as const;
const NAMES = [
  "seed",
  "length",
  "temperature",
  "tempo",
  ...WISHES,
  "instruments",
  "drums",
] as const;
export type ChoiceName = (typeof NAMES)[number];

const MAX_SEED = (1n << 64n) - 1n;

/** The settings of a song. Throws an Error, one line for the user, for what is no number. */
export function settingsOf(choices: Choices, loaded: Loaded): SongSettings {
  const seed = seedOf(choices.seed);
  if (seed === undefined) throw new Error(`The seed is a whole number from 0 to ${MAX_SEED}.`);
  const settings: SongSettings = { seed };
  if (choices.length === ENDLESS) settings.endless = true;
  else settings.seconds = numberOf("length", choices) ?? 60;
  const temperature = numberOf("temperature", choices);
  if (temperature !== undefined) settings.temperature = temperature;
  const tempo = numberOf("tempo", choices);
  if (tempo !== undefined && loaded.card.codec.hasBars) settings.tempo = tempo;
  const wishes = wishesOf(choices, loaded);
  if (Object.keys(wishes).length) settings.wishes = wishes;
  return settings;
}

function wishesOf(choices: Choices, { card }: Loaded): Wishes {
  const known = new Set(card.wishes.map((wish) => wish.name));
  if (card.knowsChords) known.add("chords");
  const wishes: Wishes = {};
  for (const name of WISHES) {
    if (choices[name] && known.has(name)) wishes[name] = choices[name];
  }
  const instruments = (choices.instruments ?? "").split(",").filter((each) => /^\d+$/.test(each));
  const chosen = instruments.map(Number).filter((each) => card.programs.includes(each));
  if (card.programs.length > 1 && chosen.length) wishes.instruments = chosen;
  if (choices.drums === "no" && card.programs.includes(128)) wishes.drums = false;
  return wishes;
}

/** A seed as somebody wrote it; undefined if it is none. */
export function seedOf(text: string | undefined): bigint | undefined {
  if (!text || !/^\d{1,20}$/.test(text)) return undefined;
  const seed = BigInt(text);
  return seed <= MAX_SEED ? seed : undefined;
}

export function drawnSeed(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

function numberOf(name: ChoiceName, choices: Choices): number | undefined {
  const text = choices[name];
  if (!text) return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) throw new Error(`The ${name} is a number, not ${text}.`);
  return number;
}

/** The fragment of a link to a song, `#` excluded. `model`: the file's sha256. */
export function fragmentOf(choices: Choices, model: string): string {
  const pairs = NAMES.filter((name) => choices[name]).map((name) => [name, choices[name]!]);
  return new URLSearchParams([...pairs, ["model", model.slice(0, 12)]]).toString();
}

/** What a link holds; nothing else of it is used. */
export function ofFragment(fragment: string): { choices: Choices; model: string | undefined } {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const choices: Choices = {};
  for (const name of NAMES) {
    const value = given.get(name);
    if (value && value.length < 2000) choices[name] = value;
  }
  if (choices.seed && seedOf(choices.seed) === undefined) delete choices.seed;
  return { choices, model: given.get("model") ?? undefined };
}
