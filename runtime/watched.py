"""A song in the making with a guard that listens: steps back from what is no music, and draws again."""

from __future__ import annotations

from .guard import Ear, GuardError, fault
from .take import Step, Take

CHECKED, MOST_UNCHECKED = 8.0, 4096  # seconds of music, or steps, from one look of the guard to the next
RETRIES, MARKS = 8, 4


class Watched:
    """A take whose steps are looked at every CHECKED seconds of music.

    `steps`: those drawn. When there is a fault the song goes back to two checks before, and on with other random
    numbers; `mended` says so. Raises GuardError after `retries` of them.
    """

    def __init__(self, take: Take, retries: int):
        self._take, self._retries, self._ear = take, retries, Ear(take.codec)
        self.steps: list[Step] = []
        self.mended: list[str] = []
        self._seconds: list[float] = []
        self._begun = take.cursor.seconds
        self._marks = [(0, take.mark())]

    def step(self) -> None:
        """One step more, or fewer."""
        self.steps.append(self._take.step())
        self._seconds.append(self._take.cursor.seconds)
        length, mark = self._marks[-1]
        before = mark.cursor.seconds
        if self._seconds[-1] - before < CHECKED and len(self.steps) - length < MOST_UNCHECKED:
            return
        wrong = fault(self._ear.hear(self.steps, self._seconds), self._begun)
        if wrong is None and self._seconds[-1] > before:
            self._marks.append((len(self.steps), self._take.mark()))
            del self._marks[:-MARKS]
            return
        self._step_back(wrong or f"{MOST_UNCHECKED} steps took no time")

    def _step_back(self, wrong: str) -> None:
        at = self._seconds[-1] - self._begun
        if len(self.mended) >= self._retries:
            tries = f" after {len(self.mended)} new tries" if self.mended else ""
            raise GuardError(f"the model makes no music{tries}: at {at:.0f} s {wrong}")
        self._marks = self._marks[: max(len(self._marks) - 2, 1)]
        length, mark = self._marks[-1]
        del self.steps[length:], self._seconds[length:]
        self._take.go_back(mark)
        back = mark.cursor.seconds - self._begun
        self.mended.append(f"at {at:.0f} s {wrong}: went back to {back:.0f} s and drew again")
