"""Measures of a piece, against muspy as an independent implementation and against answers worked
out by hand."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import muspy
import numpy as np
import pytest
from hypothesis import given, settings
from support import BUNDLED, scores
from ugen.data import Score, read_midi
from ugen.data.analysis.measures import measure_files, measures
from ugen.data.analysis.structure import STRUCTURE

EXACT = 1e-9  # both sides count the same whole numbers and divide once or sum a few logarithms
Row = tuple[int, int, int]


def made(
    rows: Iterable[Row], drums: Iterable[Row] = (), beat: int = 4, meters: Iterable[Row] = ()
) -> Score:
    """A score of (onset, end, pitch) at 120 beats a minute."""
    pitched = [(onset, end, pitch, 80, 0, False) for onset, end, pitch in rows]
    return Score.build(
        [*pitched, *((o, e, p, 80, 0, True) for o, e, p in drums)], beat, meters=meters
    )


def one_meter(score: Score) -> Score:
    """The score in the meter it begins with, for muspy knows no changes."""
    meter = (0, int(score.meters["numerator"][0]), int(score.meters["denominator"][0]))
    return Score.build(score.notes, score.ticks_per_beat, score.tempos.tolist(), [meter])


def bar_of(score: Score, beat: int) -> int:
    """Whole steps in a bar of the first meter."""
    return max(
        1, beat * 4 * int(score.meters["numerator"][0]) // int(score.meters["denominator"][0])
    )


def as_muspy(score: Score) -> muspy.Music:
    """The same notes as a muspy piece of two tracks, pitched and drums."""
    tracks = []
    for drum in (False, True):
        rows = score.notes[score.notes["drum"] == drum]
        notes = [
            muspy.Note(int(n["onset"]), int(n["pitch"]), int(n["end"] - n["onset"])) for n in rows
        ]
        tracks.append(muspy.Track(is_drum=drum, notes=notes))
    return muspy.Music(resolution=score.ticks_per_beat, tracks=tracks)


def by_muspy(score: Score) -> dict[str, float]:
    """Every measure that both define, by muspy; its nan (nothing to measure) as the 0 that ours
    are."""
    music, bar = as_muspy(score), bar_of(score, score.ticks_per_beat)
    values = {
        "pitches": muspy.n_pitches_used(music),
        "pitch_range": max(muspy.pitch_range(music), 0),  # -127 for drums alone
        "pitch_entropy": muspy.pitch_entropy(music),
        "pitch_class_entropy": muspy.pitch_class_entropy(music),
        "polyphony_rate": muspy.polyphony_rate(
            music, threshold=1
        ),  # compares with >, so this is two or more
        "scale_consistency": muspy.scale_consistency(music),
        "empty_beat_rate": muspy.empty_beat_rate(music),
        "empty_measure_rate": muspy.empty_measure_rate(music, bar),
    }
    music.adjust_resolution(24)
    values["groove_consistency"] = muspy.groove_consistency(music, bar_of(score, 24))
    return {name: 0.0 if math.isnan(value) else value for name, value in values.items()}


@pytest.mark.parametrize("path", BUNDLED[::7], ids=lambda path: path.stem)
def test_real_music_measures_as_in_muspy(path: Path) -> None:
    score = one_meter(read_midi(path))
    expected = by_muspy(score)
    found = measures(score)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=EXACT)


@settings(max_examples=60)
@given(scores())
def test_made_up_scores_measure_as_in_muspy(score: Score) -> None:
    score = one_meter(score)
    expected = by_muspy(score)
    found = measures(score)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=EXACT)


def walked(score: Score, beat: int) -> list[tuple[int, int]]:
    """(start, length) of each bar up to the one that holds the end, found by walking from one to
    the next."""
    scale = beat / score.ticks_per_beat
    changes = {
        round(tick * scale): max(1, 4 * beat * n // d) for tick, n, d in score.meters.tolist()
    }
    bars, at, end = [], 0, round(score.end_tick * scale)
    pending = sorted(changes)
    while at <= end:
        while pending and pending[0] <= at:
            length = changes[pending.pop(0)]
        bars.append((at, length))
        at = min([at + length, *pending[:1]])
    return bars


@settings(max_examples=40)
@given(scores(most=8))
def test_bars_follow_changes_of_meter(score: Score) -> None:
    if not len(score.notes):
        return
    bars = walked(score, score.ticks_per_beat)
    starts = np.array([start for start, _ in bars])
    held = [
        np.searchsorted(starts, score.notes[side], side="right") - 1 for side in ("onset", "end")
    ]
    filled = {bar for first, last in zip(*held, strict=True) for bar in range(first, last + 1)}
    found = measures(score)
    assert found["empty_measure_rate"] == pytest.approx(1 - len(filled) / len(bars), abs=EXACT)

    bars = walked(score, 24)
    starts = np.array([start for start, _ in bars])
    onsets = {round(int(tick) * (24 / score.ticks_per_beat)) for tick in score.notes["onset"]}
    patterns: dict[int, set[int]] = {}
    for onset in onsets:
        bar = int(np.searchsorted(starts, onset, side="right")) - 1
        patterns.setdefault(bar, set()).add(onset - int(starts[bar]))
    distances = [
        len(patterns.get(bar, set()) ^ patterns.get(bar + 1, set())) / bars[bar][1]
        for bar in range(len(bars) - 1)
        if bars[bar][1] == bars[bar + 1][1]
    ]
    expected = 1 - sum(distances) / len(distances) if distances else 0.0
    assert found["groove_consistency"] == pytest.approx(expected, abs=EXACT)


def test_every_measure_of_one_piece_by_hand() -> None:
    # Ticks are an eighth of a second, beats 4 ticks, bars 16. The 60s overlap for a tick; the drum
    # falls with the 61.
    piece = made(
        [(0, 4, 60), (0, 2, 64), (3, 6, 60), (20, 22, 61), (56, 57, 72)], drums=[(20, 21, 36)]
    )
    expected = {
        "seconds": 57 / 8,
        "notes": 6,
        "notes_per_second": 48 / 57,
        "pitches": 4,
        "lowest": 60,
        "highest": 72,
        "polyphony": (4 + 2 + 3 + 2 + 1 + 1) / (6 + 2 + 1),
        "longest_silence": (56 - 22) / 8,
        "commonest_pitch": 2 / 5,
        "repeated": 0,
        "pitch_range": 12,
        "pitch_entropy": 2 / 5 * math.log2(5 / 2) + 3 / 5 * math.log2(5),
        "pitch_class_entropy": 3 / 5 * math.log2(5 / 3) + 2 / 5 * math.log2(5),
        "polyphony_rate": 2 / 57,  # 60 with 64; not 60 with itself, not 61 with the drum
        "scale_consistency": 4 / 5,  # no scale has C, C sharp and E
        "groove_consistency": 1
        - (3 / 96 + 1 / 96 + 1 / 96) / 3,  # onsets at ticks 0 3 | 4 | none | 8 of the bar
        "empty_beat_rate": 11 / 15,  # beats 0, 1, 5 and 14 are filled
        "empty_measure_rate": 1 / 4,
        "drum_share": 1 / 6,
    }
    assert len(set(expected.values())) == len(expected), "two measures changed about would show"
    found = measures(piece)
    assert list(found) == [*expected, *STRUCTURE]
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=EXACT)


def test_a_loop_repeats_and_keeps_its_groove() -> None:
    loop = measures(
        made([(16 * bar + at, 16 * bar + at + 1, 60 + at) for bar in range(9) for at in (0, 3, 6)])
    )
    assert loop["repeated"] == pytest.approx(
        1 - 3 / 19
    )  # 19 runs of 8, beginning at one of three notes
    assert loop["groove_consistency"] == 1
    assert loop["pitch_entropy"] == pytest.approx(math.log2(3))


def test_scale_consistency_knows_every_key() -> None:
    for root in range(12):
        for scale in ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)):
            piece = made([(at, at + 1, 48 + root + step) for at, step in enumerate(scale)])
            assert measures(piece)["scale_consistency"] == 1
    assert (
        measures(made([(at, at + 1, 60 + at) for at in range(12)]))["scale_consistency"] == 7 / 12
    )


def test_two_pitches_are_polyphony_where_muspy_asks_for_three() -> None:
    piece = made([(0, 4, 60), (0, 3, 64), (0, 1, 67)])
    assert measures(piece)["polyphony_rate"] == 3 / 4
    assert muspy.polyphony_rate(as_muspy(piece)) == 1 / 4


def test_an_end_on_the_line_fills_what_follows_as_in_muspy() -> None:
    assert measures(made([(0, 3, 60), (8, 9, 60)]))["empty_beat_rate"] == pytest.approx(1 / 3)
    assert measures(made([(0, 4, 60), (8, 9, 60)]))["empty_beat_rate"] == 0
    assert measures(made([(0, 15, 60), (32, 33, 60)]))["empty_measure_rate"] == pytest.approx(1 / 3)
    assert measures(made([(0, 16, 60), (32, 33, 60)]))["empty_measure_rate"] == 0


def test_meter_changes_by_hand() -> None:
    # Bars begin at ticks 0, 16, 32 (3/4 from here) and 44, 56; the end is in the last. 16 and 32
    # are not compared.
    rows = [(0, 1, 60), (16, 17, 60), (20, 21, 60), (32, 33, 60), (60, 61, 60)]
    found = measures(made(rows, meters=[(32, 3, 4)]))
    assert found["empty_measure_rate"] == pytest.approx(1 / 5)
    assert found["groove_consistency"] == pytest.approx(1 - (1 / 96 + 1 / 72 + 1 / 72) / 3)
    # A change to the same meter in the middle of a bar begins one, and is compared like any other:
    # 0, 8, 24.
    found = measures(made([(0, 1, 60), (9, 10, 60), (25, 26, 60)], meters=[(8, 4, 4)]))
    assert found["groove_consistency"] == pytest.approx(1 - (2 / 96 + 0) / 2)
    assert found["empty_measure_rate"] == 0
    pair = [(0, 1, 60), (17, 18, 60)]
    assert measures(made(pair, meters=[(16, 3, 4)]))["groove_consistency"] == 0, "no pair"
    after = measures(made(pair, meters=[(32, 3, 4)]))["groove_consistency"]
    assert after == pytest.approx(1 - 2 / 96), "a change after the end is none"
    # 960 ticks a beat, 40 a step: both changes fall on the second bar line, and the last holds.
    twice = measures(
        made(
            [(0, 1, 60), (3880, 3881, 60), (5800, 5801, 60)],
            beat=960,
            meters=[(3840, 3, 4), (3841, 2, 4)],
        )
    )
    assert twice["groove_consistency"] == 1, (
        "bars of 96, 48 and 48 steps: one pair, onsets on its second steps"
    )
    quarter = measures(made([(0, 1, 60), (2, 3, 60)], beat=1, meters=[(0, 1, 16)]))
    assert quarter["empty_measure_rate"] == 0, "no bar is shorter than a tick: 0 to 3, each touched"


PITCHED = (
    "pitches",
    "lowest",
    "highest",
    "commonest_pitch",
    "pitch_range",
    "pitch_entropy",
    "pitch_class_entropy",
    "polyphony_rate",
    "scale_consistency",
)


def test_nothing_to_measure_is_zero() -> None:
    assert set(measures(made([])).values()) == {0.0}
    drums = measures(made([], drums=[(0, 4, 36), (0, 4, 42), (16, 17, 36)]))
    assert {drums[name] for name in PITCHED} == {0.0}
    assert (drums["drum_share"], drums["notes"], drums["polyphony"]) == (1, 3, 9 / 5)
    one = measures(made([(0, 1, 60)]))
    assert all(math.isfinite(value) for value in one.values())
    assert [one[name] for name in PITCHED] == [1, 60, 60, 1, 0, 0, 0, 0, 1]
    assert str(one["pitch_entropy"]) == "0.0", "not -0.0"


@given(scores(most=6))
def test_measures_are_finite_and_shares_are_shares(score: Score) -> None:
    found = measures(score)
    assert all(math.isfinite(value) and value >= 0 for value in found.values()), found
    shares = [name for name in found if name.endswith(("_rate", "_share", "_consistency"))]
    assert len(shares) == 6 and all(found[name] <= 1 for name in shares)


@pytest.mark.parametrize(
    "rows",
    [
        [(2**40, 2**40 + 1, 60)],
        [(0, 2**40, 60)],
        [(0, 1, 60), (0, 2**40, 64), (2**40, 2**40 + 1, 62)],
    ],
    ids=["late", "long", "both"],
)
def test_centuries_cost_no_memory(rows: list[Row]) -> None:
    tracemalloc.start()
    # From minutes a beat to a millionth of a second: the last tick is too short for a float of
    # seconds.
    notes = [(onset, end, pitch, 80, 0, False) for onset, end, pitch in rows]
    score = Score.build(notes, 32767, tempos=[(0, 16_777_215), (2**40, 1)], meters=[(2**39, 1, 64)])
    found = measures(score)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert all(math.isfinite(value) for value in found.values())
    assert found["notes"] == len(rows)


def test_measures_of_files_are_a_table_for_notebooks() -> None:
    pytest.importorskip("pandas")
    frame = measure_files(BUNDLED[:3])
    assert list(frame.index) == [str(path) for path in BUNDLED[:3]] and frame.index.name == "file"
    expected = measures(read_midi(BUNDLED[1]))
    assert frame.loc[str(BUNDLED[1])].to_dict() == expected
