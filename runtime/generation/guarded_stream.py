"""A token stream with a guard: degenerate and copied output is taken back, and resampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ugen.data.analysis.fingerprint_table import Table

from .guard.copies import CopyFinder
from .guard.faults import MAX_STEPS, Fault, FaultDetector, FaultKind, GuardError, find_fault
from .token_stream import Snapshot, Step, TokenStream

CHECK_SECONDS = 8.0  # of music, from one check to the next;
CHECK_STEPS = 4096  # or at most this many steps
MAX_RETRIES = 8
SNAPSHOTS = 4
COPY_CHECKS = 2  # checks from one search for copies to the next
FORGIVEN = 600.0  # seconds of music after which a retry no longer counts
COPIES_FORGIVEN = 60.0  # the same for copied passages


class Retry(NamedTuple):
    """Degenerate or copied output that was resampled: what was found, in which second, and from
    which second on the song was made anew; None where a copied passage was kept after MAX_RETRIES
    others."""

    fault: Fault
    seconds: float
    resampled_from: float | None

    def __str__(self) -> str:
        what = "copied" if self.fault.kind is FaultKind.COPY else "degenerate output:"
        done = f"kept after {MAX_RETRIES} retries, like all copies in the next minute"
        if self.resampled_from is not None:
            done = f"resampled from {self.resampled_from:.0f} s"
        return f"{what} {self.fault.text} at {self.seconds:.0f} s; {done}"


class GuardedStream:
    """A token stream that is checked every CHECK_SECONDS of music.

    A fault restores the stream to two checks before, and it continues with other random numbers;
    `on_retry` is called. After `retries` of them GuardError is raised. With `retries` None nothing
    is checked. A passage that is too long a copy from a piece of `table` restores it to the check
    before that passage; after MAX_RETRIES of these copies are kept for COPIES_FORGIVEN. Memory does
    not grow with the song.
    """

    def __init__(
        self,
        stream: TokenStream,
        retries: int | None,
        on_retry: Callable[[Retry], None] = lambda retry: None,
        table: Table | None = None,
    ):
        self._stream = stream
        self._retries = retries
        self._on_retry = on_retry
        self._detector = FaultDetector(stream.codec)
        self._steps: list[Step] = []  # the last ones, and the time reached after each
        self._seconds: list[float] = []
        self._nows: list[int] = []
        self._settled = 0  # how many of them were given out
        self._start = stream.cursor.seconds
        self._snapshots = [(0, stream.snapshot())]  # each with the number of steps before it
        self._retried_at: list[float] = []
        self._copies: CopyFinder | None = None
        if table is not None and retries:
            self._copies = CopyFinder(stream.codec, table, stream.cursor.now)
        self._held: tuple[int, Snapshot] | None = None
        self._checks = 0
        self._copied_at: list[float] = []
        self._copies_kept_until = 0.0

    def step(self) -> None:
        """Take a step, or take some back."""
        self._steps.append(self._stream.step())
        if self._retries is None:
            return
        self._seconds.append(self._stream.cursor.seconds)
        self._nows.append(self._stream.cursor.now)
        length, snapshot = self._snapshots[-1]
        passed = self._seconds[-1] - snapshot.cursor.seconds
        if passed < CHECK_SECONDS and len(self._steps) - length < CHECK_STEPS:
            return
        fault = find_fault(self._detector.observe(self._steps, self._seconds), self._start)
        if fault is None and passed <= 0:
            fault = Fault(FaultKind.NO_TIME, f"{CHECK_STEPS} steps without any time passing")
        if fault is not None:
            self._retry(fault, self._retries)
            return
        self._checks += 1
        if self._checks % COPY_CHECKS or not self.resamples_copy():
            self._snapshots.append((len(self._steps), self._stream.snapshot()))
            del self._snapshots[:-SNAPSHOTS]

    def settled(self, last: bool = False) -> list[Step]:
        """Steps that will not be taken back, each once. `last`: the song ends here, and all are
        settled."""
        until = len(self._steps) if last or self._retries is None else self._snapshots[0][0]
        if self._held and not last:
            until = min(until, self._held[0])
        if self._copies:
            self._copies.settle(self._snapshots[0][1].cursor.now)
        new = self._steps[self._settled : until]
        self._settled = until
        dropped = until if self._retries is None else until - MAX_STEPS
        if dropped > 0:
            del self._steps[:dropped]
            del self._seconds[:dropped]
            del self._nows[:dropped]
            self._settled -= dropped
            self._snapshots = [(length - dropped, each) for length, each in self._snapshots]
            if self._held:
                self._held = self._held[0] - dropped, self._held[1]
        return new

    @property
    def unsettled(self) -> list[Step]:
        """Steps that were not given out."""
        return self._steps[self._settled :]

    def hold(self) -> None:
        """Let what follows be made again by `again`, as often as wanted; nothing of it is settled
        meanwhile."""
        if self._held is None:
            self._held = len(self._steps), self._stream.snapshot()

    def again(self) -> None:
        """Go back to where `hold` was called, to go on with other random numbers."""
        assert self._held is not None
        before = [each for each in self._snapshots if each[0] <= self._held[0]]
        self._snapshots = before or [self._held]
        self._return_to(*self._held)

    def _retry(self, fault: Fault, retries: int) -> None:
        at = self._seconds[-1] - self._start
        self._retried_at = [each for each in self._retried_at if at - each < FORGIVEN]
        if len(self._retried_at) >= retries:
            tries = f" after {len(self._retried_at)} retries" if self._retried_at else ""
            raise GuardError(f"degenerate output{tries}: {fault.text} at {at:.0f} s", fault)
        self._retried_at.append(at)
        self._resample(fault, self._snapshots[:-2])

    def resamples_copy(self) -> bool:
        """Whether the newest steps end a copied passage and were taken back for it."""
        copy = self._copies and self._copies.find(self._steps, self._nows)
        if not copy:
            return False
        at = self._seconds[-1] - self._start
        if at < self._copies_kept_until:
            return False
        self._copied_at = [each for each in self._copied_at if at - each < COPIES_FORGIVEN]
        if len(self._copied_at) >= MAX_RETRIES:
            self._copies_kept_until = at + COPIES_FORGIVEN
            self._on_retry(Retry(copy.fault, at, None))
            return False
        self._copied_at.append(at)
        begun = copy.onset
        self._resample(copy.fault, [s for s in self._snapshots if s[1].cursor.now <= begun])
        return True

    def _resample(self, fault: Fault, snapshots: list[tuple[int, Snapshot]]) -> None:
        """Go back to the last of these snapshots, or to the first there is."""
        at = self._seconds[-1] - self._start
        self._snapshots = snapshots or self._snapshots[:1]
        length, snapshot = self._snapshots[-1]
        if self._held and self._held[0] > length:
            self._held = None
        self._return_to(length, snapshot)
        self._on_retry(Retry(fault, at, snapshot.cursor.seconds - self._start))

    def _return_to(self, length: int, snapshot: Snapshot) -> None:
        """Forget all but the first steps, after which the stream stood there."""
        del self._steps[length:]
        del self._seconds[length:]
        del self._nows[length:]
        self._stream.restore(snapshot)
        if self._copies:
            self._copies.take_back(snapshot.cursor.now)
