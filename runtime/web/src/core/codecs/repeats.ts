/** Where the same last items came before: the columns `after_n`. */

const NONE = "-"; // no item yet

/**
 * The latest place where the same last items came before. `lengths`: how many items must be the
 * same. `memory`: how many items ago the first of them may have come.
 */
export class Repeats {
  /** The lengths that came before, and how many items ago. */
  found: [length: number, ago: number][] = [];
  private readonly lengths: readonly number[];
  private last: string[];
  private now = 0;
  // by items: when the last of them came; the older half is dropped in time
  private recent = new Map<string, number>();
  private older = new Map<string, number>();

  constructor(
    lengths: readonly number[],
    private readonly memory: number,
  ) {
    this.lengths = [...lengths].sort((a, b) => a - b);
    this.last = new Array<string>(Math.max(...lengths)).fill(NONE);
  }

  /** The next item came. */
  record(item: string): void {
    this.last.shift();
    this.last.push(item);
    const now = ++this.now;
    if (this.recent.size >= this.memory * this.lengths.length) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.found = [];
    let isKnown = true;
    for (const length of this.lengths) {
      const key = this.last.slice(-length).join();
      if (isKnown) {
        // else longer ones are not, either
        const before = this.recent.get(key) ?? this.older.get(key) ?? 0;
        isKnown = before > 0 && now - before + length <= this.memory;
        if (isKnown) this.found.push([length, now - before]);
      }
      this.recent.set(key, now);
    }
  }

  /** An independent one with the same memory. */
  copy(): Repeats {
    const other = Object.assign(Object.create(Repeats.prototype) as Repeats, this);
    other.last = [...this.last];
    other.recent = new Map(this.recent);
    return other;
  }
}
