"""Songs beside music: the measures of both, and one number for how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from ugen.data.score import Score

from .measures import measures
from .structure import ends

# density, texture, range, harmony, rhythm, silence, repetition, key
COMPARED = (
    "notes_per_second",
    "polyphony",
    "pitch_range",
    "pitch_class_entropy",
    "groove_consistency",
    "empty_beat_rate",
    "bars_returning",
    "rhythms_returning",
    "key_stability",
    "in_scale",
)


class Spread(NamedTuple):
    """Mean and standard deviation of a measure, over music and over songs; None of no songs."""

    music: float
    music_deviation: float
    songs: float | None
    songs_deviation: float | None


def measures_of_beginning(piece: Score, seconds: float) -> dict[str, float]:
    """The measures of a piece cut to the length of songs, on which many depend; whether it `ends`
    is asked of the whole."""
    return {**measures(piece.until(piece.tick_at(seconds))), "ends": float(ends(piece))}


def spreads(
    music: Sequence[Mapping[str, float]], songs: Sequence[Mapping[str, float]]
) -> dict[str, Spread]:
    """The measures of music (not empty) and of songs, by name."""
    return {name: Spread(*_moments(music, name), *_moments(songs, name)) for name in music[0]}


def distance(found: Mapping[str, Spread]) -> float | None:
    """How far the means of songs are from those of music, in standard deviations of the music: the
    mean over ten measures.

    Measures that are the same in all music are left out; None where all are, or without songs.
    """
    apart = [
        abs(each.songs - each.music) / each.music_deviation
        for each in map(found.__getitem__, COMPARED)
        if each.songs is not None and each.music_deviation > 0
    ]
    return float(np.mean(apart)) if apart else None


def _moments(
    found: Sequence[Mapping[str, float]], name: str
) -> tuple[float, float] | tuple[None, None]:
    values = [each[name] for each in found]
    return (float(np.mean(values)), float(np.std(values))) if values else (None, None)
