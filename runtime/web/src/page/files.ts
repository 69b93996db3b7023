/** Files that a user drops, by what they begin with; and files that are saved. */
import { isSoundFont } from "../sound/banks";
import type { Bytes } from "./loading";

export type Kind = "midi" | "soundfont" | "model";

const LARGEST = { midi: 32e6, soundfont: 600e6, model: 1e9 };

/** What a file is, its bytes read. Throws an Error, one line for the user, if it is too large. */
export async function readFile(file: File): Promise<{ kind: Kind; bytes: Bytes }> {
  const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const kind = kindOf(head);
  if (file.size > LARGEST[kind]) {
    throw new Error(`${file.name}: ${Math.round(file.size / 1e6)} MB are too many for this page`);
  }
  return { kind, bytes: new Uint8Array(await file.arrayBuffer()) };
}

export function kindOf(head: Uint8Array): Kind {
  const word = (at: number) => String.fromCharCode(...head.subarray(at, at + 4));
  if (isSoundFont(head)) return "soundfont";
  if (word(0) === "MThd" || (word(0) === "RIFF" && word(8) === "RMID")) return "midi";
  return "model"; // whose reader says what is wrong with it
}

/** Hand a file to the user. */
export function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
