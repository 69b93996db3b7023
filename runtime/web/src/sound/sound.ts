/**
 * What is heard: samples from the sound's worker, scheduled ahead on the audio clock.
 *
 * Nothing here waits for a timer. A piece of sound that ends, or arrives, asks for the next, so that
 * a tab in the background plays on.
 */
import { type FromSound, RATE, type Samples, type ToSound } from "./messages";
import type { Sounding } from "./synth";

const AHEAD = 2; // seconds of sound that are scheduled before they are heard
const FIRST = 0.12; // seconds of the first pieces, which are heard soon
const PIECE = 0.5;
const TAIL = 4; // seconds that the last notes may ring on
const FADE = 0.02;

interface Piece {
  source: AudioBufferSourceNode;
  from: number; // on the audio clock
  second: number; // of the song
  seconds: number;
}

export class Sound {
  /** Called when the last note of a closed song has rung out. */
  onend: () => void = () => {};
  /** Called twice a second while music plays, in a hidden tab, too. */
  onpiece: () => void = () => {};
  /** Called with what the worker could not do. */
  onerror: (message: string) => void = () => {};
  /** The instruments that there are sounds of, 128 for drums. */
  programs: ReadonlySet<number> = new Set();
  private context: AudioContext | undefined;
  private gain: GainNode | undefined;
  private pieces: Piece[] = [];
  private take = 0;
  private asked = false;
  private playing = false;
  private position = 0; // seconds of the song, where it is paused
  private rendered = 0; // seconds of the song that pieces were asked for
  private known = 0; // seconds up to which all notes are there
  private closed = false;
  private loudness = 1;
  private readonly answers = new Map<string, (message: FromSound) => void>();
  private wavProgress: (fraction: number) => void = () => {};

  constructor(private readonly worker: Worker) {
    worker.addEventListener("message", (event: MessageEvent<FromSound>) => this.hear(event.data));
  }

  /** Add SoundFonts; the last added goes first. */
  async addBanks(bytes: Uint8Array): Promise<void> {
    const answer = await this.ask({ do: "banks", bytes }, "banks");
    this.programs = new Set((answer as Extract<FromSound, { told: "banks" }>).programs);
    this.pump(); // a song may have waited for them
  }

