/** Ticks and seconds of music that is still being made. */
import { bisectRight } from "./numbers";
import { DEFAULT_USEC } from "./score";

/**
 * Tempo changes as they come, each at or after the one before; 120 beats a minute until the first.
 * `forget` keeps it small.
 */
export class TempoMap {
  private readonly rate: number; // seconds per tick, by microseconds per beat
  private ticks = [0];
  private usecs = [DEFAULT_USEC];
  private starts = [0];

  constructor(ticksPerBeat: number) {
    this.rate = 1e-6 / ticksPerBeat;
  }

  /** From this tick on, `usec` microseconds per beat. */
  add(tick: number, usec: number): void {
    const last = this.ticks.length - 1;
    if (usec === this.usecs[last]) return;
    const at = this.seconds(tick);
    if (tick === this.ticks[last]) {
      this.usecs[last] = usec;
      return;
    }
    this.ticks.push(tick);
    this.usecs.push(usec);
    this.starts.push(at);
  }

  /** The tempo at a tick. */
  usec(tick: number): number {
    return this.usecs[this.at(tick)]!;
  }

  /** Seconds from tick 0. */
  seconds(tick: number): number {
    const n = this.at(tick);
    return this.starts[n]! + (tick - this.ticks[n]!) * this.usecs[n]! * this.rate;
  }

  /** The last tick that begins at or before `seconds`. */
  tick(seconds: number): number {
    const n = Math.max(bisectRight(this.starts, seconds) - 1, 0);
    const passed = (seconds - this.starts[n]!) / (this.usecs[n]! * this.rate);
    return this.ticks[n]! + Math.trunc(passed + 1e-9);
  }

  /** Forget what is known of ticks before this one. */
  forget(tick: number): void {
    const n = this.at(tick);
    this.ticks.splice(0, n);
    this.usecs.splice(0, n);
    this.starts.splice(0, n);
  }

  private at(tick: number): number {
    return Math.max(bisectRight(this.ticks, tick) - 1, 0);
  }
}
