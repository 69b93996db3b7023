"""Which codec suits a folder of music: `beats`, or `events` where most of it has no beat grid."""

from __future__ import annotations

from pathlib import Path

from ugen.data.analysis.beat_grid import LEAST_ON_GRID, on_grid
from ugen.data.arrangement import arrange
from ugen.data.errors import MidiError
from ugen.data.midi.reader import read_midi
from ugen.data.midi.smf import MIDI_SUFFIXES

MOST_FILES = 32  # that are looked at, evenly spread


def has_beats(folder: Path) -> bool:
    """Whether at least half of the readable MIDI files under a folder have a beat grid."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES)
    shares = []
    for path in files[:: -(-len(files) // MOST_FILES) or 1]:
        try:
            score = arrange(read_midi(path), "piano")
        except (MidiError, OSError):
            continue
        if len(score.notes):
            shares.append(on_grid(score))
    return 2 * sum(share >= LEAST_ON_GRID for share in shares) >= len(shares)
