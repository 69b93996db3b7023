/** Read the events of one track of a MIDI file. As data/midi/track_reader.py. */
import { type MeterChange, SOUNDING, type TempoChange } from "../score";
import { type DrumEvent, exclusiveEvent } from "./drums";
import { pairAgain, type StrayOff, type TrackNote } from "./pairing";
import { byteAt, DamageError, readQuantity, type TrackSpan } from "./smf";

// a channel is a port and one of its 16 channels: so many bits below the port; a key is a channel
// and a pitch: 7 bits for the last
export const PORT = 4;
export const LOW = 7;
export const UNNAMED = 128; // the program of a note whose track has named none

const NOTE_ON = 0x90;
const CONTROL = 0xb0;
const PROGRAM = 0xc0;
const SIZES: Readonly<Record<number, number>> = { 0xa0: 2, 0xb0: 2, 0xc0: 1, 0xd0: 1, 0xe0: 2 };
const SYSTEM_DATA: Readonly<Record<number, number>> = { 0xf1: 1, 0xf2: 2, 0xf3: 1 };
const BANK_SELECT = 0;
const ENDS_ALL: ReadonlySet<number> = new Set([120, 123]); // all sound off, all notes off
const META = { title: 0x03, port: 0x21, end: 0x2f, tempo: 0x51, meter: 0x58 };

/** A program that is named for a channel. */
export interface ProgramChange {
  readonly tick: number;
  channel: number;
  readonly program: number;
}

/** What the tracks of a file hold; of a note without an end, `end` is SOUNDING. */
export class TrackEvents {
  readonly notes: TrackNote[] = [];
  readonly programs: ProgramChange[] = [];
  readonly drums: DrumEvent[] = [];
  readonly tempos: TempoChange[] = [];
  readonly meters: MeterChange[] = [];
}

/** Reads one track into `events`, to its end or to the first damage. */
export class TrackReader {
  /** The tick where it ends; at first where it starts. */
  end: number;
  /** Its name; null where the file gives none. */
  title: string | null = null;
  private readonly body: Uint8Array;
  private readonly size: number;
  private readonly first: { notes: number; programs: number; drums: number };
  private readonly strays: StrayOff[] = [];
  private readonly sounding = new Map<number, TrackNote[]>(); // by key, the oldest first
  private readonly programs = new Map<number, number>(); // by channel
  private port = 0;
  private hasPort = false;
  private isOver = false;

  constructor(
    data: Uint8Array,
    span: TrackSpan,
    start: number,
    private readonly events: TrackEvents,
  ) {
    this.end = start;
    this.body = data.subarray(span.start, span.limit);
    this.size = span.end - span.start;
    const { notes, programs, drums } = events;
    this.first = { notes: notes.length, programs: programs.length, drums: drums.length };
  }

  read(): void {
    try {
      this.readEvents();
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
    }
    const broken = [...this.sounding].filter(([, notes]) => notes.length).map(([key]) => key);
    if (!broken.length) return;
    pairAgain(this.events.notes.slice(this.first.notes), this.strays, new Set(broken));
  }

  private readEvents(): void {
    const { body } = this;
    let [pos, kind, channel] = [0, 0, 0];
    while (pos < body.length) {
      const [delta, at] = readQuantity(body, pos);
      pos = at;
      this.end += delta;
      const status = byteAt(body, pos);
      if (status >= 0xf0) {
        pos = this.systemEvent(pos, status);
        if (this.isOver) return;
        continue;
      }
      if (status >= 0x80) {
        kind = status & 0xf0;
        channel = status & 0xf;
        pos += 1;
      } else if (!kind) throw new DamageError("a data byte where a status byte is due");
      pos = this.channelEvent(pos, kind, (this.port << PORT) | channel);
    }
  }

