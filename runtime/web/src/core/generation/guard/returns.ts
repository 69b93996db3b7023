/** A brake on repetition: bars that come back, one after the other, without an end. */
import { lagOf, lengthOf } from "../../codecs/columns";

const MOST_RETURNS = 8; // bars in a row: a strain of eight bars, played again
const SHARE = 0.8; // of a bar's tokens
const TOKENS = 24; // that count as a bar where the codec has none

/** Returns in a row, the tokens of this bar so far, and how many of them each column named. */
export interface Counts {
  readonly inARow: number;
  readonly tokens: number;
  readonly hits: readonly number[];
}

/**
 * Counts the bars in a row that only repeated an earlier one. After MOST_RETURNS it hides what came
 * earlier from the model, until a bar is new. A bar is a return when more than SHARE of its tokens
 * were those that one column `back_n` or `after_n` named. Without bars (null) so many TOKENS are
 * one, and only `after_n` counts: a step that lasts, as `back_1` names it, does not return.
 */
export class Returns {
  private readonly places: readonly number[];
  private readonly isAfter: readonly boolean[];
  private readonly held: number;
  private ids: readonly number[] = []; // of the row that stands
  private bar: number | null = 0;
  private inARow = 0;
  private tokens = 0;
  private hits: number[];

  constructor(columns: readonly string[]) {
    this.places = columns.flatMap((name, n) => (lagOf(name) || lengthOf(name) ? [n] : []));
    this.isAfter = this.places.map((place) => lengthOf(columns[place]!) > 0);
    this.held = columns.findIndex((name) => lagOf(name) === 1);
    this.hits = this.places.map(() => 0);
  }

  get counts(): Counts {
    return { inARow: this.inARow, tokens: this.tokens, hits: [...this.hits] };
  }

  set counts(counts: Counts) {
    this.inARow = counts.inARow;
    this.tokens = counts.tokens;
    this.hits = [...counts.hits];
  }

  /** The ids of a row as the model is shown them. `bar`: the cursor's. */
  shown(ids: readonly number[], bar: number | null): readonly number[] {
    this.ids = ids;
    this.bar = bar;
    if (this.inARow < MOST_RETURNS) return ids;
    return ids.map((id, place) => (this.places.includes(place) ? 0 : id));
  }

  /** Count a token. Gives the ids of the row after it as `shown` does. */
  follow(token: number, ids: readonly number[], bar: number | null): readonly number[] {
    const named = token + 1;
    const isFree = bar === null;
    if (isFree && this.held >= 0 && this.ids[this.held] === named) return this.shown(ids, bar);
    this.tokens++;
    this.places.forEach((place, n) => {
      if (this.ids[place] === named && (this.isAfter[n] || !isFree)) this.hits[n]!++;
    });
    if (isFree ? this.tokens >= TOKENS : bar !== this.bar) {
      const isReturn = Math.max(0, ...this.hits) > SHARE * this.tokens;
      this.inARow = isReturn ? this.inARow + 1 : 0;
      this.tokens = 0;
      this.hits = this.hits.map(() => 0);
    }
    return this.shown(ids, bar);
  }
}