  /** To be called in the handler of a click or key, for browsers start no sound otherwise. */
  unlock(): void {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: "balanced", sampleRate: RATE });
      this.gain = this.freshGain();
    }
    void this.context.resume();
  }

  get volume(): number {
    return this.loudness;
  }

  set volume(value: number) {
    this.loudness = value;
    if (this.gain && this.context && this.playing) {
      this.gain.gain.setTargetAtTime(value, this.context.currentTime, FADE);
    }
  }

  /** The second of the song that is heard now. */
  get time(): number {
    if (!this.playing || !this.context) return this.position;
    const now = this.context.currentTime - (this.context.outputLatency || 0);
    let time = this.position;
    for (const piece of this.pieces) {
      if (piece.from <= now) time = piece.second + Math.min(now - piece.from, piece.seconds);
    }
    return time;
  }

  /** The time on the page's clock (performance.now) at which a second of the song is heard. */
  moment(second: number): number {
    const last = this.pieces.findLast((each) => each.second <= second);
    if (!last || !this.context) return performance.now();
    const stamp = this.context.getOutputTimestamp();
    const at = last.from + second - last.second;
    return (stamp.performanceTime ?? 0) + 1000 * (at - (stamp.contextTime ?? 0));
  }

  /** Play from a second of a song. `notes`: those that sound from there on, as far as known. */
  play(second: number, notes: Sounding[]): void {
    this.unlock();
    this.silence();
    this.playing = true;
    this.position = second;
    this.rendered = second;
    this.take += 1;
    this.asked = false;
    this.post({ do: "begin", take: this.take, second, notes });
    this.pump();
  }

  /** Fall silent; `time` stays. */
  pause(): void {
    this.position = this.time;
    this.playing = false;
    this.silence();
  }

  /** More notes, in order of onset. `known`: the second before which none will come any more. */
  add(notes: Sounding[], known: number, closed = false): void {
    this.known = known;
    this.closed = closed;
    if (!this.playing) return;
    if (notes.length) this.post({ do: "add", take: this.take, notes });
    this.pump();
  }

  /** Another song follows: nothing is known of it yet. */
  reset(): void {
    this.pause();
    this.position = 0;
    this.known = 0;
    this.closed = false;
  }

  /** Go to a second while paused. */
  seek(second: number): void {
    this.position = second;
  }

  /** A note at once. */
  strike(note: Sounding): void {
    this.unlock();
    this.post({ do: "strike", note });
  }

  /** A WAV file of notes. */
  async wav(
    notes: Sounding[],
    seconds: number,
    progress: (fraction: number) => void = () => {},
  ): Promise<Blob> {
    this.wavProgress = progress;
    const answer = await this.ask({ do: "wav", notes, seconds }, "wav");
    return (answer as Extract<FromSound, { told: "wav" }>).file;
  }

  /** Give everything back. */
  close(): void {
    this.silence();
    this.worker.terminate();
    void this.context?.close();
  }

  private post(message: ToSound): void {
    this.worker.postMessage(message);
  }

  private ask(message: ToSound, told: FromSound["told"]): Promise<FromSound> {
    return new Promise((resolve, reject) => {
      this.answers.set(told, resolve);
      this.answers.set(`${told} failed`, (answer) => {
        reject(new Error((answer as Extract<FromSound, { told: "error" }>).message));
      });
      this.post(message);
    });
  }

  private hear(message: FromSound): void {
    if (message.told === "sound") this.schedule(message);
    else if (message.told === "struck") this.sound(message.left, message.right);
    else if (message.told === "progress") this.wavProgress(message.fraction);
    else if (message.told === "error") this.fail(message);
    else {
      this.answers.get(message.told)?.(message);
      this.answers.delete(message.told);
      this.answers.delete(`${message.told} failed`);
    }
  }

  private fail(message: Extract<FromSound, { told: "error" }>): void {
    const waiting = [...this.answers].filter(([name]) => name.endsWith(" failed"));
    this.answers.clear();
    for (const [, reject] of waiting) reject(message);
    if (!waiting.length) this.onerror(message.message);
  }

  /** Ask for the next piece, if one is due and its notes are known. */
  private pump(): void {
    if (!this.playing || this.asked || !this.context || !this.programs.size) return;
    const size = this.rendered - this.position < 4 * FIRST ? FIRST : PIECE;
    if (!this.closed && this.rendered + size > this.known) return; // waits for notes
    if (this.scheduledUntil - this.context.currentTime > AHEAD) return;
    this.asked = true;
    this.post({ do: "render", take: this.take, frames: Math.round(size * RATE) });
  }

  private get scheduledUntil(): number {
    const last = this.pieces.at(-1);
    return last ? last.from + last.seconds : 0;
  }

  private schedule(message: Extract<FromSound, { told: "sound" }>): void {
    if (message.take !== this.take || !this.playing || !this.context) return;
    this.asked = false;
    const from = Math.max(this.scheduledUntil, this.context.currentTime + 0.02);
    const source = this.source(message.left, message.right);
    const seconds = source.buffer!.duration;
    const beyond = this.closed ? this.rendered + seconds - this.known : -1;
    const isLast = beyond >= 0 && (message.silent || beyond > TAIL);
    this.pieces.push({ source, from, second: this.rendered, seconds });
    this.rendered += seconds;
    source.onended = () => this.ended(isLast);
    source.start(from);
    if (!isLast) this.pump();
  }

  private ended(isLast: boolean): void {
    if (!this.playing || !this.context) return;
    while (this.pieces.length > 1 && this.pieces[1]!.from < this.context.currentTime - 1) {
      this.pieces.shift();
    }
    this.onpiece();
    if (!isLast) return this.pump();
    this.pause();
    this.onend();
  }

  private source(left: Samples, right: Samples): AudioBufferSourceNode {
    const buffer = this.context!.createBuffer(2, left.length, RATE);
    buffer.copyToChannel(left, 0);
    buffer.copyToChannel(right, 1);
    const source = this.context!.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain!);
    return source;
  }

  /** Samples that are heard at once. */
  private sound(left: Samples, right: Samples): void {
    this.source(left, right).start();
  }

  /** Fade out what sounds, and leave its gain to it. */
  private silence(): void {
    const pieces = this.pieces;
    this.pieces = [];
    if (!this.context || !this.gain) return;
    const now = this.context.currentTime;
    this.gain.gain.setTargetAtTime(0, now, FADE / 4);
    for (const { source } of pieces) {
      source.onended = null;
      source.stop(now + FADE);
    }
    this.gain = this.freshGain();
  }

  private freshGain(): GainNode {
    const gain = this.context!.createGain();
    gain.gain.value = this.loudness;
    gain.connect(this.context!.destination);
    return gain;
  }
}
