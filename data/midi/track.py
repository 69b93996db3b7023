"""The events of a track as bytes, in order of time."""

from __future__ import annotations

from .messages import END_OF_TRACK, TEXT, TIME_SIGNATURE
from .smf import MAX_QUANTITY, variable_length

# as long as a gap between two events can be, and an event without effect at its end
_LONGEST_GAP = variable_length(MAX_QUANTITY) + TEXT.encode()


class TrackEncoder:
    """Puts the time before each event, and leaves out a status byte that the event before had."""

    def __init__(self) -> None:
        self.tick = 0
        self._running_status = 0

    def encode(self, tick: int, event: bytes) -> bytes:
        """An event at a tick, which is that of the event before or later."""
        gaps = max(tick - self.tick - 1, 0) // MAX_QUANTITY
        delta = tick - self.tick - gaps * MAX_QUANTITY
        status = event[0] if event[0] < 0xF0 else 0
        if status and status == self._running_status and not gaps:
            event = event[1:]
        self.tick = tick
        self._running_status = status
        return _LONGEST_GAP * gaps + variable_length(delta) + event

    def end(self, tick: int) -> bytes:
        """The end of the track, at a tick or at its last event, whichever is later."""
        return self.encode(max(tick, self.tick), END_OF_TRACK.encode())


def text_event(text: str) -> bytes:
    """A text event, in UTF-8."""
    return TEXT.encode(rest=text.encode("utf-8", "replace"))


def time_signature(numerator: int, denominator: int) -> bytes:
    """A time signature, with a metronome click per beat and eight 32nd notes in a beat."""
    return TIME_SIGNATURE.encode(numerator, denominator.bit_length() - 1, 24, 8)
