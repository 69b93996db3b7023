/** The controls of a model beside its player: loading, settings, files in and out. */
import { hasAsset } from "../assets";
import { modelName, openCard } from "./card_view";
import { ofFragment } from "./choices";
import { Controls } from "./controls";
import { followDrops } from "./drops";
import { type Kind, readFile } from "./files";
import { type Bytes, Loading } from "./loading";
import type { Loaded, Maker } from "./maker";
import { Music } from "./music";
import type { Player } from "./player";
import { Ports } from "./ports";
import type { Primer } from "./primer";
import { DRUMS } from "./programs";
import { copyLink, saveFile } from "./share";
import { Studio } from "./studio";

const INVITATION = "Drop a ugen model here (.onnx), or open one below.";

export class Instrument {
  private readonly studio: Studio;
  private readonly music: Music;
  private controls: Controls | undefined;
  private sounds: Promise<void> | undefined;
  private wantsPlay = false;
  private typedSeed = false;
  private link: ReturnType<typeof ofFragment>;

  constructor(
    private readonly host: HTMLElement,
    readonly player: Player,
    private readonly maker: Maker,
  ) {
    const { view, deck } = player;
    this.studio = new Studio(maker, deck);
    this.music = new Music(view);
    this.link = ofFragment(this.isPage ? location.hash : "");
    new Ports(player, (bytes) => this.goOnFrom({ bytes, keep: true }));
    this.studio.onerror = (message) => view.say(message, true);
    this.studio.onchange = () => this.changed();
    deck.sound.onpiece = () => this.studio.follow();
    player.beforePlay = () => this.playFirst();
    this.listen();
  }

  close(): void {
    this.player.close();
    this.maker.close();
  }

  private listen(): void {
    const { view, until } = this.player;
    view.on("fresh", () => this.fresh());
    view.on("branch", () => void this.branch());
    for (const kind of ["midi", "musicxml"] as const) {
      view.on(kind, () => void saveFile(view, this.studio, kind));
    }
    view.on("link", () => void copyLink(view, this.studio, this.controls!.choices));
    view.on("card", () => void openCard(view, this.studio.loaded));
    view.on("open", () => view.file.click());
    view.file.addEventListener("change", () => {
      const files = [...(view.file.files ?? [])];
      view.file.value = "";
      void this.takeAll(files);
    });
    view.form.addEventListener("input", (event) => {
      if ((event.target as HTMLInputElement).name === "seed") this.typedSeed = true;
    });
    const follow = () => {
      this.link = ofFragment(location.hash);
      if (this.studio.loaded) this.followLink(this.studio.loaded);
    };
    if (this.isPage) window.addEventListener("hashchange", follow, until);
    const place = this.isPage ? document : this.host;
    followDrops(place, view.stage, (files) => void this.takeAll(files), until);
  }

  /** Whether it is a page of its own, as opposed to a part of somebody's. */
  private get isPage(): boolean {
    return !this.host.hasAttribute("src");
  }

  /** Load the model of an address; null: the page's own. */
  async open(address: string | null): Promise<void> {
    const { view } = this.player;
    this.withoutModel();
    view.name = "ugen";
    if (address === null && !hasAsset("model.onnx")) {
      view.veil(INVITATION);
      view.button("play").disabled = true;
      return;
    }
    const loading = new Loading((fraction) => view.veil("Loading…", fraction));
    try {
      await this.load(address === null ? loading.asset("model.onnx") : fetched(address), loading);
    } catch (error) {
      this.refuse((error as Error).message);
    }
  }

  async takeAll(files: readonly File[]): Promise<void> {
    for (const file of files) await this.take(file);
  }

  async take(file: File): Promise<void> {
    const { view } = this.player;
    view.say(`Reading ${file.name}…`);
    try {
      const { kind, bytes } = await readFile(file);
      await this.use(kind, bytes, file.name);
    } catch (error) {
      view.veil(this.studio.loaded ? null : INVITATION);
      view.say(`${file.name}: ${(error as Error).message}`, true);
    }
  }

  private async use(kind: Kind, bytes: Bytes, name: string): Promise<void> {
    const { view, deck } = this.player;
    if (kind === "soundfont") {
      await deck.sound.addBanks(bytes);
      if (deck.isPlaying) deck.seek(deck.time);
      view.say(`Sounds of ${name}`);
    } else if (kind === "midi") {
      this.music.take({ bytes }, name);
      view.say(`The next song goes on from ${name}${this.music.offer}`);
    } else {
      await this.load(Promise.resolve(bytes));
      view.say("");
    }
  }

