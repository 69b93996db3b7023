/** What came at the same place some bars ago: the columns `back_n`. */
import { bisectRight } from "../numbers";

/** The ranks and tokens of what came at a place. */
export interface Place {
  readonly ranks: number[];
  readonly tokens: number[];
}

/**
 * The tokens that came at each place of the last bars, in order of rank: a chord's notes by pitch.
 * `lags`: how many bars ago to look. `memory`: how many bars to keep, at least those. `kinds`: of
 * each token, its kind of event.
 */
export class Recall {
  /** The lags at which anything came here, and what. */
  before: [lag: number, place: Place][] = [];
  place = 0;
  rank = 0;
  private readonly most: number;
  private bars: Map<number, Place>[] = [];
  private here: Place = { ranks: [], tokens: [] };

  constructor(
    private readonly lags: readonly number[],
    private readonly kinds: readonly string[],
    memory = 0,
  ) {
    this.most = Math.max(memory, ...lags) + 1;
    this.move(0, true);
  }

  /** The next token came at this place, after this rank. */
  record(token: number): void {
    this.here.ranks.push(this.rank);
    this.here.tokens.push(token);
  }

  /** Go to a later place of this bar, or, where `bar`, to one of the next. */
  move(place: number, bar = false): void {
    if (bar) {
      this.bars.push(new Map());
      if (this.bars.length > 2 * this.most) this.bars.splice(0, this.bars.length - this.most);
    }
    this.place = place;
    this.rank = 0;
    const now = this.bars[this.bars.length - 1]!;
    this.here = now.get(place) ?? { ranks: [], tokens: [] };
    now.set(place, this.here);
    this.before = [];
    for (const lag of this.lags) {
      const there = this.ago(lag);
      if (there) this.before.push([lag, there]);
    }
  }

  /** What came at this place so many bars ago. */
  ago(lag: number): Place | undefined {
    if (lag >= this.most) return undefined;
    return this.bars[this.bars.length - 1 - lag]?.get(this.place);
  }

  /**
   * What came at a place after the last token of no higher rank than now: the first of a kind that
   * is `allowed`, before another program begins. Where it may be `anywhere`, the first of any
   * program, or else the last before. -1 where nothing did.
   */
  nextOf(found: Place, allowed: ReadonlySet<string>, anywhere = false): number {
    const { ranks, tokens } = found;
    const at = Math.max(bisectRight(ranks, this.rank) - 1, 0);
    for (let n = at; n < tokens.length; n++) {
      const kind = this.kinds[tokens[n]!]!;
      if (allowed.has(kind)) return tokens[n]!;
      if (kind === "program" && !anywhere) return -1;
    }
    for (let n = at - 1; anywhere && n >= 0; n--) {
      if (allowed.has(this.kinds[tokens[n]!]!)) return tokens[n]!;
    }
    return -1;
  }

  /** An independent one with the same memory. */
  copy(): Recall {
    const other = Object.assign(Object.create(Recall.prototype) as Recall, this);
    const now = new Map<number, Place>();
    for (const [place, { ranks, tokens }] of this.bars[this.bars.length - 1]!) {
      now.set(place, { ranks: [...ranks], tokens: [...tokens] });
    }
    other.bars = [...this.bars.slice(0, -1), now];
    other.here = now.get(this.place)!;
    return other;
  }
}
