/** Links to songs. */
import { type Choices, fragmentOf } from "./choices";

/** Copies a link to a song of these choices. Returns what to tell the user. */
export async function linkTo(choices: Choices, model: string, hasPrimer: boolean): Promise<string> {
  const { href } = location;
  const link = `${href.split("#")[0]}#${fragmentOf(choices, model)}`;
  history.replaceState(null, "", link);
  const rest = hasPrimer ? " It can't carry the music that this song goes on from." : "";
  try {
    await navigator.clipboard.writeText(link);
    return `The link is copied: it makes the same song.${rest}`;
  } catch {
    return `The link stands in the address bar now.${rest}`;
  }
}
