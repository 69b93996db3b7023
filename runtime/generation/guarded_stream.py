"""A token stream with a guard: degenerate output is taken back, and resampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .faults import MAX_STEPS, Fault, FaultDetector, FaultKind, GuardError, find_fault
from .token_stream import Step, TokenStream

CHECK_SECONDS = 8.0  # of music, from one check to the next;
CHECK_STEPS = 4096  # or at most this many steps
MAX_RETRIES = 8
SNAPSHOTS = 4
FORGIVEN = 600.0  # seconds of music after which a retry no longer counts


class Retry(NamedTuple):
    """Degenerate output that was resampled: what was found, in which second, and from which second
    on the song was made anew."""

    fault: Fault
    seconds: float
    resampled_from: float

    def __str__(self) -> str:
        return (
            f"degenerate output: {self.fault.text} at {self.seconds:.0f} s; "
            f"resampled from {self.resampled_from:.0f} s"
        )


class GuardedStream:
    """A token stream that is checked every CHECK_SECONDS of music.

    A fault restores the stream to two checks before, and it continues with other random numbers;
    `on_retry` is called. After `retries` of them GuardError is raised. With `retries` None nothing
    is checked. Memory does not grow with the song.
    """

    def __init__(
        self,
        stream: TokenStream,
        retries: int | None,
        on_retry: Callable[[Retry], None] = lambda retry: None,
    ):
        self._stream = stream
        self._retries = retries
        self._on_retry = on_retry
        self._detector = FaultDetector(stream.codec)
        self._steps: list[Step] = []  # the last ones, and the time reached after each
        self._seconds: list[float] = []
        self._settled = 0  # how many of them were given out
        self._start = stream.cursor.seconds
        self._snapshots = [(0, stream.snapshot())]  # each with the number of steps before it
        self._retried_at: list[float] = []

    def step(self) -> None:
        """Take a step, or take some back."""
        self._steps.append(self._stream.step())
        if self._retries is None:
            return
        self._seconds.append(self._stream.cursor.seconds)
        length, snapshot = self._snapshots[-1]
        passed = self._seconds[-1] - snapshot.cursor.seconds
        if passed < CHECK_SECONDS and len(self._steps) - length < CHECK_STEPS:
            return
        fault = find_fault(self._detector.observe(self._steps, self._seconds), self._start)
        if fault is None and passed <= 0:
            fault = Fault(FaultKind.NO_TIME, f"{CHECK_STEPS} steps without any time passing")
        if fault is None:
            self._snapshots.append((len(self._steps), self._stream.snapshot()))
            del self._snapshots[:-SNAPSHOTS]
        else:
            self._retry(fault, self._retries)

    def settled(self, last: bool = False) -> list[Step]:
        """Steps that will not be taken back, each once. `last`: the song ends here, and all are
        settled."""
        until = len(self._steps) if last or self._retries is None else self._snapshots[0][0]
        new = self._steps[self._settled : until]
        self._settled = until
        dropped = until if self._retries is None else until - MAX_STEPS
        if dropped > 0:
            del self._steps[:dropped]
            del self._seconds[:dropped]
            self._settled -= dropped
            self._snapshots = [(length - dropped, each) for length, each in self._snapshots]
        return new

    def _retry(self, fault: Fault, retries: int) -> None:
        at = self._seconds[-1] - self._start
        self._retried_at = [each for each in self._retried_at if at - each < FORGIVEN]
        if len(self._retried_at) >= retries:
            tries = f" after {len(self._retried_at)} retries" if self._retried_at else ""
            raise GuardError(f"degenerate output{tries}: {fault.text} at {at:.0f} s", fault)
        self._snapshots = self._snapshots[: max(len(self._snapshots) - 2, 1)]
        length, snapshot = self._snapshots[-1]
        del self._steps[length:]
        del self._seconds[length:]
        self._stream.restore(snapshot)
        self._retried_at.append(at)
        self._on_retry(Retry(fault, at, snapshot.cursor.seconds - self._start))
