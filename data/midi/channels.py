"""Which of MIDI's 16 channels plays which notes, for music that is still being made."""

from __future__ import annotations

from dataclasses import dataclass, field

from ugen.data.score import NoteRow

from .messages import DRUM_CHANNEL, MELODIC_CHANNELS

LAST_PORT = 255  # one byte names a port


@dataclass
class Channel:
    """A channel of a port, and what was last played on it."""

    port: int
    number: int
    program: int = -1  # none yet
    onset: int = -1
    ends: dict[int, int] = field(default_factory=dict)  # by pitch


class Channels:
    """Hands out channels: one per program, drums on channel 10. When all are taken, the one used
    least recently changes its program."""

    def __init__(self) -> None:
        self._melodic: list[Channel] = []
        self._drums: list[Channel] = []
        self._count = 0

    def of(self, program: int, drum: bool) -> tuple[int, bool]:
        """The channel for a note that is heard now, 0 to 15, and whether a program change must come
        first. Other notes may sound on it."""
        self._count += 1
        channel, is_new = self.place([self._count, self._count, 0, 0, program, drum])
        return channel.number, is_new

    def place(self, note: NoteRow) -> tuple[Channel, bool]:
        """The channel for the next note of a file, in order of onset, and whether a program change
        must come first.

        Notes of one pitch that overlap get different channels, because a note off could not say
        which it ends; so do programs of notes that begin together. Where the 16 channels do not
        suffice, there are further ports.
        """
        onset, end, pitch, _, program, drum = note
        known = self._drums if drum else self._melodic
        numbers = (DRUM_CHANNEL,) if drum else MELODIC_CHANNELS
        free = [each for each in known if each.ends.get(pitch, 0) <= onset]
        chosen = next((each for each in free if each.program == program), None)
        if chosen is None and len(known) >= len(numbers):
            idle = (each for each in free if each.onset < onset)
            chosen = min(idle, key=lambda each: each.onset, default=None)
        if chosen is None:
            port, index = divmod(len(known), len(numbers))
            chosen = Channel(min(port, LAST_PORT), numbers[index])
            known.append(chosen)
        is_new = chosen.program != program
        chosen.program = program
        chosen.onset = onset
        chosen.ends[pitch] = end
        return chosen, is_new
