/** What a model file says of itself: its metadata, checked. */
import { KEY_NAMES } from "../analysis/key";
import { type Table, tableFromJson } from "../analysis/fingerprintTable";
import { Known, ONE_OF_EACH_KEY } from "../analysis/wishes";
import type { Codec } from "../codecs/base";
import { DRUMS } from "../codecs/beats/table";
import { CHORD_NAMES } from "../codecs/columns";
import { codecFromJson } from "../codecs/registry";
import { ModelError, UgenError } from "../errors";
import {
  type Check,
  checked,
  type Json,
  JsonError,
  listOf,
  mapping,
  number,
  object,
  oneOf,
  parseJson,
  plain,
  text,
  whole,
} from "../jsonValues";
import { checkSampling, SAMPLING, snakeCase } from "../sampling/config";
import { line } from "../text";
import type { Card as CardOfSeam, Column, Sampling } from "../types";
import { FORMAT, MAX_STATE, type Precision, PRECISIONS, PREFIX } from "./format";

/** What a model file says of itself. */
export interface Card extends CardOfSeam {
  readonly codec: Codec;
  readonly columnNames: readonly string[];
  /** What can be asked of the model, by the wish's name. */
  readonly known: ReadonlyMap<string, Known>;
  /** The numbers of `sampling` that the file writes without a point. */
  readonly wholeSampling: ReadonlySet<string>;
  /** The instruments of each training piece of a band; none where the file does not say. */
  readonly ensembles: readonly (readonly number[])[];
  /** Notes of the training music in a mode by pitch class, from the tonic up; none likewise. */
  pitchClasses(minor: boolean): readonly number[];
  readonly originality: Table | null;
  readonly checkLogits: readonly number[] | null;
}

interface Model {
  kind: "lstm";
  input: string;
  layers: number;
  hidden: number;
  vocabulary: number;
  precision: Precision;
  arrangement: "piano" | "band";
}

const model: Check<Model> = (value, place) => {
  const found = object<Model>({
    kind: oneOf("lstm"),
    input: text,
    layers: whole,
    hidden: whole,
    vocabulary: whole,
    precision: oneOf(...PRECISIONS),
    arrangement: oneOf("piano", "band"),
  })(value, place);
  const { layers, hidden } = found;
  if (layers < 1 || hidden < 1 || layers * hidden > MAX_STATE) {
    throw new JsonError(`${place}: ${layers} layers of ${hidden} are invalid`);
  }
  return found;
};

const column: Check<Column> = object<{ name: string; size: number }>({ name: text, size: whole });

const known: Check<Known> = (value, place) => {
  const checks = { name: text, values: listOf(text), counts: listOf(whole), bounds: listOf(number) };
  type Stored = { name: string; values: string[]; counts: number[]; bounds: number[] };
  const found = object<Stored>(checks, { bounds: [] })(value, place);
  return new Known(found.name, found.values, found.counts, found.bounds);
};

/** All fields must be there: another version of ugen may have other defaults. */
const sampling: Check<{ values: Sampling; wholes: Set<string> }> = (value, place) => {
  const names = Object.keys(SAMPLING) as (keyof Sampling)[];
  const checks = names.map((name) => [snakeCase(name), SAMPLING[name].whole ? whole : number]);
  const found = object<Record<string, number>>(Object.fromEntries(checks))(value, place);
  const values = Object.fromEntries(names.map((name) => [name, found[snakeCase(name)]!]));
  const stored = mapping(value, place);
  const wholes = names.filter((name) => typeof stored.get(snakeCase(name)) === "number");
  return { values: checkSampling(values as unknown as Sampling), wholes: new Set(wholes) };
};

interface Entries {
  codec: Codec;
  model: Model;
  inputs: Column[];
  sampling: { values: Sampling; wholes: Set<string> };
  provenance: Map<string, Json>;
  licence: string;
  originality: (() => Promise<Table>) | null;
  check_logits: number[] | null;
  wishes: Known[];
}

const CHECKS: { [Name in keyof Entries]: Check<Entries[Name]> } = {
  codec: codecFromJson,
  model,
  inputs: listOf(column),
  sampling,
  provenance: mapping,
  licence: text,
  originality: tableFromJson,
  check_logits: listOf(number),
  wishes: listOf((value, place) => checked(known, value, place)),
};

