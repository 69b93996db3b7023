"""The events of a track as bytes, in order of time. mido, imported late, makes the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .smf import MAX_QUANTITY, variable_length

if TYPE_CHECKING:
    from mido import Message, MetaMessage


class TrackEncoder:
    """Puts the time before each event, and leaves out a status byte that the event before had."""

    def __init__(self) -> None:
        self.tick = 0
        self._running_status = 0

    def encode(self, tick: int, message: Message | MetaMessage) -> bytes:
        """An event at a tick, which is that of the event before or later."""
        event = bytes(message.bytes())
        gaps = max(tick - self.tick - 1, 0) // MAX_QUANTITY
        delta = tick - self.tick - gaps * MAX_QUANTITY
        status = 0 if message.is_meta else event[0]
        if status and status == self._running_status and not gaps:
            event = event[1:]
        self.tick = tick
        self._running_status = status
        return (_longest_gap() * gaps if gaps else b"") + variable_length(delta) + event

    def end(self, tick: int) -> bytes:
        """The end of the track, at a tick or at its last event, whichever is later."""
        from mido import MetaMessage

        return self.encode(max(tick, self.tick), MetaMessage("end_of_track"))


def _longest_gap() -> bytes:
    """As long as a gap between two events can be, and an event without effect at its end."""
    return variable_length(MAX_QUANTITY) + bytes(text_event("").bytes())


def text_event(text: str) -> MetaMessage:
    """A text event, in UTF-8."""
    from mido import MetaMessage

    # mido writes Latin-1, in which any byte is a character
    return MetaMessage("text", text=text.encode("utf-8", "replace").decode("latin-1"))
