"""Which of MIDI's 16 channels plays which notes, for music that is still being made."""

from __future__ import annotations

from dataclasses import dataclass, field

from ugen.data.score import NoteRow

from .messages import DRUM_CHANNEL, MELODIC_CHANNELS

LAST_PORT = 255  # one byte names a port


class Channels:
    """Hands out channels to be heard at once: one per program, drums on channel 10. When all 15 are
    taken, the one used least recently changes its program."""

    def __init__(self) -> None:
        self._channels: dict[int, int] = {}  # program to channel, the least recently used first
        self._kit: int | None = None

    def of(self, program: int, drum: bool) -> tuple[int, bool]:
        """The channel for a note, 0 to 15, and whether a program change must come first."""
        if drum:
            new, self._kit = program != self._kit, program
            return DRUM_CHANNEL, new
        new = program not in self._channels
        if not new:
            channel = self._channels.pop(program)
        elif len(self._channels) < len(MELODIC_CHANNELS):
            channel = MELODIC_CHANNELS[len(self._channels)]
        else:
            channel = self._channels.pop(next(iter(self._channels)))
        self._channels[program] = channel
        return channel, new


@dataclass
class PortChannel:
    """A channel of a port, and what was last played on it."""

    port: int
    channel: int
    program: int = -1  # none yet
    onset: int = -1
    ends: dict[int, int] = field(default_factory=dict)  # by pitch


class PortChannels:
    """Hands out channels of a file in one track, from which the same notes can be read.

    Notes of one pitch that overlap get different channels, because a note off could not say which
    it ends; so do programs of notes that begin together. Where the 16 channels do not suffice,
    there are further ports.
    """

    def __init__(self) -> None:
        self._pitched: list[PortChannel] = []
        self._drums: list[PortChannel] = []

    def of(self, note: NoteRow) -> tuple[PortChannel, bool]:
        """The channel for the next note in order of onset, and whether a program change must come
        first."""
        onset, end, pitch, _, program, drum = note
        known = self._drums if drum else self._pitched
        numbers = (DRUM_CHANNEL,) if drum else MELODIC_CHANNELS
        free = [each for each in known if each.ends.get(pitch, 0) <= onset]
        chosen = next((each for each in free if each.program == program), None)
        if chosen is None and len(known) >= len(numbers):
            idle = (each for each in free if each.onset < onset)
            chosen = min(idle, key=lambda each: each.onset, default=None)
        if chosen is None:
            port, index = divmod(len(known), len(numbers))
            chosen = PortChannel(min(port, LAST_PORT), numbers[index])
            known.append(chosen)
        is_new = chosen.program != program
        chosen.program = program
        chosen.onset = onset
        chosen.ends[pitch] = end
        return chosen, is_new
