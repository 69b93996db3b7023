/** The script of both workers. The first message says which of them this one is. */
import * as core from "../core";
import type { ToSound } from "../sound/messages";
import { SoundServer } from "../sound/serve";
import type { Role, ToSong } from "./messages";
import { SongServer } from "./song_server";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
};

function begin({ role }: Role): void {
  const tell = (message: unknown, transfer?: Transferable[]) => scope.postMessage(message, transfer);
  if (role === "song") {
    const server = new SongServer(core, tell);
    scope.onmessage = (event: MessageEvent<ToSong>) => server.receive(event.data);
  } else {
    const server = new SoundServer(tell);
    scope.onmessage = (event: MessageEvent<ToSound>) => server.receive(event.data);
  }
}

scope.onmessage = (event: MessageEvent<Role>) => begin(event.data);
