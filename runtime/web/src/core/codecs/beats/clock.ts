/** Position in steps, bars and seconds, moved by time events. */
import { roundHalfEven } from "../../text";
import type { CodecEvent } from "../base";
import { barSteps, GRID } from "./table";

/** An event of the beats codec; a meter's value is its numerator and denominator. */
export interface BeatsEvent extends CodecEvent {
  readonly meter: readonly [number, number] | null;
}

/** `tempo`: holds for all of the piece, whatever the events say; null where they say it. */
export class Clock {
  now = 0;
  seconds = 0;
  bars = 0;
  barSteps = barSteps([4, 4]);
  beats = 4;
  barEnd = this.barSteps;
  stepSeconds: number;
  private readonly isFixed: boolean;

  constructor(tempo: number | null = null) {
    this.isFixed = tempo !== null;
    this.stepSeconds = stepSeconds(tempo ?? 120);
  }

  /** Steps since the last bar line. */
  get place(): number {
    return this.now - this.barEnd + this.barSteps;
  }

  /** Take an event; those that are not about time change nothing. */
  feed({ kind, value, meter }: BeatsEvent): void {
    if (kind === "shift") {
      this.now += value;
      this.seconds += value * this.stepSeconds;
      while (this.now >= this.barEnd) {
        // never so in a valid stream
        this.barEnd += this.barSteps;
        this.bars++;
      }
    } else if (kind === "bar") {
      this.bars++;
      this.seconds += (this.barEnd - this.now) * this.stepSeconds;
      this.now = this.barEnd;
      this.barEnd += this.barSteps;
    } else if (meter !== null) {
      this.beats = meter[0];
      this.barSteps = barSteps(meter);
      this.barEnd = this.now + this.barSteps;
    } else if (kind === "tempo" && !this.isFixed) {
      this.stepSeconds = stepSeconds(value);
    }
  }

  /** Another at the same place. */
  copy(): Clock {
    return Object.assign(Object.create(Clock.prototype) as Clock, this);
  }
}

/** In whole microseconds per beat, as in a MIDI file, so that time is the same there. */
function stepSeconds(tempo: number): number {
  return roundHalfEven(60e6 / tempo) / 1e6 / GRID;
}