/** Read and check a file's metadata. Throws ModelError that names the entry at fault. */
export async function cardFromMetadata(metadata: ReadonlyMap<string, string>): Promise<Card> {
  const format = metadata.get(`${PREFIX}format`);
  if (format === undefined) {
    throw new ModelError(`not a ugen model (it has no ${PREFIX}format entry)`);
  }
  if (format.trim() !== String(FORMAT)) {
    throw new ModelError(`model format ${line(format)}; this ugen reads ${FORMAT}`);
  }
  const values = new Map<string, Json>();
  for (const part of Object.keys(CHECKS)) {
    const stored = metadata.get(PREFIX + part);
    if (stored !== undefined) values.set(part, parsed(stored, part));
  }
  try {
    const optional = { originality: null, check_logits: null, wishes: [] };
    const entries = object<Entries>(CHECKS, optional)(values, "");
    checkTogether(entries);
    return cardOf(entries, (await entries.originality?.()) ?? null);
  } catch (error) {
    if (!(error instanceof JsonError || error instanceof UgenError)) throw error;
    throw new ModelError(
      `the metadata entry ${PREFIX}${line(error.message)}; ` +
        "if an older ugen wrote this file, export it again",
    );
  }
}

function parsed(stored: string, part: string): Json {
  try {
    return parseJson(stored);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`the metadata entry ${PREFIX}${part} is not valid JSON (${line(reason)})`);
  }
}

function checkTogether({ model, codec, wishes, inputs, check_logits }: Entries): void {
  if (model.input !== codec.input || model.vocabulary !== codec.vocabulary) {
    throw new JsonError("model does not fit its codec: input or vocabulary");
  }
  const sizes = new Map(wishes.map((each) => [each.name, each.values.length + 1]));
  if (sizes.size < wishes.length) throw new JsonError("wishes: one twice");
  const has = new Map(codec.columns.map(({ name, size }) => [name, sizes.get(name) ?? size]));
  const unknown = inputs.find((each) => has.get(each.name) !== each.size);
  if (unknown) {
    const shown = `${line(unknown.name)} of size ${unknown.size}`;
    throw new JsonError(`inputs: its codec has no such column: ${shown}`);
  }
  if (new Set(inputs.map((each) => each.name)).size < inputs.length) {
    throw new JsonError("inputs: a column twice");
  }
  if (check_logits && check_logits.length !== codec.vocabulary) {
    throw new JsonError(`check_logits are not ${codec.vocabulary}`);
  }
}

function cardOf(entries: Entries, originality: Table | null): Card {
  const { codec, model, inputs, wishes, sampling } = entries;
  const columnNames = inputs.map((each) => each.name);
  const corpus = entries.provenance.get("corpus");
  const about: ReadonlyMap<string, Json> = corpus instanceof Map ? corpus : new Map();
  const found = wishes.filter((each) => columnNames.includes(each.name));
  if (columnNames.includes("key") && !found.some((each) => each.name === "key")) {
    found.push(new Known("key", KEY_NAMES, keyCounts(about.get("keys"))));
  }
  const ensembles = ensemblesOf(about.get("ensembles"));
  return {
    codec,
    layers: model.layers,
    hidden: model.hidden,
    precision: model.precision,
    arrangement: model.arrangement,
    columns: inputs,
    columnNames,
    sampling: sampling.values,
    wholeSampling: sampling.wholes,
    wishes: found,
    known: new Map(found.map((each) => [each.name, each])),
    knowsChords: columnNames.includes(CHORD_NAMES[0]!),
    programs: programsOf(codec, ensembles),
    ensembles,
    pitchClasses: (minor) => pitchClasses(about.get("pitch_classes"), minor),
    provenance: plain(entries.provenance) as Record<string, unknown>,
    licence: entries.licence,
    originality,
    checkLogits: entries.check_logits,
  };
}

function isCount(value: Json): value is number {
  return typeof value === "number" && value >= 0 && value < 2 ** 53;
}

/** How often each key occurs in the training music, as files of before say it; else 1 each. */
function keyCounts(found: Json | undefined): number[] {
  if (!(found instanceof Map)) return ONE_OF_EACH_KEY;
  const counts = KEY_NAMES.map((name) => found.get(name) ?? 0);
  return counts.every(isCount) && counts.some((each) => each > 0) ? counts : ONE_OF_EACH_KEY;
}

function ensemblesOf(found: Json | undefined): number[][] {
  const lists = Array.isArray(found) ? found : [];
  return lists.filter(
    (each): each is number[] =>
      Array.isArray(each) &&
      each.length > 0 &&
      each.every((n) => typeof n === "number" && n >= 0 && n <= DRUMS),
  );
}

function pitchClasses(found: Json | undefined, minor: boolean): number[] {
  const counts = found instanceof Map ? found.get(minor ? "minor" : "major") : null;
  if (!Array.isArray(counts) || counts.length !== 12) return [];
  return counts.every(isCount) ? counts : [];
}

function programsOf(codec: Codec, ensembles: readonly (readonly number[])[]): number[] {
  if (!codec.events.some((event) => event.startsWith("program:"))) return [0];
  if (!ensembles.length) return Array.from({ length: DRUMS + 1 }, (_, n) => n);
  return [...new Set(ensembles.flat())].sort((a, b) => a - b);
}
