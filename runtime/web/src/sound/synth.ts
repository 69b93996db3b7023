/** Notes to samples, by spessasynth's synthesizer. Knows no audio device: a worker runs it. */
import { SoundBankLoader, SpessaSynthProcessor } from "spessasynth_core";
import { DRUMS, splitBanks, substitute } from "./banks";

/** What of a note is heard. */
export interface Sounding {
  onset: number;
  end: number;
  pitch: number;
  velocity: number;
  program: number;
  drum: boolean;
}

interface Struck {
  end: number; // frame
  channel: number;
  pitch: number;
}

const BLOCK = 256; // frames at once; a note begins within GRID of its time
const GRID = 32;
const CHANNELS = 32;
const DRUM_CHANNEL = 9;
const SHORTEST_RESTRIKE = 0.25; // seconds a note must still have to be struck after a jump into it

export class Synth {
  private readonly processor: SpessaSynthProcessor;
  private readonly channels = new Map<number, number>(); // by program
  /** The programs that there are sounds of, 128 for drums. */
  readonly instruments = new Set<number>();
  private readonly banks: string[] = [];
  private waiting: Sounding[] = []; // by onset; those before `next` are struck
  private next = 0;
  private struck: Struck[] = [];
  private frame = 0;

  private constructor(readonly rate: number) {
    this.processor = new SpessaSynthProcessor(rate, { eventsEnabled: false, maxBufferSize: BLOCK });
    this.processor.onMissingPreset = () => undefined; // until SoundFonts come; it would warn
    while (this.processor.midiChannels.length < CHANNELS) this.processor.createMIDIChannel();
  }

  static async create(rate: number): Promise<Synth> {
    const synth = new Synth(rate);
    await synth.processor.processorInitialized;
    return synth;
  }

  /** Add SoundFonts, one or more in a row; later ones go before earlier ones. */
  addBanks(bytes: Uint8Array): void {
    const manager = this.processor.soundBankManager;
    const found = splitBanks(bytes);
    if (!found.length) throw new Error("not a SoundFont (.sf2 or .sf3)");
    for (const bank of found) {
      const id = `bank ${this.banks.length}`;
      manager.addSoundBank(SoundBankLoader.fromArrayBuffer(copied(bank)), id);
      this.banks.unshift(id);
    }
    manager.priorityOrder = [...this.banks];
    for (const preset of manager.presetList) {
      this.instruments.add(preset.isDrum || preset.isGMGSDrum ? DRUMS : preset.program);
    }
    this.channels.clear();
  }

  /** Be silent, and go to a second of the song. Its notes are given anew. */
  begin(second: number): void {
    this.processor.stopAllChannels(true);
    this.waiting = [];
    this.next = 0;
    this.struck = [];
    this.frame = Math.round(second * this.rate);
  }

  /** Notes to come, in order of onset. */
  add(notes: readonly Sounding[]): void {
    const now = this.frame / this.rate;
    for (const note of notes) {
      const late = now - note.onset;
      if (late < 0.01 || note.end - now > SHORTEST_RESTRIKE) this.waiting.push(note);
    }
  }

  /** The next frames of both sides. */
  render(frames: number): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
    const left = new Float32Array(frames);
    const right = new Float32Array(frames);
    for (let at = 0; at < frames; ) {
      this.strike();
      const size = Math.min(BLOCK, frames - at, this.untilChange());
      this.processor.process(left, right, at, size);
      at += size;
      this.frame += size;
    }
    limit(left);
    limit(right);
    return [left, right];
  }

  /** Whether nothing sounds, and nothing is to come. */
  get silent(): boolean {
    return this.next === this.waiting.length && this.processor.voiceCount === 0;
  }

  /** End and strike all notes whose time has come. */
  private strike(): void {
    const kept = this.struck.filter((note) => note.end > this.frame);
    for (const note of this.struck) {
      if (note.end <= this.frame) this.processor.noteOff(note.channel, note.pitch);
    }
    this.struck = kept;
    while (this.next < this.waiting.length) {
      const note = this.waiting[this.next]!;
      if (note.onset * this.rate >= this.frame + 1) break;
      this.next += 1;
      this.strikeOne(note);
    }
    if (this.next > 1024) {
      this.waiting = this.waiting.slice(this.next); // endless music: what is past is forgotten
      this.next = 0;
    }
  }

  private strikeOne(note: Sounding): void {
    const channel = this.channelOf(note.drum ? DRUMS : note.program);
    if (channel === undefined) return;
    const same = (each: Struck) => each.channel === channel && each.pitch === note.pitch;
    if (this.struck.some(same)) {
      this.processor.noteOff(channel, note.pitch);
      this.struck = this.struck.filter((each) => !same(each));
    }
    this.processor.noteOn(channel, note.pitch, note.velocity);
    const end = Math.max(Math.round(note.end * this.rate), this.frame + 1);
    this.struck.push({ end, channel, pitch: note.pitch });
  }

  /** Frames until a note begins or ends, on the grid, at least one step of it. */
  private untilChange(): number {
    let change = Number.POSITIVE_INFINITY;
    for (const note of this.struck) change = Math.min(change, note.end);
    const coming = this.waiting[this.next];
    if (coming) change = Math.min(change, coming.onset * this.rate);
    if (change === Number.POSITIVE_INFINITY) return BLOCK;
    return Math.max(GRID, Math.ceil((change - this.frame) / GRID) * GRID);
  }

  /** The channel of a program. More programs than channels share them. */
  private channelOf(program: number): number | undefined {
    const known = this.channels.get(program);
    if (known !== undefined) return known;
    const played = substitute(program, this.instruments);
    if (played === undefined) return undefined;
    let channel = DRUM_CHANNEL;
    if (program !== DRUMS) {
      const free = Array.from({ length: CHANNELS }, (_, n) => n).filter((n) => n % 16 !== 9);
      channel = free[[...this.channels.keys()].filter((p) => p !== DRUMS).length % free.length]!;
      this.processor.programChange(channel, played);
    }
    this.channels.set(program, channel);
    return channel;
  }
}

/** Keep samples within -1 and 1: what is louder than 0.8 is bent softly. */
export function limit(samples: Float32Array): void {
  for (let n = 0; n < samples.length; n += 1) {
    const size = Math.abs(samples[n]!);
    if (size <= 0.8) continue;
    samples[n] = Math.sign(samples[n]!) * (0.8 + 0.2 * Math.tanh((size - 0.8) / 0.2));
  }
}

function copied(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
