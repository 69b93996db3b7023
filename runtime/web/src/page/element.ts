/**
 * `<ugen-player src="model.onnx">`: an instrument that plays a ugen model. Without `src` it plays the
 * model that the page brings, or waits for one to be dropped.
 */
import { Sound } from "../sound/sound";
import { Instrument } from "./instrument";
import { Maker } from "./maker";
import { Player } from "./player";
import { startWorker } from "./workers";

export class UgenPlayer extends HTMLElement {
  static readonly observedAttributes = ["src"];
  private instrument: Instrument | undefined;
  private starting: Promise<void> | undefined;

  connectedCallback(): void {
    this.starting ??= this.start();
  }

  disconnectedCallback(): void {
    const { starting } = this;
    this.starting = undefined;
    void starting?.then(() => {
      this.instrument?.close();
      this.instrument = undefined;
    });
  }

  attributeChangedCallback(_name: string, before: string | null, now: string | null): void {
    if (before !== now) void this.starting?.then(() => this.instrument?.open(now));
  }

  /** Play, or pause. */
  toggle(): void {
    this.instrument?.player.toggle();
  }

  /** Take a file: a model, a MIDI file to go on from, or a SoundFont. */
  async take(file: File): Promise<void> {
    await this.starting;
    await this.instrument?.take(file);
  }

  private async start(): Promise<void> {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const [song, sound] = await Promise.all([startWorker("song"), startWorker("sound")]);
    this.instrument = new Instrument(this, new Player(root, new Sound(sound)), new Maker(song));
    void this.instrument.open(this.getAttribute("src"));
  }
}
