/** The page's side of the model's worker. */
import type { Card, Event, SongSettings } from "../core";
import type { Bytes } from "./loading";
import type { FromSong, SongFile, ToSong } from "./messages";

/** A model that the worker has loaded. */
export interface Loaded {
  card: Card;
  sha256: string;
  settings: Required<SongSettings>;
}

/** What a song in the making calls. */
export interface Listener {
  events(events: Event[]): void;
  failed(message: string): void;
}

/** A mistake of the user's, as opposed to one of ugen's. */
export class Refused extends Error {}

interface Waiting {
  resolve: (answer: FromSong) => void;
  reject: (error: Error) => void;
}

export class Maker {
  private job = 0; // of the song being made
  private files = 0; // jobs below 0 make files
  private listener: Listener | undefined;
  private readonly waiting = new Map<number | undefined, Waiting>();
  private wasm: () => Promise<Bytes> = () => Promise.reject(new Error("no model is loaded"));

  constructor(private readonly worker: Worker) {
    worker.addEventListener("message", (event: MessageEvent<FromSong>) => this.hear(event.data));
    worker.addEventListener("error", (event) => this.broke(event.message || "the worker stopped"));
  }

  /**
   * Load a model; the one before stays when this one cannot be loaded. `wasm`: brings onnxruntime's,
   * if the model needs it.
   */
  async load(bytes: Bytes, wasm: () => Promise<Bytes>): Promise<Loaded> {
    this.wasm = wasm;
    const answer = await this.ask(undefined, { do: "load", bytes }, [bytes.buffer]);
    const { card, sha256, settings } = answer as Extract<FromSong, { told: "loaded" }>;
    return { card, sha256, settings };
  }

  /** Begin a song, in the place of the one before. */
  make(settings: SongSettings, until: number, listener: Listener): void {
    this.stop();
    this.job += 1;
    this.listener = listener;
    this.post({ do: "make", job: this.job, settings, until });
  }

  /** Let the song be made up to this second. */
  more(until: number): void {
    this.post({ do: "more", job: this.job, until });
  }

  stop(): void {
    if (this.listener) this.post({ do: "stop", job: this.job });
    this.listener = undefined;
  }

  /** A song as a file, as ugen-run writes it. */
  async save(settings: SongSettings, as: SongFile): Promise<Uint8Array> {
    this.files -= 1;
    const answer = await this.ask(this.files, { do: "save", job: this.files, settings, as });
    return (answer as Extract<FromSong, { told: "saved" }>).bytes;
  }

  close(): void {
    this.worker.terminate();
  }

  private post(message: ToSong, moved: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, moved);
  }

  /** `moved`: memory that the worker gets, and this page no longer has. */
  private ask(
    job: number | undefined,
    message: ToSong,
    moved: ArrayBuffer[] = [],
  ): Promise<FromSong> {
    return new Promise((resolve, reject) => {
      this.waiting.set(job, { resolve, reject });
      this.post(message, moved);
    });
  }

  private hear(message: FromSong): void {
    if (message.told === "events") {
      if (message.job === this.job) this.listener?.events(message.events);
      return;
    }
    if (message.told === "wasm") return void this.bringWasm();
    const job = message.told === "loaded" ? undefined : message.job;
    if (message.told === "error" && job === this.job) return this.listener?.failed(message.message);
    const waiting = this.waiting.get(job);
    this.waiting.delete(job);
    if (message.told !== "error") return waiting?.resolve(message);
    const { isUsers } = message;
    waiting?.reject(isUsers ? new Refused(message.message) : new Error(message.message));
  }

  private async bringWasm(): Promise<void> {
    const bytes = await this.wasm().catch((error: Error) => error.message);
    this.post({ do: "wasm", bytes }, typeof bytes === "string" ? [] : [bytes.buffer]);
  }

  private broke(message: string): void {
    for (const { reject } of this.waiting.values()) reject(new Error(message));
    this.waiting.clear();
    this.listener?.failed(message);
  }
}
