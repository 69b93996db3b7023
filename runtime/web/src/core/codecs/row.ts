/** The ids of some columns, kept up to date by a cursor that names what changes. */
import { CONSTANT, LEFT_SECONDS, lagOf, leftId, lengthOf, type Wishes } from "./columns";
import { type Place, Recall } from "./recall";
import { Repeats } from "./repeats";

/**
 * The ids of a row. `kinds`: of each token, its kind of event. `memory`: how many places `after_n`
 * looks back to: tokens, or where they are listed in steps, `inSteps`.
 */
export class Row {
  recall: Recall;
  wishes!: Wishes;
  private readonly places: ReadonlyMap<string, number>;
  private readonly lags = new Map<number, number>();
  private readonly lengths = new Map<number, number>();
  private ids: number[]; // of the columns that change when the cursor says so
  private repeats: Repeats | null = null;
  private tokens: number[] | null;
  private steps: number[] = []; // where each item came
  private now = 0; // in steps

  constructor(
    columns: readonly string[],
    wishes: Wishes,
    kinds: readonly string[],
    private readonly memory: number,
    inSteps = false,
  ) {
    this.places = new Map(columns.map((name, place) => [name, place]));
    this.ids = columns.map(() => 0);
    columns.forEach((name, place) => {
      if (lagOf(name)) this.lags.set(lagOf(name), place);
      if (lengthOf(name)) this.lengths.set(lengthOf(name), place);
    });
    if (this.lengths.size) this.repeats = new Repeats([...this.lengths.keys()], memory);
    this.tokens = inSteps ? null : [];
    const kept = this.lengths.size && inSteps ? memory : 0;
    this.recall = new Recall([...this.lags.keys()], kinds, kept);
    this.ask(wishes);
  }

  /** From now on the id of that column, if there is one. */
  set(name: string, number: number): void {
    const place = this.places.get(name);
    if (place !== undefined) this.ids[place] = number;
  }

  /** The next token came. `item`: what it counts as, where `after_n` compares it. */
  follow(token: number, item: number | string): void {
    if (this.repeats === null || this.tokens === null) return;
    this.tokens.push(token);
    bound(this.tokens, this.memory);
    this.repeats.record(String(item));
  }

  /** The next step came; `item` as in `follow`, and null where it is like the one before. */
  followStep(item: string | null): void {
    this.now++;
    if (this.repeats === null || item === null) return;
    this.steps.push(this.now);
    bound(this.steps, this.memory);
    this.repeats.record(item);
  }

  /**
   * The ids. `allowed`: the kinds of event that may come next. `anywhere`: whether one of another
   * rank, or program, is better than none.
   */
  list(allowed: ReadonlySet<string>, anywhere = false): number[] {
    const { recall, tokens } = this;
    const ids = [...this.ids];
    for (const [lag, before] of recall.before) {
      ids[this.lags.get(lag)!] = recall.nextOf(before, allowed, anywhere) + 1;
    }
    for (const [length, ago] of this.repeats?.found ?? []) {
      const place = this.lengths.get(length)!;
      if (tokens !== null) {
        ids[place] = tokens[tokens.length - ago]! + 1;
        continue;
      }
      const step = this.stepBefore(length, ago);
      if (step) ids[place] = recall.nextOf(step, allowed) + 1;
    }
    return ids;
  }

  /** Change what is wanted of the piece. The cursor says how much of it is left. */
  ask(wishes: Wishes): void {
    this.wishes = wishes;
    for (const name of CONSTANT) this.set(name, wishes.ids.get(name) ?? 0);
  }

  /** So much of the piece has passed, where the codec has no bars. */
  reach(seconds: number): void {
    const wanted = this.wishes.seconds;
    this.set("left", leftId(wanted === null ? null : (wanted - seconds) / LEFT_SECONDS));
  }

  /** An independent one at the same place. */
  copy(): Row {
    const other = Object.assign(Object.create(Row.prototype) as Row, this);
    other.ids = [...this.ids];
    other.repeats = this.repeats?.copy() ?? null;
    other.steps = [...this.steps];
    other.tokens = this.tokens && [...this.tokens];
    other.recall = this.recall.copy();
    return other;
  }

  /**
   * What came at the step that lies as far back as that of an item so many items ago, the last of
   * so many that came twice.
   */
  private stepBefore(length: number, ago: number): Place | undefined {
    const { steps } = this;
    const first = steps[steps.length - ago - length]!;
    const then = steps[steps.length - ago - 1]!;
    if (this.now - first >= this.memory) return undefined;
    return this.recall.ago(steps[steps.length - 1]! - then);
  }
}

/** Keep at least the last items of a list, and at most twice as many. */
function bound(items: number[], memory: number): void {
  if (items.length >= 2 * memory) items.splice(0, items.length - memory);
}
