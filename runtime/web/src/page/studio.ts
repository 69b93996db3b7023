/** Songs of a model: which is made, of what settings, and files of it. Knows no page. */
import type { Event, SongSettings } from "../core";
import { type Choices, drawnSeed, settingsOf } from "./choices";
import type { Deck } from "./deck";
import type { Bytes } from "./loading";
import type { Loaded, Maker } from "./maker";
import type { SongFile } from "./messages";
import { type Primer, withMusic } from "./primer";

const AHEAD = 60; // seconds that endless music is made before it is heard
const SHORTEST_BRANCH = 4; // seconds of a song that another goes on from, at least

export class Studio {
  loaded: Loaded | undefined;
  /** What the present song was made of. */
  choices: Choices = {};
  isMaking = false;
  onchange: () => void = () => {};
  onerror: (message: string) => void = () => {};
  private settings: SongSettings | undefined;
  private until = 0;

  constructor(
    private readonly maker: Maker,
    private readonly deck: Deck,
  ) {}

  async load(bytes: Bytes, wasm: () => Promise<Bytes>): Promise<Loaded> {
    this.loaded = await this.maker.load(bytes, wasm);
    this.settings = undefined;
    this.deck.pause();
    this.deck.begin(this.loaded.card.codec.hasBars);
    return this.loaded;
  }

  get hasSong(): boolean {
    return this.settings !== undefined;
  }

  /** Whether the present song is made from other music, which no link can carry. */
  get isPrimed(): boolean {
    const { primer, with: kept, vary } = this.settings ?? {};
    return [primer, kept, vary].some((file) => file);
  }

  get isEndless(): boolean {
    return this.settings?.endless === true;
  }

  /** Make a song. Without a seed among the choices one is drawn. */
  make(choices: Choices, primer?: Primer, second = 0): void {
    if (!this.loaded) return;
    const seeded = { ...choices, seed: choices.seed || drawnSeed() };
    this.settings = withMusic(settingsOf(seeded, this.loaded), primer);
    this.choices = seeded;
    this.deck.begin(this.loaded.card.codec.hasBars, second);
    this.isMaking = true;
    this.until = this.isEndless ? second + AHEAD : 86_400;
    const { deck } = this;
    this.maker.make(this.settings, this.until, {
      events: (events) => this.hear(events, deck),
      failed: (message) => this.fail(message),
    });
    this.onchange();
  }

  /** To be called while music plays: endless music is made a minute ahead. */
  follow(): void {
    if (!this.isEndless || !this.isMaking) return;
    if (this.deck.time + AHEAD < this.until + 5) return;
    this.until = this.deck.time + AHEAD;
    this.maker.more(this.until);
  }

  /** Another song that begins as this one does up to now, and goes on as a new seed says. */
  async branch(choices: Choices): Promise<void> {
    const second = Math.max(this.deck.time, Math.min(SHORTEST_BRANCH, this.deck.timeline.known));
    const song = this.settings;
    const bytes = await this.file("midi");
    if (this.settings !== song) return; // another was begun meanwhile
    const primer = { bytes, seconds: second, keep: true };
    this.make({ ...choices, seed: drawnSeed() }, primer, this.deck.time);
  }

  /** The song as a file; of endless music, what was heard of it. */
  file(as: SongFile): Promise<Uint8Array> {
    const settings = this.settings!;
    if (!settings.endless) return this.maker.save(settings, as);
    const seconds = Math.max(1, this.deck.time);
    return this.maker.save({ ...settings, endless: false, seconds, exact: true }, as);
  }

  private hear(events: Event[], deck: Deck): void {
    deck.add(events);
    if (events.some((event) => event.kind === "end")) this.isMaking = false;
    this.onchange();
  }

  private fail(message: string): void {
    this.isMaking = false;
    this.settings = undefined;
    this.deck.pause();
    this.onerror(message);
  }
}

