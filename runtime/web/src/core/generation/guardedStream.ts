/** A token stream with a guard: degenerate and copied output is taken back, and resampled. */
import type { Table } from "../analysis/fingerprintTable";
import type { Step } from "../codecs/decoder";
import { roundHalfEven } from "../text";
import { CopyFinder } from "./guard/copies";
import { type Fault, findFault, GuardError, MAX_STEPS, observe } from "./guard/faults";
import type { Snapshot, TokenStream } from "./tokenStream";

const CHECK_SECONDS = 8; // of music, from one check to the next;
const CHECK_STEPS = 4096; // or at most this many steps
export const MAX_RETRIES = 8;
const SNAPSHOTS = 4;
const COPY_CHECKS = 2; // checks from one search for copies to the next
const FORGIVEN = 600; // seconds of music after which a retry no longer counts
const COPIES_FORGIVEN = 60; // the same for copied passages

/** A snapshot, and the number of steps before it. */
interface Saved {
  readonly length: number;
  readonly snapshot: Snapshot;
}

/**
 * A token stream that is checked every CHECK_SECONDS of music. A fault restores the stream to two
 * checks before, and it continues with other random numbers; `onRetry` is told. After `retries` of
 * them GuardError is thrown. With null nothing is checked. A passage that is too long a copy from a
 * piece of `table` restores it to the check before that passage; after MAX_RETRIES of these copies
 * are kept for COPIES_FORGIVEN. Memory does not grow with the song.
 */
export class GuardedStream {
  private steps: Step[] = []; // the last ones, and the time reached after each
  private seconds: number[] = [];
  private nows: number[] = [];
  private settledSteps = 0; // how many of them were given out
  private readonly start: number;
  private snapshots: Saved[];
  private retriedAt: number[] = [];
  private readonly copies: CopyFinder | null = null;
  private held: Saved | null = null;
  private checks = 0;
  private copiedAt: number[] = [];
  private copiesKeptUntil = 0;

  constructor(
    private readonly stream: TokenStream,
    private readonly retries: number | null,
    private readonly onRetry: (retry: string) => void,
    table: Table | null,
  ) {
    this.start = stream.cursor.seconds;
    this.snapshots = [{ length: 0, snapshot: stream.snapshot() }];
    if (table && retries) this.copies = new CopyFinder(stream.codec, table, stream.cursor.now);
  }

  /** Take a step, or take some back. */
  async step(): Promise<void> {
    this.steps.push(await this.stream.step());
    if (this.retries === null) return;
    this.seconds.push(this.stream.cursor.seconds);
    this.nows.push(this.stream.cursor.now);
    const { length, snapshot } = this.last;
    const passed = this.seconds[this.seconds.length - 1]! - snapshot.cursor.seconds;
    if (passed < CHECK_SECONDS && this.steps.length - length < CHECK_STEPS) return;
    let fault = findFault(observe(this.stream.codec, this.steps, this.seconds), this.start);
    if (fault === null && passed <= 0) {
      fault = { kind: "no-time", text: `${CHECK_STEPS} steps without any time passing` };
    }
    if (fault !== null) {
      this.retry(fault, this.retries);
      return;
    }
    this.checks++;
    if (this.checks % COPY_CHECKS || !this.resamplesCopy()) {
      this.snapshots.push({ length: this.steps.length, snapshot: this.stream.snapshot() });
      this.snapshots = this.snapshots.slice(-SNAPSHOTS);
    }
  }

  /** Steps that will not be taken back, each once. `last`: the song ends here, and all are. */
  settled(last = false): Step[] {
    const first = this.snapshots[0]!;
    let until = last || this.retries === null ? this.steps.length : first.length;
    if (this.held && !last) until = Math.min(until, this.held.length);
    this.copies?.settle(first.snapshot.cursor.now);
    const fresh = this.steps.slice(this.settledSteps, until);
    this.settledSteps = until;
    const dropped = this.retries === null ? until : until - MAX_STEPS;
    if (dropped <= 0) return fresh;
    for (const list of [this.steps, this.seconds, this.nows]) list.splice(0, dropped);
    this.settledSteps -= dropped;
    const moved = ({ length, snapshot }: Saved) => ({ length: length - dropped, snapshot });
    this.snapshots = this.snapshots.map(moved);
    this.held = this.held && moved(this.held);
    return fresh;
  }

  /** Steps that were not given out. */
  get unsettled(): Step[] {
    return this.steps.slice(this.settledSteps);
  }

  /** Let what follows be made again by `again`; nothing of it is settled meanwhile. */
  hold(): void {
    this.held ??= { length: this.steps.length, snapshot: this.stream.snapshot() };
  }

  /** Go back to where `hold` was called, to go on with other random numbers. */
  again(): void {
    const held = this.held!;
    const before = this.snapshots.filter((each) => each.length <= held.length);
    this.snapshots = before.length ? before : [held];
    this.returnTo(held);
  }

  /** Whether the newest steps end a copied passage and were taken back for it. */
  resamplesCopy(): boolean {
    const copy = this.copies?.find(this.steps, this.nows);
    if (!copy) return false;
    const at = this.reached;
    if (at < this.copiesKeptUntil) return false;
    this.copiedAt = this.copiedAt.filter((each) => at - each < COPIES_FORGIVEN);
    if (this.copiedAt.length >= MAX_RETRIES) {
      this.copiesKeptUntil = at + COPIES_FORGIVEN;
      this.onRetry(told(copy.fault, at, null));
      return false;
    }
    this.copiedAt.push(at);
    const before = this.snapshots.filter((each) => each.snapshot.cursor.now <= copy.onset);
    this.resample(copy.fault, before);
    return true;
  }

  private get last(): Saved {
    return this.snapshots[this.snapshots.length - 1]!;
  }

  /** Seconds of the song so far. */
  private get reached(): number {
    return this.seconds[this.seconds.length - 1]! - this.start;
  }

  private retry(fault: Fault, retries: number): void {
    const at = this.reached;
    this.retriedAt = this.retriedAt.filter((each) => at - each < FORGIVEN);
    if (this.retriedAt.length >= retries) {
      const tries = this.retriedAt.length ? ` after ${this.retriedAt.length} retries` : "";
      const what = `degenerate output${tries}: ${fault.text} at ${roundHalfEven(at)} s`;
      throw new GuardError(what);
    }
    this.retriedAt.push(at);
    this.resample(fault, this.snapshots.slice(0, -2));
  }

  /** Go back to the last of these snapshots, or to the first there is. */
  private resample(fault: Fault, snapshots: Saved[]): void {
    const at = this.reached;
    this.snapshots = snapshots.length ? snapshots : this.snapshots.slice(0, 1);
    const saved = this.last;
    if (this.held && this.held.length > saved.length) this.held = null;
    this.returnTo(saved);
    this.onRetry(told(fault, at, saved.snapshot.cursor.seconds - this.start));
  }

  /** Forget all but the first steps, after which the stream stood there. */
  private returnTo({ length, snapshot }: Saved): void {
    for (const list of [this.steps, this.seconds, this.nows]) list.splice(length);
    this.stream.restore(snapshot);
    this.copies?.takeBack(snapshot.cursor.now);
  }
}

/** What was found, in which second, and from which second on the song was made anew. */
function told(fault: Fault, seconds: number, from: number | null): string {
  const what = fault.kind === "copy" ? "copied" : "degenerate output:";
  const done =
    from === null
      ? `kept after ${MAX_RETRIES} retries, like all copies in the next minute`
      : `resampled from ${roundHalfEven(from)} s`;
  return `${what} ${fault.text} at ${roundHalfEven(seconds)} s; ${done}`;
}
