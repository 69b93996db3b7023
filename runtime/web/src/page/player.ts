/** A song on the page: roll, transport and times. What plays, with a model or without one. */
import type { Sound } from "../sound/sound";
import { Deck } from "./deck";
import { save } from "./files";
import { Roll } from "./roll";
import { clock, View } from "./view";

const JUMP = 5; // seconds of an arrow key

export class Player {
  readonly view: View;
  readonly deck: Deck;
  /** What the play button does first: true if it did all. */
  beforePlay: () => boolean = () => false;
  private readonly roll: Roll;
  private readonly stops = new AbortController();
  private readonly sizes: ResizeObserver;
  private frame = 0;
  private isDark = false;

  constructor(root: ShadowRoot, sound: Sound) {
    this.view = new View(root);
    this.deck = new Deck(sound);
    this.roll = new Roll(this.view.canvas);
    this.deck.onchange = () => this.changed();
    sound.onerror = (message) => this.view.say(message, true);
    this.view.on("play", () => this.toggle());
    this.view.on("wav", () => void this.saveWav());
    this.followSeek();
    this.followPreferences();
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.view.stage);
    const woken = () => this.deck.isPlaying && this.deck.sound.unlock(); // a phone had stopped it
    document.addEventListener("visibilitychange", woken, this.until);
    root.host.addEventListener("keydown", (event) => this.key(event as KeyboardEvent), this.until);
  }

  /** For listeners that end with the player. */
  get until(): AddEventListenerOptions {
    return { signal: this.stops.signal };
  }

  toggle(): void {
    this.deck.sound.unlock();
    if (this.deck.isPlaying) this.deck.pause();
    else if (!this.beforePlay()) this.deck.play();
  }

  /** Draw soon. */
  changed(): void {
    this.view.playing = this.deck.isPlaying;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  close(): void {
    this.stops.abort();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    this.deck.pause();
    this.deck.sound.close();
  }

  private draw(): void {
    this.frame = 0;
    const { deck, view } = this;
    const { time, timeline } = deck;
    const moves = this.roll.draw(timeline, time);
    const bar = timeline.bars.length ? `, bar ${timeline.barAt(time)}` : "";
    const spoken = `${clock(time)} of ${clock(timeline.known)}${bar}`;
    view.times(clock(time), spoken, time, timeline.known, !timeline.closed && time > 0);
    view.legend(timeline.programs, this.isDark);
    const hasSong = timeline.notes.length > 0;
    for (const does of ["midi", "musicxml", "wav"] as const) view.button(does).disabled = !hasSong;
    view.seek.disabled = !hasSong;
    if (deck.isPlaying || moves) this.changed();
  }

  private async saveWav(): Promise<void> {
    const { deck, view } = this;
    const from = deck.timeline.oldest;
    const until = deck.timeline.closed ? deck.timeline.known : Math.max(deck.time, 1);
    const notes = deck.timeline.between(from, until);
    const moved = notes.map((note) => ({ ...note, onset: note.onset - from, end: note.end - from }));
    const told = (fraction: number) => view.say(`Rendering sound: ${Math.round(100 * fraction)}%`);
    const file = await deck.sound.wav(moved, until - from, told).catch((error: Error) => error);
    if (file instanceof Error) return view.say(file.message, true);
    view.say("");
    save(file, "song.wav");
  }

  private followSeek(): void {
    const { seek } = this.view;
    seek.addEventListener("input", () => this.deck.seek(Number(seek.value)));
    seek.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -JUMP, ArrowRight: JUMP }[event.key];
      if (!step) return;
      event.preventDefault();
      this.deck.seek(this.deck.time + step);
    });
    this.view.canvas.addEventListener("pointerdown", (event) => {
      if (!this.deck.timeline.notes.length) return;
      this.deck.seek(this.roll.secondAt(event.offsetX, this.deck.time));
    });
  }

  private key(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as HTMLElement;
    const isControl = target.closest("button, input, select, summary, dialog, pre") !== null;
    if (event.key !== " " || isControl || event.defaultPrevented) return;
    event.preventDefault();
    this.toggle();
  }

  private followPreferences(): void {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const take = () => {
      this.isDark = dark.matches;
      this.roll.dark = dark.matches;
      this.roll.calm = calm.matches;
      this.changed();
    };
    for (const query of [dark, calm]) query.addEventListener("change", take, this.until);
    take();
  }

  private resize(): void {
    const { width, height } = this.view.stage.getBoundingClientRect();
    this.roll.resize(width, height, Math.min(devicePixelRatio || 1, 2));
    this.draw();
  }
}
