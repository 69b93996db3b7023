"""Ctrl-C between two notes, never within one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

from ugen.data import Note


class Interrupts:
    """Ctrl-C and SIGTERM raise KeyboardInterrupt, but never while a note is made: then they wait
    until it is."""

    def __enter__(self) -> Interrupts:
        self._making = False
        self._pending = False
        self._handlers = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def between(self, notes: Iterator[Note | None]) -> Iterator[Note | None]:
        """The notes, interrupted between two of them only."""
        while True:
            self._making = True
            try:
                note = next(notes)
            except StopIteration:
                return
            finally:
                self._making = False
            if self._pending:
                raise KeyboardInterrupt
            yield note

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending = True
        if not self._making:
            raise KeyboardInterrupt
