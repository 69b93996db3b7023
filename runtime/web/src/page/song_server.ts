/** The model's side of the worker: makes songs, no further ahead than the page asks. */
import type { Event, Model, SongSettings } from "../core";
import type * as core from "../core";
import type { FromSong, SongFile, ToSong } from "./messages";

type Core = Pick<typeof core, "load" | "stream" | "generate" | "UgenError">;
type Tell = (message: FromSong) => void;

const BATCH_MS = 40; // events go out together, and messages are heard in between

interface Job {
  until: number;
  stopped: boolean;
  wake: () => void;
}

export class SongServer {
  private model: Model | undefined;
  private bringWasm: (bytes: Uint8Array | string) => void = () => {};
  private readonly jobs = new Map<number, Job>();

  constructor(
    private readonly core: Core,
    private readonly tell: Tell,
  ) {}

  receive(message: ToSong): void {
    const job = "job" in message ? message.job : undefined;
    this.answer(message).catch((error: unknown) => {
      if (job !== undefined) this.jobs.delete(job);
      const text = error instanceof Error ? error.message : String(error);
      const isUsers = error instanceof this.core.UgenError;
      this.tell({ told: "error", job, message: text, isUsers });
    });
  }

  private async answer(message: ToSong): Promise<void> {
    if (message.do === "load") return this.load(message.bytes);
    if (message.do === "wasm") return this.bringWasm(message.bytes);
    if (message.do === "make") return this.make(message.job, message.settings, message.until);
    if (message.do === "save") return this.save(message.job, message.settings, message.as);
    const job = this.jobs.get(message.job);
    if (!job) return;
    if (message.do === "stop") job.stopped = true;
    else job.until = Math.max(job.until, message.until);
    job.wake();
  }

  private async load(bytes: Uint8Array): Promise<void> {
    const model = await this.core.load(bytes, { wasm: () => this.wasm() });
    for (const job of this.jobs.values()) job.stopped = true;
    await this.model?.release();
    this.model = model;
    const { card, sha256, settings } = model;
    this.tell({ told: "loaded", card: plain(card), sha256, settings: plain(settings) });
  }

  private async wasm(): Promise<Uint8Array> {
    const coming = new Promise<Uint8Array | string>((resolve) => (this.bringWasm = resolve));
    this.tell({ told: "wasm" });
    const bytes = await coming;
    if (typeof bytes === "string") throw new this.core.UgenError(bytes);
    return bytes;
  }

  private async make(number: number, settings: SongSettings, until: number): Promise<void> {
    const job: Job = { until, stopped: false, wake: () => {} };
    this.jobs.set(number, job);
    let events: Event[] = [];
    let told = performance.now();
    for await (const event of this.core.stream(this.loaded(), settings)) {
      if (job.stopped) break;
      if (event.kind === "progress") events = events.filter((each) => each.kind !== "progress");
      events.push(plain(event));
      const isAhead = secondOf(event) > job.until;
      if (!isAhead && performance.now() - told < BATCH_MS) continue;
      this.tell({ told: "events", job: number, events });
      events = [];
      await heard(); // messages that came meanwhile
      while (secondOf(event) > job.until && !job.stopped) {
        await new Promise<void>((resolve) => (job.wake = resolve));
      }
      told = performance.now();
    }
    if (!job.stopped && events.length) this.tell({ told: "events", job: number, events });
    this.jobs.delete(number);
  }

  private async save(job: number, settings: SongSettings, as: SongFile): Promise<void> {
    const song = await this.core.generate(this.loaded(), settings);
    const text = (title: string) => new TextEncoder().encode(song.musicXml(title));
    const bytes = as === "midi" ? song.midi() : text(as.title);
    this.tell({ told: "saved", job, bytes });
  }

  private loaded(): Model {
    if (!this.model) throw new this.core.UgenError("no model is loaded");
    return this.model;
  }
}

/** How far a song is by an event; 0 where it does not say. */
function secondOf(event: Event): number {
  if (event.kind === "note") return event.onset;
  return event.kind === "progress" ? 0 : event.seconds;
}

/** Lets the messages in that wait: a model at work leaves them no turn. (A timer would wait 4 ms.) */
function heard(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** What can be sent: fields alone, without methods. */
function plain<T>(value: T): T {
  const known = new Map<object, unknown>();
  const of = (each: unknown): unknown => {
    if (typeof each === "function") return undefined;
    if (!each || typeof each !== "object" || ArrayBuffer.isView(each)) return each;
    if (!known.has(each)) known.set(each, Array.isArray(each) ? each.map(of) : fields(each, of));
    return known.get(each);
  };
  return of(value) as T;
}

function fields(value: object, of: (each: unknown) => unknown): Record<string, unknown> {
  const pairs = Object.entries(value).map(([name, each]) => [name, of(each)] as const);
  return Object.fromEntries(pairs.filter(([, each]) => each !== undefined));
}
