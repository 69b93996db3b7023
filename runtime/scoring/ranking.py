"""Which of many songs are most like real music."""

from __future__ import annotations

import numpy as np
from ugen.data import Score
from ugen.data.analysis.measures import measures
from ugen.runtime.model_file.card import Card

Real = dict[str, tuple[float, float]]  # means and standard deviations by measure

# of the first minute of 300 piano pieces (Mutopia and OpenScore Lieder)
REAL: Real = {
    "notes_per_second": (9.05, 3.59),
    "polyphony": (3.46, 0.993),
    "pitch_range": (50.4, 9.36),
    "pitch_class_entropy": (3.07, 0.213),
    "groove_consistency": (0.979, 0.0166),
    "empty_beat_rate": (0.00683, 0.0199),
    "bars_returning": (0.15, 0.154),
    "rhythms_returning": (0.809, 0.144),
    "key_stability": (0.804, 0.282),
    "in_scale": (0.92, 0.052),
}

IN_CHORDS = 0.83  # of the same pieces


def real_music(card: Card) -> Real:
    """The measures of a model's own music, where its file has them, else those of other real
    music."""
    found = card.provenance.get("music_measures")
    music: Real = {}
    for name, row in found.items() if isinstance(found, dict) else ():
        numbers = row if isinstance(row, list) else []
        if name in REAL and len(numbers) == 2 and all(type(n) in (int, float) for n in numbers):
            music[name] = float(numbers[0]), float(numbers[1])
    return music or REAL


def usual_in_chords(card: Card) -> float:
    """The `in_chords` of the music that a model did not learn from, or else of real music."""
    found = card.provenance.get("held_out_measures")
    row = found.get("in_chords") if isinstance(found, dict) else None
    mean = row[0] if isinstance(row, list) and row else None
    return float(mean) if isinstance(mean, int | float) and 0 <= mean <= 1 else IN_CHORDS


def distance_to(real: Real, score: Score) -> float:
    """How far the measures of a song are from those of real music: the mean of the differences, in
    standard deviations."""
    found = measures(score)
    return float(
        np.mean(
            [
                abs(found[name] - mean) / max(deviation, 1e-3)
                for name, (mean, deviation) in real.items()
                if name in found
            ]
        )
    )
