"""Measures of a piece: some that a person can check by ear, and those that papers on generated
music report.

Where muspy 0.5 (Dong et al., ISMIR 2020) defines a measure, its definition is followed. Time and
memory grow with the number of notes, never with the ticks that a file claims to last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.midi.reader import read_midi
from ugen.data.optional_imports import require
from ugen.data.score import Score

from .bars import Bars, Ticks
from .fingerprints import hash_rows
from .structure import STRUCTURE, structure

if TYPE_CHECKING:
    from pandas import DataFrame

_PART = 1 << 14  # notes at once
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
    silence, heard, _ = _sweep(map(score.seconds_at, _spans(notes)))
    lasting = sum(float(np.diff(score.seconds_at(span), axis=0).sum()) for span in _spans(notes))
    beats, bars = score.ticks_per_beat, Bars(score, score.ticks_per_beat)
    values = {
        "seconds": score.seconds,
        "notes": len(notes),
        "notes_per_second": len(notes) / score.seconds,
        # late in a very long piece, a float may not tell the ends of a tick apart
        "polyphony": lasting / heard if heard else 0.0,
        "longest_silence": silence,
        "repeated": _repeated(score),
        "polyphony_rate": _polyphony_rate(notes) / score.end_tick,
        "groove_consistency": _groove(score),
        "empty_beat_rate": _empty(span // beats for span in _spans(notes)),
        "empty_measure_rate": _empty(bars.locate(span)[0] for span in _spans(notes)),
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
    starts, ends = [], []
    for pitch in range(128):
        mine = notes[(notes["pitch"] == pitch) & ~notes["drum"]]
        until = np.maximum.accumulate(mine["end"])
        # where the pitch goes from silent to sounding: doubled notes count once
        is_first = np.append(True, mine["onset"][1:] > until[:-1])[: len(mine)]
        starts.append(mine["onset"][is_first])
        ends.append(until[np.roll(is_first, -1)])
    # two sound from a start until the end before it, both in order
    start, end = np.sort(np.concatenate(starts))[1:], np.sort(np.concatenate(ends))[:-1]
    return _sweep([np.stack([start, np.maximum(start, end)])])[1]


def _empty(spans: Iterable[Ticks]) -> float:
    """Fraction of beats or bars in which no note of any kind sounds (Dong et al. 2018, MuseGAN),
    from tick 0 on.

    `spans`: where notes begin and end. As in muspy the end belongs to the note: one that ends on a
    line fills what comes after the line too, and the piece goes on to the beat or bar that holds
    its end.
    """
    _, filled, length = _sweep(span + [[0], [1]] for span in spans)
    return 1 - filled / length


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
    last = int(bars.locate(bars.steps(np.array([score.end_tick])))[0, 0])
    changes = np.unique(bars.first[(bars.first > 0) & (bars.first <= last)])
    changes = changes[bars.length_of(changes) != bars.length_of(changes - 1)]
    if last <= len(changes):
        return 0.0
    steps = bars.steps(score.notes["onset"])
    bar, place = bars.locate(steps[np.diff(steps, prepend=-1) > 0])
    order = np.lexsort((bar, place))
    bar, place = bar[order], place[order]
    compared_before = (bar > 0) & ~np.isin(bar, changes)
    compared_after = (bar < last) & ~np.isin(bar + 1, changes)
    same = (np.diff(place) == 0) & (np.diff(bar) == 1) & compared_before[1:]
    length = bars.length_of(bar)
    distance = ((compared_before * 1 + compared_after) / length).sum() - (
        2 / length[1:][same]
    ).sum()
    return float(1 - distance / (last - len(changes)))


def polyphony(notes: NDArray[np.void]) -> float:
    """How many notes sound on average while any does, in ticks; 0 without notes."""
    lasting = float((notes["end"] - notes["onset"]).sum())
    sounding = _sweep(_spans(notes))[1]
    return lasting / sounding if sounding else 0.0


def _spans(notes: NDArray[np.void]) -> Iterator[Ticks]:
    """Where notes begin and end, two rows, some notes at a time: bounds memory."""
    for at in range(0, len(notes), _PART):
        part = notes[at : at + _PART]
        yield np.stack([part["onset"], part["end"]])


def _sweep(spans: Iterable[NDArray[Any]]) -> tuple[float, float, float]:
    """Of spans in order of their beginnings: the longest gap before one, from 0 on, how much they
    cover, and where the last ends."""
    longest = covered = last = 0
    for begin, end in spans:
        until = np.maximum.accumulate(np.append(last, end))
        longest = max(longest, (begin - until[:-1]).max(initial=0))
        covered += (until[1:] - np.maximum(until[:-1], begin)).sum()
        last = until[-1]
    return float(longest), float(covered), float(last)


def _repeated(score: Score) -> float:
    notes, count = score.notes, len(score.notes) - RUN
    if count < 1:
        return 0.0
    found = np.zeros(count, np.uint64)
    for at in range(0, count, _PART):
        part = notes[at : at + _PART + RUN]
        gaps = np.rint(np.diff(part["onset"]) * 12 / score.ticks_per_beat).astype(np.int64)
        events = np.stack([part["pitch"][1:].astype(np.int64), gaps], axis=1)
        runs = np.lib.stride_tricks.sliding_window_view(events, RUN, axis=0).reshape(-1, 2 * RUN)
        found[at : at + len(runs)] = hash_rows(runs)
    found.sort()
    return 1 - (1 + np.count_nonzero(found[1:] != found[:-1])) / count
