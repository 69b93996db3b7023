/** What the page and the model's worker tell each other. */
import type { Card, Event, SongSettings } from "../core";

/** The kind of a song's file; one of MusicXML has a title. */
export type SongFile = "midi" | { title: string };

export type ToSong =
  | { do: "load"; bytes: Uint8Array }
  /** onnxruntime's wasm, which the worker asked for; or why it cannot be had. */
  | { do: "wasm"; bytes: Uint8Array | string }
  /** Make a song. Events come up to `until` seconds of it, then the worker waits for `more`. */
  | { do: "make"; job: number; settings: SongSettings; until: number }
  | { do: "more"; job: number; until: number }
  | { do: "stop"; job: number }
  /** A song as a file. */
  | { do: "save"; job: number; settings: SongSettings; as: SongFile };

export type FromSong =
  /** The model that is being loaded needs onnxruntime's wasm. */
  | { told: "wasm" }
  | { told: "loaded"; card: Card; sha256: string; settings: Required<SongSettings> }
  | { told: "events"; job: number; events: Event[] }
  | { told: "saved"; job: number; bytes: Uint8Array }
  | { told: "error"; job: number | undefined; message: string; isUsers: boolean };

/** The first message of a worker: which of the two it is to be. */
export interface Role {
  role: "song" | "sound";
}
