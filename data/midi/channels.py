"""Which of MIDI's 16 channels plays which program, for music whose programs are not known
beforehand."""

from __future__ import annotations

from .smf import DRUM_CHANNEL

MELODIC = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


class Channels:
    """Hands out channels: one a program, drums on channel 10. When all 15 are taken, the one least
    lately used changes its program."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}  # program to channel, the least lately used first
        self._kit: int | None = None

    def of(self, program: int, drum: bool) -> tuple[int, bool]:
        """The channel for a note, 0 to 15, and whether a program change must be sent on it
        first."""
        if drum:
            new, self._kit = program != self._kit, program
            return DRUM_CHANNEL, new
        new = program not in self._of
        if not new:
            channel = self._of.pop(program)
        elif len(self._of) < len(MELODIC):
            channel = MELODIC[len(self._of)]
        else:
            channel = self._of.pop(next(iter(self._of)))
        self._of[program] = channel
        return channel, new
