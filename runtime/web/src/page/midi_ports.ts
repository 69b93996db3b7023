/** WebMIDI, where a browser has it: a synthesizer out, a keyboard in. */
import { DRUMS } from "./programs";
import type { Shown } from "./timeline";

const LOOK_AHEAD = 0.4; // seconds that messages are handed over before their time
const TICK = 100; // milliseconds

/** The ports there are; undefined without WebMIDI, or where the user refuses it. */
export async function midiAccess(): Promise<MIDIAccess | undefined> {
  if (!("requestMIDIAccess" in navigator)) return undefined;
  return navigator.requestMIDIAccess().catch(() => undefined);
}

/** Sends notes to a synthesizer at their time. */
export class MidiOut {
  private waiting: Shown[] = [];
  private channels = new Map<number, number>();
  private timer: ReturnType<typeof setInterval> | undefined;

  /** `time`: the second that is heard now; `moment`: of a second, on the page's clock. */
  constructor(
    private readonly port: MIDIOutput,
    private readonly time: () => number,
    private readonly moment: (second: number) => number,
  ) {}

  add(notes: readonly Shown[]): void {
    this.waiting.push(...notes);
    this.timer ??= setInterval(() => this.send(), TICK);
    this.send();
  }

  silence(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.waiting = [];
    (this.port as MIDIOutput & { clear?: () => void }).clear?.();
    for (let channel = 0; channel < 16; channel += 1) this.port.send([0xb0 + channel, 123, 0]);
    this.channels.clear();
  }

  private send(): void {
    const until = this.time() + LOOK_AHEAD;
    while (this.waiting[0] && this.waiting[0].onset <= until) this.play(this.waiting.shift()!);
  }

  private play(note: Shown): void {
    const channel = this.channelOf(note.drum ? DRUMS : note.program);
    this.port.send([0x90 + channel, note.pitch, note.velocity], this.moment(note.onset));
    this.port.send([0x80 + channel, note.pitch, 0], this.moment(note.end) - 1);
  }

  private channelOf(program: number): number {
    if (program === DRUMS) return 9;
    const known = this.channels.get(program);
    if (known !== undefined) return known;
    const place = this.channels.size % 15;
    const channel = place < 9 ? place : place + 1;
    this.channels.set(program, channel);
    this.port.send([0xc0 + channel, program]);
    return channel;
  }
}

/** Hears a keyboard: what is struck sounds at once, and is kept as the beginning of a song. */
export class MidiIn {
  private readonly down = new Map<number, { onset: number; velocity: number }>();
  private started = 0;
  private notes: Shown[] = [];

  constructor(
    private readonly port: MIDIInput,
    private readonly struck: (note: Shown) => void,
  ) {
    port.onmidimessage = (event) => event.data && this.hear(event.data, event.timeStamp);
  }

  close(): void {
    this.port.onmidimessage = null;
  }

  /** What was played since the last time. */
  take(): Shown[] {
    const { notes } = this;
    this.notes = [];
    this.started = 0;
    return notes;
  }

  private hear(data: Uint8Array, stamp: number): void {
    const [status = 0, pitch = 0, velocity = 0] = data;
    const kind = status & 0xf0;
    if (kind === 0x90 && velocity > 0) {
      if (!this.started) this.started = stamp;
      const onset = (stamp - this.started) / 1000;
      this.down.set(pitch, { onset, velocity });
      this.struck({ onset, end: onset + 1, pitch, velocity, program: 0, drum: false });
    } else if (kind === 0x80 || kind === 0x90) {
      const held = this.down.get(pitch);
      this.down.delete(pitch);
      if (!held) return;
      const end = (stamp - this.started) / 1000;
      this.notes.push({ ...held, end, pitch, program: 0, drum: false });
    }
  }
}

const TICKS = 480;
const USEC = 500_000;

/** Notes as a MIDI file, at 120 beats a minute. */
export function midiOf(notes: readonly Shown[]): Uint8Array {
  const events = notes.flatMap((note) => [
    { at: note.onset, bytes: [0x90, note.pitch, note.velocity] },
    { at: note.end, bytes: [0x80, note.pitch, 0] },
  ]);
  events.sort((a, b) => a.at - b.at || a.bytes[0]! - b.bytes[0]!);
  const track: number[] = [0, 0xff, 0x51, 3, USEC >> 16, (USEC >> 8) & 255, USEC & 255];
  let now = 0;
  for (const { at, bytes } of events) {
    const tick = Math.round((at * 1e6 * TICKS) / USEC);
    track.push(...variable(tick - now), ...bytes);
    now = tick;
  }
  track.push(0, 0xff, 0x2f, 0);
  const size = [24, 16, 8, 0].map((shift) => (track.length >> shift) & 255);
  const head = [0x4d, 0x54, 0x68, 0x64, 0, 0, 0, 6, 0, 0, 0, 1, TICKS >> 8, TICKS & 255];
  return Uint8Array.from([...head, 0x4d, 0x54, 0x72, 0x6b, ...size, ...track]);
}

/** A number as MIDI files write lengths of time. */
function variable(value: number): number[] {
  const bytes = [value & 127];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 127) | 128);
  return bytes;
}
