/** The bars of a score. */
import { bisectRight, modulo } from "../numbers";
import type { Score } from "../score";
import { roundHalfEven } from "../text";

export const STEPS = 24; // per beat

/**
 * The bars of a score, in time steps of which a beat has `beat`. A bar is a whole number of steps,
 * at least one. A change of meter begins a bar and cuts the one before it short.
 */
export class Bars {
  private readonly scale: number;
  private readonly starts: number[];
  private readonly lengths: number[];
  private readonly first: number[] = [];
  private readonly whole: number[] = []; // the same without bars that are cut short

  constructor(score: Score, beat = STEPS) {
    this.scale = beat / score.ticksPerBeat;
    this.starts = score.meters.map(([tick]) => this.step(tick));
    this.lengths = score.meters.map(([, n, d]) => Math.max(Math.floor((4 * beat * n) / d), 1));
    let [bars, whole] = [0, 0];
    this.starts.forEach((start, n) => {
      const lasted = n ? (start - this.starts[n - 1]!) / this.lengths[n - 1]! : 0;
      bars += Math.ceil(lasted);
      whole += Math.floor(lasted);
      this.first.push(bars);
      this.whole.push(whole);
    });
  }

  /** The nearest step to a tick. */
  step(tick: number): number {
    return roundHalfEven(tick * this.scale);
  }

  /** The bar of a step, and the place in it. */
  locate(step: number): { bar: number; place: number } {
    const meter = bisectRight(this.starts, step) - 1;
    const since = step - this.starts[meter]!;
    const length = this.lengths[meter]!;
    return {
      bar: this.first[meter]! + Math.floor(since / length),
      place: modulo(since, length),
    };
  }

  /**
   * The number of a step's bar as a codec's cursor counts: one that a change of meter cuts short
   * has the number of the next.
   */
  counted(step: number): number {
    const meter = bisectRight(this.starts, step) - 1;
    return this.whole[meter]! + Math.floor((step - this.starts[meter]!) / this.lengths[meter]!);
  }
}
