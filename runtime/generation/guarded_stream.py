"""A song in the making with a guard that listens: steps back from what is no music, and draws
again."""

from __future__ import annotations

from collections.abc import Callable

from .faults import LOOKED_BACK, FaultDetector, GuardError, find_fault
from .token_stream import Step, TokenStream

CHECKED, MOST_UNCHECKED = (
    8.0,
    4096,
)  # seconds of music, or steps, from one look of the guard to the next
RETRIES, MARKS = 8, 4
FORGIVEN = 600.0  # seconds of music after which a fault no longer counts as a retry


class GuardedStream:
    """A take whose steps are looked at every CHECKED seconds of music, with `retries` None never.

    When there is a fault the song goes back to two checks before, and on with other random numbers;
    `on_mended` is told so in words. Raises GuardError after `retries` of them. Memory does not grow
    with the song.
    """

    def __init__(
        self,
        take: TokenStream,
        retries: int | None,
        on_mended: Callable[[str], None] = lambda words: None,
    ):
        self._take, self._retries, self._on_mended = take, retries, on_mended
        self._ear = FaultDetector(take.codec)
        self._steps: list[Step] = []  # the last ones, and the time reached after each
        self._seconds: list[float] = []
        self._handed = 0  # how many of them are no longer wanted but for the guard
        self._begun = take.cursor.seconds
        self._marks = [(0, take.snapshot())]  # the number of steps in hand there
        self._mended: list[float] = []  # where

    def step(self) -> None:
        """One step more, or fewer."""
        self._steps.append(self._take.step())
        if self._retries is None:
            return
        self._seconds.append(self._take.cursor.seconds)
        length, snapshot = self._marks[-1]
        before = snapshot.cursor.seconds
        if self._seconds[-1] - before < CHECKED and len(self._steps) - length < MOST_UNCHECKED:
            return
        wrong = find_fault(self._ear.observe(self._steps, self._seconds), self._begun)
        if wrong is None and self._seconds[-1] > before:
            self._marks.append((len(self._steps), self._take.snapshot()))
            del self._marks[:-MARKS]
        else:
            self._step_back(wrong or f"{MOST_UNCHECKED} steps took no time", self._retries)

    def settled(self, last: bool = False) -> list[Step]:
        """Steps that will not be taken back, each once; all there are when the song ends here."""
        until = len(self._steps) if last or self._retries is None else self._marks[0][0]
        new, self._handed = self._steps[self._handed : until], until
        dropped = until if self._retries is None else until - LOOKED_BACK
        if dropped > 0:
            del self._steps[:dropped], self._seconds[:dropped]
            self._handed -= dropped
            self._marks = [(length - dropped, snapshot) for length, snapshot in self._marks]
        return new

    def _step_back(self, wrong: str, retries: int) -> None:
        at = self._seconds[-1] - self._begun
        self._mended = [where for where in self._mended if at - where < FORGIVEN]
        if len(self._mended) >= retries:
            tries = f" after {len(self._mended)} new tries" if self._mended else ""
            raise GuardError(f"the model makes no music{tries}: at {at:.0f} s {wrong}")
        self._marks = self._marks[: max(len(self._marks) - 2, 1)]
        length, snapshot = self._marks[-1]
        del self._steps[length:], self._seconds[length:]
        self._take.restore(snapshot)
        back = snapshot.cursor.seconds - self._begun
        self._mended.append(at)
        self._on_mended(f"at {at:.0f} s {wrong}: went back to {back:.0f} s and drew again")
