/**
 * Music that stands already, in a stream of `beats` events: what a model is told of it, and what
 * may be sampled around it. The columns name the next of its notes: at this place (`given_now`),
 * and after it the lowest and highest of those that begin together (`given_next`, `given_top`) and
 * when (`given_in`). The mask forbids what would pass over a given event or cut a given note short.
 */
import { bisectLeft } from "../../numbers";
import type { Mask } from "../../sampling/sampler";
import { maskOf } from "../base";
import { type Given, LEFT } from "../columns";
import { type BeatsEvent, Clock } from "./clock";
import { DRUM_STEPS, DRUMS, LONGEST_SHIFT } from "./table";

export const WAITS = 1 + LONGEST_SHIFT + LEFT.length + 1; // ids of `given_in`
const TIME = ["bar", "shift"];
const PITCHES = ["pitch", "drum"];
const STARTS = ["program", "velocity", ...PITCHES];
const CHANGES = ["meter", "tempo"];

/**
 * A given note, meter or tempo. `program`: -1 of the latter. `tokens`: those it is made of; of a
 * note its velocity, its pitch, and its duration, which a hit has not. `end`: of a note, in steps.
 */
interface GivenEvent {
  readonly step: number;
  readonly program: number;
  readonly pitch: number;
  readonly tokens: readonly number[];
  readonly end: number;
}

/** Where a cursor stands. `program`: that of the last note at this step, -1 before any. */
export interface Place {
  readonly now: number;
  readonly bar: number;
  readonly barEnd: number;
  readonly program: number;
}

/** The given events, and which of them is next. `pairs`: of the table. */
export class GivenMusic {
  private readonly events: readonly GivenEvent[];
  private readonly steps: readonly number[]; // of each note, and its pitch's token
  private readonly pitches: readonly number[];
  private readonly programs = new Map<number, number>();
  private readonly bar: number;
  private readonly shift: number; // the token of one step
  private next = 0; // the event that is next
  private note = 0; // the note that is next
  private owed = -1; // a duration that must come now
  private velocities = new Map<number, number>(); // the token that holds, by program
  private sounding = new Map<number, GivenEvent>(); // by program and pitch

  constructor(
    private readonly pairs: readonly BeatsEvent[],
    private readonly given: Given,
  ) {
    this.events = eventsOf(pairs, given.tokens);
    const notes = this.events.filter((event) => event.program >= 0);
    this.steps = notes.map((event) => event.step);
    this.pitches = notes.map((event) => event.tokens[1]!);
    this.bar = pairs.findIndex(({ kind }) => kind === "bar");
    this.shift = pairs.findIndex(({ kind }) => kind === "shift");
    pairs.forEach(({ kind, value }, token) => {
      if (kind === "program") this.programs.set(value, token);
    });
  }

  /** An independent one at the same place. */
  copy(): GivenMusic {
    const other = Object.assign(Object.create(GivenMusic.prototype) as GivenMusic, this);
    other.velocities = new Map(this.velocities);
    other.sounding = new Map(this.sounding);
    return other;
  }

  /** The ids of GIVEN_NAMES at a step of a bar that has so many. */
  ids(now: number, barSteps: number): number[] {
    const { note, steps, pitches } = this;
    const here = steps[note] === now ? pitches[note]! + 1 : 0;
    const later = Math.max(bisectLeft(steps, now + 1), note);
    const step = steps[later];
    if (step === undefined) return [here, 0, 0, 0];
    const top = bisectLeft(steps, step + 1) - 1;
    return [here, pitches[later]! + 1, pitches[top]! + 1, waitId(step - now, barSteps)];
  }

  /** The next token came, of a program, and led to a step. */
  follow(token: number, now: number, program: number): void {
    const named = Math.max(program, 0);
    this.owed = -1;
    if (this.pairs[token]!.kind === "velocity") this.velocities.set(named, token);
    const event = this.events[this.next];
    if (event?.step !== now) return;
    if (event.program < 0) {
      this.next += Number(token === event.tokens[0]);
    } else if (token === event.tokens[1] && named === event.program) {
      this.next++;
      this.note++;
      this.owed = event.tokens[2] ?? -1;
      this.sounding.set(event.program * 128 + event.pitch, event);
    }
  }

