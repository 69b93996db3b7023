"""The drum kit of General MIDI: names, and places on a staff."""

from __future__ import annotations

from typing import NamedTuple


class Drum(NamedTuple):
    """A drum, its place in a staff with a treble clef, and the head of its notes."""

    name: str
    letter: str
    octave: int
    head: str = "normal"


_DRUMS = {
    35: Drum("Acoustic bass drum", "E", 4),
    36: Drum("Bass drum 1", "F", 4),
    37: Drum("Side stick", "C", 5, "x"),
    38: Drum("Acoustic snare", "C", 5),
    39: Drum("Hand clap", "C", 5, "triangle"),
    40: Drum("Electric snare", "C", 5, "diamond"),
    41: Drum("Low floor tom", "G", 4),
    42: Drum("Closed hi-hat", "G", 5, "x"),
    43: Drum("High floor tom", "A", 4),
    44: Drum("Pedal hi-hat", "D", 4, "x"),
    45: Drum("Low tom", "B", 4),
    46: Drum("Open hi-hat", "G", 5, "circle-x"),
    47: Drum("Low-mid tom", "D", 5),
    48: Drum("Hi-mid tom", "E", 5),
    49: Drum("Crash cymbal 1", "A", 5, "x"),
    50: Drum("High tom", "F", 5),
    51: Drum("Ride cymbal 1", "F", 5, "x"),
    52: Drum("Chinese cymbal", "C", 6, "x"),
    53: Drum("Ride bell", "F", 5, "diamond"),
    54: Drum("Tambourine", "B", 4, "triangle"),
    55: Drum("Splash cymbal", "B", 5, "diamond"),
    56: Drum("Cowbell", "E", 5, "triangle"),
    57: Drum("Crash cymbal 2", "B", 5, "x"),
    58: Drum("Vibraslap", "A", 4, "x"),
    59: Drum("Ride cymbal 2", "D", 5, "x"),
}
_OTHERS = (
    *("Hi bongo", "Low bongo", "Mute hi conga", "Open hi conga", "Low conga", "High timbale"),
    *("Low timbale", "High agogo", "Low agogo", "Cabasa", "Maracas", "Short whistle"),
    *("Long whistle", "Short guiro", "Long guiro", "Claves", "Hi wood block", "Low wood block"),
    *("Mute cuica", "Open cuica", "Mute triangle", "Open triangle"),
)
_DRUMS |= {n: Drum(name, "E", 5, "diamond") for n, name in enumerate(_OTHERS, 60)}


def drum(pitch: int) -> Drum:
    """The drum of a key."""
    return _DRUMS.get(pitch, Drum(f"Drum {pitch}", "E", 5, "diamond"))
