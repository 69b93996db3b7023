/** The sound's side of the worker: renders what the page asks for, in order. */
import { type FromSound, RATE, type ToSound } from "./messages";
import { type Sounding, Synth } from "./synth";
import { wavFrames, wavHeader } from "./wav";

type Tell = (message: FromSound, transfer?: Transferable[]) => void;

type Wav = Extract<ToSound, { do: "wav" }>;

const TAIL = 2.5; // seconds that the last notes ring on, at most
const STRUCK = 2; // seconds of a note of a live keyboard

/** Answers messages one after another. */
export class SoundServer {
  private readonly banks: Uint8Array[] = [];
  private synth: Synth | undefined;
  private fingers: Synth | undefined; // for a live keyboard, beside the song
  private take = -1;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly tell: Tell) {}

  receive(message: ToSound): void {
    const failed = (error: unknown) => {
      this.tell({ told: "error", message: error instanceof Error ? error.message : String(error) });
    };
    // a file is rendered beside what plays, not before it
    if (message.do === "wav") this.wav(message).catch(failed);
    else this.last = this.last.then(() => this.answer(message)).catch(failed);
  }

  private async answer(message: Exclude<ToSound, Wav>): Promise<void> {
    if (message.do === "banks") await this.addBanks(message.bytes);
    else if (message.do === "begin") await this.begin(message);
    else if (message.do === "strike") await this.strike(message.note);
    else if (message.take === this.take && this.synth) {
      if (message.do === "add") this.synth.add(message.notes);
      else this.render(this.synth, message.frames);
    }
  }

  private async addBanks(bytes: Uint8Array): Promise<void> {
    const synth = (this.synth ??= await this.made());
    synth.addBanks(bytes); // throws if these are none
    this.banks.push(bytes);
    this.fingers = undefined;
    this.tell({ told: "banks", programs: [...synth.instruments] });
    if (this.take < 0) await this.warmUp();
  }

  /** Play a note to nobody, so that all is compiled when a song begins. */
  private async warmUp(): Promise<void> {
    const synth = await this.made();
    const [program = 0] = synth.instruments;
    synth.add([{ onset: 0, end: 1, pitch: 60, velocity: 80, program, drum: false }]);
    synth.render(RATE / 20);
  }

  private async begin(message: Extract<ToSound, { do: "begin" }>): Promise<void> {
    this.synth ??= await this.made();
    this.take = message.take;
    this.synth.begin(message.second);
    this.synth.add(message.notes);
  }

  private render(synth: Synth, frames: number): void {
    const [left, right] = synth.render(frames);
    const { take } = this;
    const silent = synth.silent;
    this.tell({ told: "sound", take, left, right, silent }, [left.buffer, right.buffer]);
  }

  private async strike(note: Sounding): Promise<void> {
    this.fingers ??= await this.made();
    this.fingers.begin(0);
    this.fingers.add([{ ...note, onset: 0, end: STRUCK }]);
    const [left, right] = this.fingers.render(RATE * STRUCK);
    this.tell({ told: "struck", pitch: note.pitch, left, right }, [left.buffer, right.buffer]);
  }

  private async wav({ notes, seconds }: Wav): Promise<void> {
    const synth = await this.made();
    synth.add(notes);
    const parts: BlobPart[] = [];
    let frames = 0;
    const most = Math.round((seconds + TAIL) * RATE);
    const least = Math.round(seconds * RATE);
    while (frames < most && (frames < least || !synth.silent)) {
      const [left, right] = synth.render(Math.min(RATE, most - frames));
      frames += left.length;
      parts.push(new Blob([wavFrames(left, right)])); // a browser may keep these on disk
      this.tell({ told: "progress", fraction: Math.min(1, frames / most) });
      await new Promise((resume) => setTimeout(resume)); // messages that came meanwhile queue up
    }
    const file = new Blob([wavHeader(frames, RATE), ...parts], { type: "audio/wav" });
    this.tell({ told: "wav", file });
  }

  private async made(): Promise<Synth> {
    const synth = await Synth.create(RATE);
    for (const bytes of this.banks) synth.addBanks(bytes);
    return synth;
  }
}
