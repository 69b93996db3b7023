"""Measures of a piece: some that a person can check by ear, and those that papers on generated
music report.

Where muspy 0.5 (Dong et al., ISMIR 2020) defines a measure, its definition is followed. Time and
memory grow with the number of notes, never with the ticks that a file claims to last.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from ugen.data.midi.reader import read_midi
from ugen.data.optional_imports import require
from ugen.data.score import Score

from .bars import Bars, Ticks
from .structure import STRUCTURE, structure

if TYPE_CHECKING:
    from pandas import DataFrame

RUN = 8  # notes in a run, for `repeated`
# major; the natural minor on its sixth degree has the same notes
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])

_PLAIN = (
    "seconds",
    "notes",
    "notes_per_second",
    "pitches",
    "lowest",
    "highest",
    "polyphony",
    "longest_silence",
    "commonest_pitch",
    "repeated",
)
_PAPERS = (
    "pitch_range",
    "pitch_entropy",
    "pitch_class_entropy",
    "polyphony_rate",
    "scale_consistency",
    "groove_consistency",
    "empty_beat_rate",
    "empty_measure_rate",
    "drum_share",
)

_OF_PITCHES = (
    "pitches",
    "lowest",
    "highest",
    "commonest_pitch",
    "pitch_range",
    "pitch_entropy",
    "pitch_class_entropy",
    "scale_consistency",
)


def measures(score: Score) -> dict[str, float]:
    """Measures by name, all finite; all 0 for a piece without notes.

    Of all notes, drums included:
    `seconds`, `notes`, `notes_per_second`;
    `polyphony`: mean number of notes that sound, while any does;
    `longest_silence`: seconds in which nothing sounds, before or between notes;
    `repeated`: fraction of runs of 8 notes (pitches, and onset gaps in twelfths of a beat) that
    occurred earlier in the piece; a loop comes near 1;
    `drum_share`: fraction of notes that are drums;
    `groove_consistency`, `empty_beat_rate`, `empty_measure_rate`: see `_groove` and `_empty`.

    Of pitched notes only, since a drum's number is an instrument; 0 where all are drums:
    `pitches` (how many different ones), `lowest`, `highest` (MIDI numbers);
    `commonest_pitch`: fraction of notes that have it;
    `pitch_range`: semitones from lowest to highest (the tone span of Mogren 2016, C-RNN-GAN);
    `pitch_entropy`, `pitch_class_entropy`, `scale_consistency`, `polyphony_rate`: see `_pitched`
    and `_polyphony_rate`;
    `bars_returning`, `rhythms_returning`, `bars_returning_transposed`, `key_stability`, `in_scale`,
    `ends`: whether the piece holds together, see `structure`.
    """
    notes = score.notes
    if not len(notes):
        return dict.fromkeys(_PLAIN + _PAPERS + STRUCTURE, 0.0)
    onset, end = score.seconds_at(notes["onset"]), score.seconds_at(notes["end"])
    gaps, heard = _sweep(onset, end)
    beats, bars = score.ticks_per_beat, Bars(score, score.ticks_per_beat)
    values = {
        "seconds": score.seconds,
        "notes": len(notes),
        "notes_per_second": len(notes) / score.seconds,
        # late in a very long piece, a float may not tell the ends of a tick apart
        "polyphony": (end - onset).sum() / heard.sum() if heard.any() else 0.0,
        "longest_silence": gaps.max(),
        "repeated": _repeated(score),
        "polyphony_rate": _polyphony_rate(notes[~notes["drum"]]) / score.end_tick,
        "groove_consistency": _groove(score),
        "empty_beat_rate": _empty(notes["onset"] // beats, notes["end"] // beats),
        "empty_measure_rate": _empty(bars.locate(notes["onset"])[0], bars.locate(notes["end"])[0]),
        "drum_share": notes["drum"].mean(),
        **_pitched(notes["pitch"][~notes["drum"]]),
        **structure(score),
    }
    return {name: float(values[name]) for name in _PLAIN + _PAPERS + STRUCTURE}


def measure_files(paths: Iterable[str | Path]) -> DataFrame:
    """Measures of many MIDI files for a notebook: one row per file, a column per measure. Needs
    pandas."""
    require("pandas", "plot")
    from pandas import DataFrame, Index

    found = {str(path): measures(read_midi(path)) for path in paths}
    return DataFrame(found.values(), index=Index(found, name="file"))


def _pitched(pitch: NDArray[np.uint8]) -> dict[str, float]:
    """Measures of the pitches alone; zeros for none.

    Entropies: -sum p log2 p, in bits, p the fraction of notes with a pitch or pitch class (the
    latter from Wu & Yang 2020, The Jazz Transformer, who take one bar or four; here, as in muspy,
    the whole piece). Scale consistency (Mogren 2016): the fraction of notes inside the major or
    natural minor scale that holds most of them.
    """
    if not len(pitch):
        return dict.fromkeys(_OF_PITCHES, 0.0)
    count = np.bincount(pitch)
    classes = np.bincount(pitch % 12, minlength=12)
    in_scales = classes[(np.arange(12)[:, None] + SCALE) % 12].sum(axis=1)
    low, high = int(pitch.min()), int(pitch.max())
    return {
        "pitches": np.count_nonzero(count),
        "lowest": low,
        "highest": high,
        "commonest_pitch": count.max() / len(pitch),
        "pitch_range": high - low,
        "pitch_entropy": _entropy(count),
        "pitch_class_entropy": _entropy(classes),
        "scale_consistency": in_scales.max() / len(pitch),
    }


def _entropy(count: NDArray[np.int64]) -> float:
    seen = count[count > 0]
    return float((seen * np.log2(seen.sum() / seen)).sum() / seen.sum())


def _polyphony_rate(notes: NDArray[np.void]) -> float:
    """Ticks in which two or more different pitches sound.

    Over all ticks, silent ones and those of drums included, the `polyphonicity` of Dong et al. 2018
    (MuseGAN). muspy documents two pitches or more but compares with >: its `threshold=1` gives
    this, its default three or more.
    """
    change = np.repeat([1, -1], len(notes))
    times = np.concatenate([notes["onset"], notes["end"]])
    order = np.lexsort((-change, times, np.tile(notes["pitch"], 2)))
    change, times = change[order], times[order]
    # where a pitch goes from silent to sounding or back: doubled notes count once
    edge = np.cumsum(change) == (change > 0)
    order = np.argsort(times[edge])
    sounding = np.cumsum(change[edge][order])
    return float(np.diff(times[edge][order])[sounding[:-1] >= 2].sum())


def _empty(first: Ticks, last: Ticks) -> float:
    """Fraction of beats or bars in which no note of any kind sounds (Dong et al. 2018, MuseGAN),
    from tick 0 on.

    `first`, `last`: where each note begins and ends. As in muspy the end belongs to the note: one
    that ends on a line fills what comes after the line too, and the piece goes on to the beat or
    bar that holds its end.
    """
    return float(1 - _sweep(first, last + 1)[1].sum() / (int(last.max()) + 1))


def _groove(score: Score) -> float:
    """1 minus the mean Hamming distance of onset patterns of neighbouring bars (Wu & Yang 2020, The
    Jazz Transformer); 0 for fewer than two bars.

    A pattern has a place for each twenty-fourth of a beat, set where a note of any kind begins; the
    distance is the fraction of places that differ. Wu & Yang compare all pairs of bars; this
    follows muspy, which compares neighbours. The last bar is the one that holds the end, so it is
    empty where a piece ends on a line. Bars of different lengths, at a change of meter, are not
    compared.
    """
    bars = Bars(score)
    last = int(bars.locate(bars.steps(score.notes["end"]))[0].max())
    changes = np.unique(bars.first[(bars.first > 0) & (bars.first <= last)])
    changes = changes[bars.length_of(changes) != bars.length_of(changes - 1)]
    if last <= len(changes):
        return 0.0
    place, bar = np.unique(bars.locate(bars.steps(score.notes["onset"]))[::-1], axis=1)
    compared_before = (bar > 0) & ~np.isin(bar, changes)
    compared_after = (bar < last) & ~np.isin(bar + 1, changes)
    same = (np.diff(place) == 0) & (np.diff(bar) == 1) & compared_before[1:]
    length = bars.length_of(bar)
    distance = ((compared_before * 1 + compared_after) / length).sum() - (
        2 / length[1:][same]
    ).sum()
    return float(1 - distance / (last - len(changes)))


def _sweep(
    onset: NDArray[np.generic], end: NDArray[np.generic]
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """In order of onset: the gap before each span, from 0 on, and how much of it no earlier span
    covers."""
    order = np.argsort(onset)
    onset = onset[order]
    until = np.concatenate([[0], np.maximum.accumulate(end[order])])
    return np.maximum(onset - until[:-1], 0), until[1:] - np.maximum(until[:-1], onset)


def _repeated(score: Score) -> float:
    notes = score.notes
    if len(notes) < RUN + 1:
        return 0.0
    gaps = np.rint(np.diff(notes["onset"]) * 12 / score.ticks_per_beat).astype(np.int64)
    events = np.stack([notes["pitch"][1:].astype(np.int64), gaps], axis=1)
    runs = np.lib.stride_tricks.sliding_window_view(events, RUN, axis=0).reshape(-1, 2 * RUN)
    return 1 - len(np.unique(runs, axis=0)) / len(runs)
