/** Music to continue from, as tokens of a model. */
import { arrange, cutSilence } from "../arrangement";
import { UgenError } from "../errors";
import type { Card } from "../modelFile/card";
import { readMidi } from "../midi/reader";
import type { Score } from "../score";
import type { SongSettings } from "../types";

const MAX_SECONDS = 24 * 3600;
const MAX_TOKENS = 1 << 17; // an hour of music or more

/** The tokens of a primer; null where there is none. */
export function primerTokens(card: Card, settings: SongSettings): number[] | null {
  const { primer, primerSeconds = null } = settings;
  if (!primer) return null;
  const music = primerMusic(card, readMidi(primer), primerSeconds);
  const tokens = card.codec.encode(music);
  if (tokens.length > MAX_TOKENS) {
    const reason = `${tokens.length} tokens; ${MAX_TOKENS} are the most. Use --primer-seconds`;
    throw new UgenError(reason, { flag: "--primer" });
  }
  return card.codec.end !== null && tokens.at(-1) === card.codec.end ? tokens.slice(0, -1) : tokens;
}

/** Arranged like the model's training music, without silence before it, up to some seconds of it. */
function primerMusic(card: Card, score: Score, seconds: number | null): Score {
  const music = cutSilence(arrange(score, card.arrangement));
  const [note] = music.notes;
  if (!note) throw new UgenError("no notes in it for this model", { flag: "--primer" });
  if (seconds === null) return music;
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    const reason = `must be more than 0 and at most ${MAX_SECONDS}`;
    throw new UgenError(reason, { flag: "--primer-seconds", value: seconds });
  }
  return music.until(music.tickAt(music.secondsAt(note.onset) + seconds));
}