  /** Model and sounds come at the same time; a song is made before its sounds are there. */
  private async load(model: Promise<Bytes>, loading = new Loading(() => {})): Promise<void> {
    const { view } = this.player;
    view.veil("Loading…", null);
    this.sounds ??= this.loadSounds(loading.asset("sounds.sf3"));
    this.sounds.catch(() => (this.sounds = undefined)); // the next model tries again
    const bytes = await model;
    view.veil("Preparing the model…", null);
    const loaded = await this.studio.load(bytes, () => loading.wasm());
    this.show(loaded);
    if (this.wantsPlay) this.playFirst();
    await this.sounds;
  }

  private async loadSounds(bytes: Promise<Bytes>): Promise<void> {
    await this.player.deck.sound.addBanks((await bytes)!);
  }

  private show(loaded: Loaded): void {
    const { view } = this.player;
    view.veil(null);
    view.hasModel = true;
    view.button("link").hidden = !this.isPage;
    view.button("play").disabled = false;
    view.name = modelName(loaded.card);
    this.controls = new Controls(view.form, loaded);
    this.music.begin(loaded.card);
    this.followLink(loaded);
    this.changed();
    this.host.dispatchEvent(new Event("ready"));
  }

  /** A link's choices hold for the first song of the model that it was made with. */
  private followLink(loaded: Loaded): void {
    const { choices, model } = this.link;
    this.link = { choices: {}, model: undefined };
    this.controls!.choices = choices;
    this.typedSeed = choices.seed !== undefined;
    if (!model || loaded.sha256.startsWith(model)) return;
    this.player.view.say("The link was made with another model: its song will differ.");
  }

  /** Begin the first song. Whether there was anything to begin. */
  private playFirst(): boolean {
    if (this.studio.hasSong) return false;
    this.wantsPlay = !this.studio.loaded;
    if (this.studio.loaded) this.fresh();
    return true;
  }

  /** A new song, of the seed that the user typed, or of a drawn one. */
  private fresh(): void {
    const choices = this.controls!.choices;
    if (!this.typedSeed) delete choices.seed;
    this.typedSeed = false;
    this.player.deck.sound.unlock();
    this.player.deck.isPlaying = true;
    this.made(() => this.studio.make(choices, this.music.primer));
  }

  private goOnFrom(primer: Primer): void {
    this.music.take(primer, "what you played");
    this.fresh();
  }

  private async branch(): Promise<void> {
    const { view } = this.player;
    if (!this.studio.hasSong) return this.fresh();
    view.say("Another way to go on from here…");
    try {
      await this.studio.branch(this.controls!.choices);
      this.made(() => {});
    } catch (error) {
      view.say((error as Error).message, true);
    }
  }

  private made(make: () => void): void {
    this.player.view.say("");
    try {
      make();
    } catch (error) {
      this.player.deck.isPlaying = false;
      this.player.view.say((error as Error).message, true);
      return this.changed();
    }
    this.controls!.seed = this.studio.choices.seed ?? "";
    this.changed();
  }

  private changed(): void {
    const { view, deck } = this.player;
    const { loaded, choices, isMaking } = this.studio;
    const waits = isMaking && !deck.timeline.notes.length;
    if (loaded) view.veil(waits ? "Making music…" : null, waits ? null : undefined);
    const seed = choices.seed && this.studio.hasSong ? `Seed ${choices.seed}` : "Press play";
    if (loaded) view.song = seed;
    const { programs } = deck.sound; // none until they have come
    const isSilent = deck.timeline.programs.includes(DRUMS) && !programs.has(DRUMS);
    if (isSilent && programs.size) view.say("This page has no sounds of drums: drop a SoundFont (.sf2) on it.");
    view.button("branch").disabled = !this.studio.hasSong;
    this.player.changed();
  }

  private withoutModel(): void {
    this.player.view.hasModel = false;
    this.player.view.button("card").hidden = false;
  }

  private refuse(message: string): void {
    this.player.view.veil(INVITATION);
    this.player.view.button("play").disabled = true;
    this.player.view.say(message, true);
  }
}

async function fetched(address: string): Promise<Bytes> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: not found (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}
