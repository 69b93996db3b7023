"""Whether a piece holds together: bars that return, its key, its end, against values worked out by
hand and a plain implementation with sets."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import BUNDLED, scores
from ugen.data import Score, read_midi
from ugen.data.analysis.key import key_of
from ugen.data.analysis.measures import measures
from ugen.data.analysis.structure import STRUCTURE, structure

EXACT = 1e-9
Note = tuple[int, int, int]  # onset and length in ticks, pitch; bars have 16 ticks, beats 4
RETURNING = STRUCTURE[:3]


def made(notes: Iterable[Note], drum: bool = False, meters: Iterable[Note] = ()) -> Score:
    rows = [(at, at + length, pitch, 80, 0, drum) for at, length, pitch in notes]
    return Score.build(rows, 4, meters=meters)


def in_bars(*bars: Sequence[tuple[int, int]]) -> Score:
    """A score of bars, each of short notes: place and pitch."""
    return made(
        (16 * bar + place, 1, pitch) for bar, notes in enumerate(bars) for place, pitch in notes
    )


def returning(score: Score) -> list[float]:
    found = structure(score)
    return [found[name] for name in RETURNING]


THEME = [(0, 60), (4, 62), (8, 64), (12, 65), (14, 67)]


def test_bars_that_return_by_hand() -> None:
    other = [(2, 40), (6, 41), (10, 43)]
    one_less, one_other = THEME[:4], [*THEME[:4], (14, 68)]
    assert returning(in_bars(THEME)) == [0, 0, 0]
    assert returning(in_bars(THEME, other)) == [0, 0, 0]
    assert returning(in_bars(THEME, other, THEME, other)) == [1 / 2, 1 / 2, 1 / 2]
    assert returning(in_bars(THEME, one_less))[0] == 1 / 2, "4 notes of 5 are in both"
    assert returning(in_bars(THEME, one_other)) == [0, 1 / 2, 0], "4 notes of 6 are in both"
    moved = [(place, pitch + 5) for place, pitch in THEME]
    assert returning(in_bars(THEME, moved)) == [0, 1 / 2, 1 / 2]
    for changed in (moved[1:], moved[:-1]):  # without its lowest note, or its highest
        assert returning(in_bars(THEME, changed)) == [0, 1 / 2, 1 / 2]


def test_empty_bars_are_none_that_return() -> None:
    assert returning(in_bars(THEME, [], [], THEME, [], THEME)) == [2 / 3, 2 / 3, 2 / 3]
    held = made([(0, 48, 60), (48, 4, 60)])
    assert returning(held) == [1 / 2, 1 / 2, 1 / 2], "bars in which no note begins are empty"


def test_a_bar_returns_within_16_bars() -> None:
    assert returning(in_bars(THEME, *[[]] * 15, THEME)) == [1 / 2, 1 / 2, 1 / 2]
    assert returning(in_bars(THEME, *[[]] * 16, THEME)) == [0, 0, 0]


def test_doubled_notes_lengths_and_drums_do_not_matter() -> None:
    plain = in_bars(THEME, [(2, 40)], THEME)
    longer = made([(int(n["onset"]), 3, int(n["pitch"])) for n in plain.notes] * 2)
    drums = made([(at, 1, 36) for at in range(0, 48, 16)], drum=True)
    both = Score.build(np.concatenate([longer.notes, drums.notes]), 4)
    assert structure(both) == pytest.approx(structure(longer))
    assert returning(both) == returning(plain)
    assert set(structure(drums).values()) == {0.0}
    assert set(structure(made([])).values()) == {0.0}


def test_bars_follow_the_meter() -> None:
    waltz = [(12 * bar + place, 1, 60 + place) for bar in range(3) for place in (0, 4, 8)]
    assert returning(made(waltz, meters=[(0, 3, 4)]))[0] == 2 / 3
    assert returning(made(waltz))[0] == 0
    late = [(at + 7, length, pitch) for at, length, pitch in waltz]
    assert returning(made(late, meters=[(0, 4, 4), (7, 3, 4)]))[0] == 2 / 3


def test_onsets_are_compared_to_a_twenty_fourth_of_a_beat() -> None:
    straight = [(0, 100, 60), (480, 100, 62), (1920, 100, 60), (2400, 100, 62)]
    rows = [(at, at + length, pitch, 80, 0, False) for at, length, pitch in straight]
    played = [
        (max(at + shift, 0), *row[1:])
        for (at, *_), row, shift in zip(straight, rows, (0, 9, -9, 4), strict=True)
    ]
    apart = [*rows[:3], (2400 + 11, 2500, 62, 80, 0, False)]
    assert structure(Score.build(played, 480))["bars_returning"] == 1 / 2
    assert structure(Score.build(apart, 480))["bars_returning"] == 0


# the key

C_MAJOR = (60, 62, 64, 65, 67, 69, 71)


def window(pitches: Sequence[int], number: int = 0) -> list[Note]:
    """Eight bars in which each pitch sounds for as long."""
    return [(128 * number + 4 * i, 4, pitches[i % len(pitches)]) for i in range(4 * len(pitches))]


def key_stability(*windows: Sequence[int]) -> float:
    notes = [note for number, pitches in enumerate(windows) for note in window(pitches, number)]
    return structure(made(notes))["key_stability"]


def test_key_stability_by_hand() -> None:
    up = {steps: [pitch + steps for pitch in C_MAJOR] for steps in range(12)}
    assert key_stability(up[0]) == 1, "one window has no neighbour"
    for steps in range(12):
        near = steps in (0, 5, 7)  # the same, one flat more, one sharp more
        assert key_stability(up[0], up[steps]) == near
    assert key_stability(up[0], up[7], up[2], up[0]) == pytest.approx(2 / 3)
    harmonic = [57, 59, 60, 62, 64, 65, 68]
    assert key_stability(up[0], harmonic) == 1, "A minor has C major's signature"
    assert key_stability(up[7], harmonic) == 1
    assert key_stability(up[2], harmonic) == 0
    # C D E G A are in C, F and G major: what fits several scales is in all of them
    assert key_stability([60, 62, 64, 67, 69], up[2]) == 1
    assert key_stability([60, 62, 64, 67, 69], up[9]) == 0


def test_windows_without_notes_are_left_out() -> None:
    notes = window(C_MAJOR) + window(C_MAJOR, 5) + window([p + 1 for p in C_MAJOR], 9)
    assert structure(made(notes))["key_stability"] == 1 / 2


def test_in_scale_by_hand() -> None:
    assert structure(made(window(C_MAJOR)))["in_scale"] == 1
    # 28 beats of C major and one of C sharp
    off = [*window(C_MAJOR), (112, 4, 61)]
    assert structure(made(off))["in_scale"] == pytest.approx(28 / 29)
    # its beat in the window counts, not what sounds on in the next
    held = [*window(C_MAJOR), (112, 2**40, 61)]
    assert structure(made(held))["in_scale"] == pytest.approx(28 / (28 + 4))
    chromatic = [(4 * step, 4, 60 + step) for step in range(12)]
    assert structure(made(chromatic))["in_scale"] == pytest.approx(7 / 12)


def test_twelve_tones_of_equal_length_have_a_key() -> None:
    """They were divided by a deviation of 0, with a warning; C major is for what has no key."""
    assert key_of(made((4 * step, 4, 60 + step) for step in range(12))) == (0, False)


# the end

CADENCE = [
    *window(C_MAJOR),
    *((112, 8, pitch) for pitch in (55, 59, 62, 65)),
    *((120, 8, pitch) for pitch in (48, 55, 60, 64)),
]


def ends(notes: Iterable[Note]) -> bool:
    return bool(structure(made(notes))["ends"])


def test_a_cadence_ends_and_any_part_of_it_alone_does_not() -> None:
    assert ends(CADENCE)
    before = CADENCE[:-4]
    assert not ends(before), "on the dominant"
    assert not ends([*before, *((120, 8, pitch) for pitch in (48, 55, 60, 66))]), "not in the key"
    assert not ends([*before, *((120, 8, pitch) for pitch in (55, 64))]), "no tonic"
    assert not ends([*before, *((120, 2, pitch) for pitch in (48, 55, 60, 64))]), "too short"
    assert not ends([*before, *((121, 6, pitch) for pitch in (48, 55, 60, 64))]), "beside the beat"
    loose = [(120, 8, 48), *((120, 4, pitch) for pitch in (55, 60, 64))]
    assert not ends([*before, *loose]), "not together"
    assert ends([*before, (120, 1, 55), *CADENCE[-4:]]), "an ornament may be shorter"


def test_an_end_in_minor_may_be_major() -> None:
    minor = [*window([57, 59, 60, 62, 64, 65, 68])]
    for third in (60, 61):
        assert ends([*minor, *((112, 16, pitch) for pitch in (45, 57, third, 64))])
    both = (45, 57, 59, 64)
    assert not ends([*minor, *((112, 16, pitch) for pitch in both)]), "a tone beside the triad"


def test_piano_pieces_end_and_do_not_when_broken_off() -> None:
    pieces = [read_midi(path) for path in BUNDLED if path.parent.name == "piano"]
    assert len(pieces) == 10 and all(structure(piece)["ends"] for piece in pieces)
    numbers = random.Random(1)
    broken = [
        structure(piece.until(int(piece.end_tick * numbers.uniform(0.1, 0.95))))["ends"]
        for piece in pieces
        for _ in range(10)
    ]
    assert np.mean(broken) < 0.1


GOLDEN = {
    "bethena": (0.4292, 0.9315, 0.4749, 0.7778, 0.9, 0.8852, 1),
    "maple-leaf-rag": (0.5347, 0.9722, 0.5903, 0.6471, 0.9183, 0.8231, 1),
    "satie-gymnopedie-no1": (0.3617, 0.9362, 0.4043, 0.8, 0.9746, 0.9034, 1),
    "freedm_d_adrian": (0.2931, 0.8966, 0.2931, 1, 0.912, 0.6964, 0),
    "freedoom2_d_romero": (0.6123, 0.8987, 0.6916, 1, 0.9965, 0.9294, 0),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_values_stay_what_they_were(name: str) -> None:
    (path,) = (path for path in BUNDLED if path.stem == name)
    found = tuple(structure(read_midi(path)).values())
    assert found == pytest.approx(GOLDEN[name], abs=5e-5)


# properties


def bars_of(score: Score) -> dict[int, set[tuple[int, int]]]:
    """The bars with pitched notes, found by walking along the meters."""
    found: dict[int, set[tuple[int, int]]] = {}
    starts = [(round(t * 24 / score.ticks_per_beat), n, d) for t, n, d in score.meters.tolist()]
    for note in score.notes[~score.notes["drum"]]:
        at, bar = round(int(note["onset"]) * (24 / score.ticks_per_beat)), 0
        for (start, n, d), after in zip(starts, [*starts[1:], (None, 0, 0)], strict=True):
            length = max(96 * n // d, 1)
            if after[0] is not None and at >= after[0]:
                bar += -(-(after[0] - start) // length)
                continue
            found.setdefault(bar + (at - start) // length, set()).add(
                ((at - start) % length, int(note["pitch"]))
            )
            break
    return found


def same(a: set[object], b: set[object]) -> bool:
    return len(a & b) * 5 >= len(a | b) * 4


def plainly_returning(score: Score) -> list[float]:
    """The three measures with sets, a transposition by any interval."""
    bars = bars_of(score)
    counts = [0, 0, 0]
    for bar, notes in bars.items():
        before = [bars[each] for each in range(bar - 16, bar) if each in bars]
        onsets: set[object] = {at for at, _ in notes}
        counts[0] += any(same({*notes}, {*other}) for other in before)
        counts[1] += any(same(onsets, {at for at, _ in other}) for other in before)
        counts[2] += any(
            same({*notes}, {(at, pitch + by) for at, pitch in other})
            for other in before
            for by in {p - q for at, p in notes for to, q in other if at == to}
        )
    return [count / len(bars) for count in counts]


@settings(max_examples=60)
@given(scores())
def test_made_up_scores_return_as_sets_do(score: Score) -> None:
    if not score.notes["drum"].all():
        found, expected = returning(score), plainly_returning(score)
        assert found[:2] == pytest.approx(expected[:2], abs=EXACT)
        assert found[0] <= found[2] <= expected[2] + EXACT


@pytest.mark.parametrize("path", BUNDLED[::9], ids=lambda path: path.stem)
def test_real_music_returns_as_sets_do(path: Path) -> None:
    score = read_midi(path)
    score = score.until(score.tick_at(60))
    found, expected = returning(score), plainly_returning(score)
    assert found[:2] == pytest.approx(expected[:2], abs=EXACT)
    assert expected[2] - 0.02 <= found[2] <= expected[2] + EXACT


@given(scores(), st.sampled_from([-24, -12, 12, 24]))
def test_octaves_change_nothing(score: Score, by: int) -> None:
    pitch = score.notes["pitch"].astype(int) + by
    if len(pitch) and pitch.min() >= 0 and pitch.max() <= 127:
        notes = score.notes.copy()
        notes["pitch"] = pitch
        assert structure(replace(score, notes=notes)) == structure(score)


@given(scores(), st.integers(1, 11))
def test_transposing_changes_neither_returns_nor_keys(score: Score, by: int) -> None:
    notes = score.notes.copy()
    notes["pitch"] = notes["pitch"] // 2 + 20
    score = replace(score, notes=notes)
    moved = notes.copy()
    moved["pitch"] += by
    found, expected = structure(replace(score, notes=moved)), structure(score)
    assert [found[name] for name in STRUCTURE[:5]] == [expected[name] for name in STRUCTURE[:5]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=17))
def test_in_any_order_all_but_the_first_of_a_kind_return(kinds: list[int]) -> None:
    bars = [[(place, 40 + kind), (12, 90 - 3 * kind)] for place, kind in enumerate(range(6))]
    score = in_bars(*(bars[kind] for kind in kinds))
    expected = 1 - len(set(kinds)) / len(kinds)
    assert structure(score)["bars_returning"] == pytest.approx(expected)


@given(scores(most=8))
def test_all_are_shares(score: Score) -> None:
    assert all(0 <= value <= 1 for value in structure(score).values())


def test_measures_have_them() -> None:
    score = read_midi(BUNDLED[0])
    found = measures(score)
    assert {name: found[name] for name in STRUCTURE} == structure(score)


def test_hostile_scores_cost_little() -> None:
    rows = np.zeros(20_000, Score.build([], 1).notes.dtype)
    rows["onset"] = np.arange(len(rows)) * 2**40
    rows["end"] = rows["onset"] + 2**45
    rows["pitch"] = np.arange(len(rows)) % 128
    meters = [(tick, 1 + tick % 3, 64) for tick in range(20_000)]
    score = Score.build(rows, 32767, meters=meters)
    tracemalloc.start()
    found = structure(score)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000 and all(0 <= value <= 1 for value in found.values())
