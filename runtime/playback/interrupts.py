"""Ctrl-C between two notes, never within one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

from ugen.data import Note


class _Interrupts:
    """Ctrl-C and a polite kill as KeyboardInterrupt, never while a note is drawn: then they wait
    until it is."""

    def __enter__(self) -> _Interrupts:
        self._drawing = self._asked = False
        self._before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def between(self, notes: Iterator[Note | None]) -> Iterator[Note | None]:
        """The notes, interrupted between two of them only."""
        while True:
            self._drawing = True
            try:
                note = next(notes)
            except StopIteration:
                return
            finally:
                self._drawing = False
            if self._asked:
                raise KeyboardInterrupt
            yield note

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if not self._drawing:
            raise KeyboardInterrupt
