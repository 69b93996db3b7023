/** A song that is played: its timeline, its sound, where it is, and a synthesizer if one is chosen. */
import type { Event } from "../core";
import type { MidiOut } from "./midi_ports";
import type { Sound } from "../sound/sound";
import { Timeline } from "./timeline";

const KEPT = 600; // seconds of endless music that stay on the roll

export class Deck {
  timeline = new Timeline();
  isPlaying = false;
  /** Called when it starts, stops, or has another song. */
  onchange: () => void = () => {};
  /** Called when the last note has rung out. */
  onend: () => void = () => {};
  private synthesizer: MidiOut | undefined;

  constructor(readonly sound: Sound) {
    sound.onend = () => {
      this.isPlaying = false;
      sound.seek(this.timeline.known);
      this.onchange();
      this.onend();
    };
  }

  get time(): number {
    return this.sound.time;
  }

  /** Whether the end is heard. */
  get isOver(): boolean {
    return this.timeline.closed && this.time >= this.timeline.known - 0.05;
  }

  /** Another song, of which nothing is known yet. It plays as soon as it can, if one plays now. */
  begin(hasBars: boolean, second = 0): void {
    this.sound.reset();
    this.synthesizer?.silence();
    this.timeline = new Timeline(hasBars);
    this.sound.seek(second);
    if (this.isPlaying) this.sound.play(second, []);
    this.onchange();
  }

  /** What was made of it. */
  add(events: readonly Event[]): void {
    const notes = this.timeline.add(events);
    this.timeline.forget(this.time - KEPT);
    this.sound.add(notes, this.timeline.known, this.timeline.closed);
    if (this.isPlaying) this.synthesizer?.add(notes);
  }

  play(): void {
    const from = this.isOver ? 0 : this.time;
    this.isPlaying = true;
    this.start(from);
    this.onchange();
  }

  pause(): void {
    this.isPlaying = false;
    this.sound.pause();
    this.synthesizer?.silence();
    this.onchange();
  }

  seek(second: number): void {
    const to = Math.min(Math.max(second, this.timeline.oldest), this.timeline.known);
    if (this.isPlaying) this.start(to);
    else this.sound.seek(to);
    this.onchange();
  }

  /** Play on a synthesizer instead of the loudspeaker; undefined: on this page. */
  set output(port: MidiOut | undefined) {
    this.synthesizer?.silence();
    this.synthesizer = port;
    this.sound.volume = port ? 0 : 1;
    if (this.isPlaying) this.start(this.time);
  }

  private start(second: number): void {
    const notes = this.timeline.between(second, Number.POSITIVE_INFINITY);
    this.sound.play(second, notes);
    this.sound.add([], this.timeline.known, this.timeline.closed);
    this.synthesizer?.silence();
    this.synthesizer?.add(notes.filter((note) => note.onset >= second));
  }
}