  /** Of what may come next, what leaves the given music as it is. */
  narrow(valid: Mask, place: Place): Mask {
    if (this.owed >= 0) return this.only(this.owed);
    const event = this.events[this.next];
    const isOpen = this.given.open.some(([first, end]) => first <= place.bar && place.bar < end);
    const mask = valid.slice();
    this.forbid(mask, isOpen ? CHANGES : [...CHANGES, ...STARTS]);
    if (isOpen) this.closeInstruments(mask, place.program);
    this.spareSounding(mask, place);
    if (!event) return isOpen ? mask : this.only(this.bar);
    mask[0] = 0; // the piece does not end before it
    if (event.step > place.now) return this.until(mask, event, place, isOpen);
    if (event.program < 0) return this.only(event.tokens[0]!);
    this.forbid(mask, TIME);
    const its = this.leaveRoom(mask, event, place);
    mask[its] = valid[its]!;
    return mask;
  }

  /** Mask what is of a kind, but for values that may be. */
  private forbid(mask: Mask, kinds: readonly string[], may = (_value: number) => false): void {
    this.pairs.forEach(({ kind, value }, token) => {
      if (kinds.includes(kind) && !may(value)) mask[token] = 0;
    });
  }

  /** Mask the instruments that play nothing else. */
  private closeInstruments(mask: Mask, program: number): void {
    const { closed } = this.given;
    if (!this.programs.size) return;
    this.forbid(mask, ["program"], (value) => !closed.has(value));
    if (closed.has(Math.max(program, 0))) this.forbid(mask, ["velocity", ...PITCHES]);
  }

  /** Mask the pitches of given notes that sound: a new note would end them. */
  private spareSounding(mask: Mask, { now, program }: Place): void {
    const pitches = new Set<number>();
    for (const [sound, event] of this.sounding) {
      if (event.end <= now) this.sounding.delete(sound);
      else if (event.program === Math.max(program, 0)) pitches.add(event.pitch);
    }
    if (pitches.size) this.forbid(mask, PITCHES, (value) => !pitches.has(value));
  }

  /** What may come before the step of an event that is later. */
  private until(mask: Mask, event: GivenEvent, place: Place, isOpen: boolean): Mask {
    if (event.step >= place.barEnd) return isOpen ? mask : this.only(this.bar);
    const wait = event.step - place.now;
    if (!isOpen) return this.only(this.shift + Math.min(wait, LONGEST_SHIFT) - 1);
    this.forbid(mask, ["bar"]);
    this.forbid(mask, ["shift"], (value) => value <= wait);
    return mask;
  }

  /** Mask what comes after a given note of this step. Gives the next token of that note. */
  private leaveRoom(mask: Mask, note: GivenEvent, { program }: Place): number {
    if (this.programs.size && program !== note.program) {
      this.forbid(mask, ["program"], (value) => value < note.program);
      if (program < 0) this.forbid(mask, ["velocity", ...PITCHES]);
      return this.programs.get(note.program)!;
    }
    this.forbid(mask, ["program"]);
    this.forbid(mask, PITCHES, (value) => value < note.pitch);
    const isLast = !this.pairs.some(({ kind }, token) => mask[token] && PITCHES.includes(kind));
    if (isLast) this.forbid(mask, ["velocity"]);
    const [velocity, pitch] = note.tokens;
    return this.velocities.get(note.program) === velocity ? pitch! : velocity!;
  }

  private only(token: number): Mask {
    return maskOf(this.pairs, (_, each) => each === token);
  }
}

/** The id of `given_in`: so many steps, or where they are more than a shift has, bars. */
function waitId(steps: number, barSteps: number): number {
  if (steps <= LONGEST_SHIFT) return steps;
  return LONGEST_SHIFT + 1 + bisectLeft(LEFT, steps / barSteps - 1e-6);
}

/** The notes, meters and tempos of a stream, in order. */
function eventsOf(pairs: readonly BeatsEvent[], tokens: readonly number[]): GivenEvent[] {
  const clock = new Clock();
  const velocities = new Map<number, number>();
  const events: GivenEvent[] = [];
  let program = 0;
  tokens.forEach((token, n) => {
    const { kind, value } = pairs[token]!;
    clock.feed(pairs[token]!);
    const step = clock.now;
    if (CHANGES.includes(kind)) {
      events.push({ step, program: -1, pitch: -1, tokens: [token], end: 0 });
    } else if (TIME.includes(kind)) program = 0;
    else if (kind === "program") program = value;
    else if (kind === "velocity") velocities.set(program, token);
    else if (PITCHES.includes(kind)) {
      const isHit = program === DRUMS;
      const length = isHit ? DRUM_STEPS : pairs[tokens[n + 1]!]!.value;
      const its = [velocities.get(program) ?? -1, token, ...(isHit ? [] : [tokens[n + 1]!])];
      events.push({ step, program, pitch: value, tokens: its, end: step + length });
    }
  });
  return events;
}
