"""Ctrl-C between two notes, never within one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

from ugen.data import Note
from ugen.data.cli import interrupts


class Interrupts:
    """The first of Ctrl-C, SIGTERM and SIGHUP raises KeyboardInterrupt, but never while a note is
    made: then it waits until it is. Later ones are ignored."""

    def __enter__(self) -> Interrupts:
        self._making = False
        self._pending = False
        self._ignoring = False
        self._handlers = {}
        for number in interrupts.signals():
            self._handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._pending:
            interrupts.ignore()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """Ignore signals from now on."""
        self._ignoring = True

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
        is_first = not (self._pending or self._ignoring)
        self._pending = True
        if is_first and not self._making:
            raise KeyboardInterrupt
