/** What of a song leaves the page: files of it, and links to it. */
import { type Choices, fragmentOf } from "./choices";
import { save } from "./files";
import type { Studio } from "./studio";
import type { View } from "./view";

/** Kinds of files, by the button: their type and how their names end. */
const KINDS = {
  midi: ["audio/midi", ".mid"],
  musicxml: ["application/vnd.recordare.musicxml+xml", ".musicxml"],
} as const;

export async function saveFile(
  view: View,
  studio: Studio,
  kind: keyof typeof KINDS,
): Promise<void> {
  view.say("Writing the file…");
  const title = `song-${studio.choices.seed}`;
  const [type, extension] = KINDS[kind];
  const name = title + extension;
  try {
    const bytes = await studio.file(kind === "midi" ? kind : { title });
    save(new Blob([bytes as BlobPart], { type }), name);
    view.say("");
  } catch (error) {
    view.say(`${name}: ${(error as Error).message}`, true);
  }
}

/** Copies a link to the present song; before there is one, to the settings. */
export async function copyLink(view: View, studio: Studio, chosen: Choices): Promise<void> {
  const choices = studio.hasSong ? studio.choices : chosen;
  const fragment = fragmentOf(choices, studio.loaded!.sha256);
  const link = `${location.href.split("#")[0]}#${fragment}`;
  history.replaceState(null, "", link);
  const rest = studio.isPrimed ? " It can't carry the music that this song goes on from." : "";
  try {
    await navigator.clipboard.writeText(link);
    view.say(`The link is copied: it makes the same song.${rest}`);
  } catch {
    view.say(`The link stands in the address bar now.${rest}`);
  }
}