  /** Read an event's data at `pos`, and give the position after it. */
  private channelEvent(pos: number, kind: number, channel: number): number {
    const first = byteAt(this.body, pos);
    if (kind <= NOTE_ON) {
      const velocity = byteAt(this.body, pos + 1);
      if (first <= 127) this.note(kind, (channel << LOW) | first, Math.min(velocity, 127), pos + 2);
      return pos + 2;
    }
    if (kind === PROGRAM) {
      this.programs.set(channel, first & 127);
      this.events.programs.push({ tick: this.end, channel, program: first & 127 });
    } else if (kind === CONTROL && first === BANK_SELECT) {
      this.events.drums.push({ tick: this.end, channel, bank: byteAt(this.body, pos + 1) });
    } else if (kind === CONTROL && ENDS_ALL.has(first)) {
      byteAt(this.body, pos + 1);
      this.endAll(channel, pos);
    }
    return pos + SIZES[kind]!;
  }

  private note(kind: number, key: number, velocity: number, place: number): void {
    const mine = this.sounding.get(key) ?? [];
    const tick = this.end;
    if (kind === NOTE_ON && velocity) {
      const program = this.programs.get(key >> LOW) ?? UNNAMED;
      const note = { onset: tick, key, program, velocity, begin: place, finish: 0, end: SOUNDING };
      this.events.notes.push(note);
      mine.push(note);
      this.sounding.set(key, mine);
      return;
    }
    const oldest = mine.shift();
    if (oldest) Object.assign(oldest, { finish: place, end: tick });
    else this.strays.push({ key, tick, place });
  }

  /** End the notes of a channel but those that begin on this tick. */
  private endAll(channel: number, place: number): void {
    for (let key = channel << LOW; key < (channel + 1) << LOW; key++) {
      const mine = this.sounding.get(key) ?? [];
      while (mine[0] && mine[0].onset < this.end) {
        Object.assign(mine.shift()!, { finish: place, end: this.end });
      }
    }
  }

  /** Read a meta, exclusive or system event at `pos`, and give the position after it. */
  private systemEvent(pos: number, status: number): number {
    const { body } = this;
    if (status !== 0xff && status !== 0xf0 && status !== 0xf7) {
      return pos + 1 + (SYSTEM_DATA[status] ?? 0); // files may not hold it
    }
    const [length, begin] = readQuantity(body, pos + (status === 0xff ? 2 : 1));
    if (begin + length > body.length) throw new DamageError("an event runs past its track's end");
    const value = body.subarray(begin, begin + length);
    if (status === 0xff) this.metaEvent(byteAt(body, pos + 1), value, begin + length);
    const event = status === 0xf0 ? exclusiveEvent(value, this.end, this.port << PORT) : null;
    if (event) this.events.drums.push(event);
    return begin + length;
  }

  private metaEvent(kind: number, value: Uint8Array, after: number): void {
    const [first = 0, second = 0, third = 0] = value;
    if (kind === META.end) this.isOver = after >= this.size;
    else if (kind === META.title) this.title ??= new TextDecoder().decode(value);
    else if (kind === META.tempo) {
      const usec = (first << 16) | (second << 8) | third;
      if (value.length === 3 && usec > 0) this.events.tempos.push([this.end, usec]);
    } else if (kind === META.meter) {
      if (value.length >= 2 && first && second <= 6) {
        this.events.meters.push([this.end, first, 1 << second]);
      }
    } else if (kind === META.port && value.length === 1) this.toPort(first);
  }

  /**
   * Events go to another port; before any note also those that stand before the first port, as
   * notation programs write it.
   */
  private toPort(port: number): void {
    const { notes, programs, drums } = this.events;
    const hasNotes = notes.length > this.first.notes || this.strays.length > 0;
    if (!this.hasPort && !hasNotes) {
      for (const change of programs.slice(this.first.programs)) change.channel |= port << PORT;
      for (const event of drums.slice(this.first.drums)) {
        if (event.channel !== undefined) event.channel |= port << PORT;
      }
      for (const [channel, program] of [...this.programs]) {
        this.programs.set(channel | (port << PORT), program);
      }
    }
    this.port = port;
    this.hasPort = true;
  }
}
