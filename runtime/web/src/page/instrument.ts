/** The controls of a model beside its player: loading, settings, files in and out. */
import { assetBytes, hasAsset } from "../assets";
import { modelName, showCard, showLicences } from "./card_view";
import { type Choices, ofFragment } from "./choices";
import { Controls } from "./controls";
import { followDrops } from "./drops";
import { type Kind, readFile, save } from "./files";
import type { Loaded, Maker } from "./maker";
import type { Player } from "./player";
import { Ports } from "./ports";
import { linkTo } from "./share";
import { type Primer, Studio } from "./studio";

const INVITATION = "Drop a ugen model here (.onnx), or open one below.";

export class Instrument {
  private readonly studio: Studio;
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
    view.on("midi", () => void this.saveMidi());
    view.on("link", () => void this.copyLink());
    view.on("card", () => void this.showCard());
    view.on("unprime", () => this.prime(undefined, ""));
    view.on("open", () => view.file.click());
    view.file.addEventListener("change", () => {
      const [file] = view.file.files ?? [];
      view.file.value = "";
      if (file) void this.take(file);
    });
    view.form.addEventListener("input", (event) => {
      if ((event.target as HTMLInputElement).name === "seed") this.typedSeed = true;
    });
    const place = this.isPage ? document : this.host;
    followDrops(place, view.stage, (file) => void this.take(file), until);
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
    view.veil("Loading the model…", null);
    try {
      const bytes = address === null ? await this.asset() : await fetched(address);
      await this.load(bytes);
    } catch (error) {
      this.refuse((error as Error).message);
    }
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

  private async use(kind: Kind, bytes: Uint8Array, name: string): Promise<void> {
    const { view, deck } = this.player;
    if (kind === "soundfont") {
      await deck.sound.addBanks(bytes);
      if (deck.isPlaying) deck.seek(deck.time);
      view.say(`Sounds of ${name}`);
    } else if (kind === "midi") {
      this.prime({ bytes }, name);
      view.say(`The next song goes on from ${name}`);
    } else {
      await this.load(bytes);
      view.say("");
    }
  }

  private async asset(): Promise<Uint8Array> {
    const { view } = this.player;
    const bytes = await assetBytes("model.onnx", (loaded, total) => {
      view.veil("Loading the model…", total ? loaded / total : null);
    });
    if (!bytes) throw new Error("this page has no model");
    return bytes;
  }

  private async load(bytes: Uint8Array): Promise<void> {
    const { view } = this.player;
    this.sounds ??= this.loadSounds();
    view.veil("Preparing the model…", null);
    const wasm = this.studio.loaded ? undefined : await assetBytes("ort.wasm");
    const loaded = await this.studio.load(bytes, wasm);
    await this.sounds;
    view.veil(null);
    view.hasModel = true;
    view.button("link").hidden = !this.isPage;
    view.button("play").disabled = false;
    view.name = modelName(loaded.card);
    this.controls = new Controls(view.form, loaded);
    this.prime(undefined, "");
    this.followLink(loaded);
    this.host.dispatchEvent(new Event("ready"));
    if (this.wantsPlay) this.playFirst();
  }

  private async loadSounds(): Promise<void> {
    const bytes = await assetBytes("sounds.sf3");
    if (bytes) await this.player.deck.sound.addBanks(bytes);
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
    this.made(() => this.studio.make(choices));
  }

  private goOnFrom(primer: Primer): void {
    this.prime(primer, "what you played");
    this.fresh();
  }

  private async branch(): Promise<void> {
    const { view } = this.player;
    if (!this.studio.hasSong) return this.fresh();
    view.say("Another way to go on from here…");
    try {
      await this.studio.branch(this.controls!.choices);
      this.made(() => {});
      this.prime(this.studio.primer, "the song before");
    } catch (error) {
      view.say((error as Error).message, true);
    }
  }

  private made(make: () => void): void {
    this.player.view.say("");
    make();
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
    this.player.changed();
  }

  private prime(primer: Primer | undefined, name: string): void {
    this.studio.primer = primer;
    const line = this.player.view.get<HTMLElement>(".primer");
    line.hidden = !primer;
    line.querySelector("span")!.textContent = `Songs go on from ${name}.`;
  }

  private async saveMidi(): Promise<void> {
    const { view } = this.player;
    view.say("Writing the MIDI file…");
    try {
      const bytes = await this.studio.midi();
      save(new Blob([bytes as BlobPart], { type: "audio/midi" }), `song-${this.studio.choices.seed}.mid`);
      view.say("");
    } catch (error) {
      view.say((error as Error).message, true);
    }
  }

  private async copyLink(): Promise<void> {
    const { hasSong, loaded, primer } = this.studio;
    const choices: Choices = hasSong ? this.studio.choices : this.controls!.choices;
    this.player.view.say(await linkTo(choices, loaded!.sha256, primer !== undefined));
  }

  private async showCard(): Promise<void> {
    const { dialog } = this.player.view;
    const place = dialog.querySelector<HTMLElement>(".card")!;
    const licences = new TextDecoder().decode(await assetBytes("licences.txt").catch(() => undefined));
    const { loaded } = this.studio;
    if (loaded) showCard(place, loaded.card, loaded.sha256, licences);
    else showLicences(place, licences);
    dialog.showModal();
    place.scrollTop = 0;
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

async function fetched(address: string): Promise<Uint8Array> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: not found (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}
