"""Songs beside music, as one number."""

from __future__ import annotations

import pytest
from support import BUNDLED
from ugen.data import read_midi
from ugen.data.analysis.measures import measures
from ugen.data.analysis.spread import COMPARED, distance, measures_of_beginning, spreads
from ugen.data.analysis.structure import ends


def test_distance_is_the_mean_difference_in_deviations_of_the_music() -> None:
    music = [dict.fromkeys(COMPARED, value) for value in (0.0, 2.0)]
    songs = [dict.fromkeys(COMPARED, value) for value in (3.0, 5.0)]
    assert distance(spreads(music, songs)) == 3
    songs = [{**songs[0], "polyphony": 1.0}]
    assert distance(spreads(music, songs)) == pytest.approx(9 * 2 / 10)
    same = [{**each, "in_scale": 1.0} for each in music]
    assert distance(spreads(same, songs)) == pytest.approx(8 * 2 / 9), "left out: no deviation"
    assert distance(spreads(music[:1], songs)) is None
    assert distance(spreads(music, [])) is None
    assert distance(spreads(music, music)) == 0


def test_music_is_measured_by_its_beginning_but_for_its_end() -> None:
    piece = next(score for score in map(read_midi, reversed(BUNDLED)) if ends(score))
    part = piece.until(piece.tick_at(9.7))
    assert not ends(part)
    assert measures_of_beginning(piece, 9.7) == {**measures(part), "ends": 1.0}
    assert set(COMPARED) <= measures(part).keys()
