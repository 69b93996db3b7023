/** Music from a stream of `beats` events. */
import { bisectRight } from "../../numbers";
import type { NoteRow } from "../../score";
import { roundHalfEven } from "../../text";
import { Decoder, type Step } from "../decoder";
import { type BeatsEvent, Clock } from "./clock";
import { DEFAULT_VELOCITY, DRUM_STEPS, DRUMS, DURATIONS, GRID } from "./table";

/**
 * Decoder of the beats codec. A note that still sounds when its pitch begins again ends by then: it
 * gets the longest duration of the table that fits. Of equal notes that begin together the longest
 * stays.
 */
export class BeatsDecoder extends Decoder {
  private readonly clock = new Clock();
  private program = 0;
  private pitch = -1;
  private readonly velocities = new Map<number, number>();
  private readonly struck = new Map<number, NoteRow>(); // the last note of each sound

  constructor(private readonly pairs: readonly BeatsEvent[]) {
    super(GRID);
  }

  override feed(item: Step): void {
    const event = this.pairs[Number(item)]!;
    const { kind, value } = event;
    if (kind === "pitch") {
      this.pitch = value;
    } else if (kind === "duration") {
      if (this.pitch < 0) return;
      this.strike(this.pitch, value, this.velocity(this.program), this.program % DRUMS, false);
      this.pitch = -1;
    } else if (kind === "velocity") {
      this.velocities.set(this.program, value);
    } else if (kind === "program") {
      this.program = value;
    } else if (kind === "drum") {
      this.strike(value, DRUM_STEPS, this.velocity(DRUMS), 0, true);
    } else {
      this.move(event);
    }
  }

  private move(event: BeatsEvent): void {
    this.clock.feed(event);
    this.now = this.clock.now;
    if (event.kind === "tempo") this.tempos.push([this.now, roundHalfEven(60e6 / event.value)]);
    else if (event.meter !== null) this.meters.push([this.now, ...event.meter]);
    else if (event.kind !== "piece") this.program = 0;
  }

  private velocity(program: number): number {
    return this.velocities.get(program) ?? DEFAULT_VELOCITY;
  }

  private strike(
    pitch: number,
    steps: number,
    velocity: number,
    program: number,
    drum: boolean,
  ): void {
    const { now } = this;
    const sound = (program * 2 + Number(drum)) * 128 + pitch;
    const before = this.struck.get(sound);
    if (before?.onset === now) {
      before.end = Math.max(before.end, now + steps);
      return;
    }
    if (before && before.end > now) {
      const fits = DURATIONS[bisectRight(DURATIONS, now - before.onset) - 1]!;
      before.end = before.onset + fits;
    }
    const row = { onset: now, end: now + steps, pitch, velocity, program, drum };
    this.struck.set(sound, row);
    this.rows.push(row);
  }
}
