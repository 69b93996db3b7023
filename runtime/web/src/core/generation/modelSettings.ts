/** Settings of a song as a model takes them: what is left out filled in, and wishes as ids. */
import { chordsKey, parseChords } from "../analysis/chordSymbols";
import { keyName, keyOf } from "../analysis/key";
import { WISH_TABLE } from "../analysis/wishes";
import { NO_WISHES, type Wishes } from "../codecs/columns";
import { UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import type { SongSettings, Texts } from "./settings";
import { drawn, type Mix, mixOf, requireChords, requireKnown } from "./wishes/asked";
import { checkInstruments, instrumentsOf } from "./wishes/instruments";
import { givenOf, tempoOf } from "./wishes/kept";
import { drawnKey } from "./wishes/usual";

const GUIDANCE = 3;

/** Whether a model with this card is told how much of the song is left. */
export function countsDown(settings: SongSettings, card: Card): boolean {
  const hasLength = (settings.seconds ?? settings.bars) !== null;
  return card.columnNames.includes("left") && hasLength && !settings.exact;
}

/** Whether such a model ends the song near the asked length, by the codec's end. */
export function endsIt(settings: SongSettings, card: Card): boolean {
  return settings.kept === null && countsDown(settings, card) && card.codec.end !== null;
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
  const { kept, seed, instruments } = settings;
  const only = instruments === null ? null : instrumentsOf(instruments);
  const given = kept && givenOf(kept, card.codec, seed, only);
  if (!counts && settings.chords === null) return { ...NO_WISHES, ids, given };
  const before = settings.primer ?? [];
  const cursor = card.codec.cursor(settings.tempo);
  const isFrame = card.codec.input === "frame";
  for (const item of card.codec.toInputs(before)) cursor.feed(isFrame ? 0 : Number(item));
  const wishes = { ...NO_WISHES, ids, given };
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
 * The same for a model with this card, what is left out filled in. Throws UgenError that
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
    bars: settings.kept?.bars ?? settings.bars,
    tempo: settings.tempo ?? (settings.kept && tempoOf(settings.kept)),
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
function usualKey({ chords, primer, kept, seed }: SongSettings, card: Card): string {
  if (chords !== null) return keyName(chordsKey(parseChords(chords)));
  if (kept !== null) return keyName(keyOf(kept.score));
  if (!primer?.length) return drawnKey(card, seed);
  return keyName(keyOf(card.codec.decoder().whole(card.codec.toInputs(primer))));
}
