/** All codecs by name, and codecs from the descriptions that files hold. */
import { CodecError } from "../errors";
import { checked, flag, type Json, JsonError, listOf, mapping, nullable, object, text, whole } from "../jsonValues";
import type { Codec } from "./base";
import { beatsCodec } from "./beats/codec";
import { eventsCodec } from "./events";
import { framesCodec } from "./frames";
import { khotCodec } from "./khot";

/** What makes the codec of each name from the options that a file holds. */
const CODECS: Record<string, (options: Json) => Codec> = {
  beats: (options) => {
    const { band } = object<{ band: boolean }>({ band: flag })(options, "options");
    return beatsCodec(band);
  },
  events: (options) => {
    object({})(options, "options");
    return eventsCodec();
  },
  frames: (options) => {
    const checks = { ticks: whole, fold: flag };
    const { ticks, fold } = object<{ ticks: number; fold: boolean }>(checks)(options, "options");
    return framesCodec(ticks, fold);
  },
  khot: (options) => {
    const { ticks } = object<{ ticks: number }>({ ticks: whole })(options, "options");
    return khotCodec(ticks);
  },
};

interface Description {
  name: string;
  options: Map<string, Json>;
  start: number;
  end: number | null;
  events: string[];
}

const description = object<Description>({
  name: text,
  options: mapping,
  start: whole,
  end: nullable(whole),
  events: listOf(text),
});

/** The codec that a model file describes. Its event table must be the one its options make. */
export function codecFromJson(value: Json, place: string): Codec {
  const stored = description(value, place);
  if (!Object.hasOwn(CODECS, stored.name)) {
    const known = Object.keys(CODECS).join(", ");
    throw new JsonError(`${place}: codec '${stored.name}' is unknown; choose one of ${known}`);
  }
  const codec = checked((options) => CODECS[stored.name]!(options), stored.options, place);
  const isSame =
    stored.start === codec.start &&
    stored.end === codec.end &&
    stored.events.length === codec.events.length &&
    stored.events.every((event, n) => event === codec.events[n]);
  if (!isSame) {
    throw new CodecError(`codec ${codec.name}: its event table is not the one its options make`);
  }
  return codec;
}
