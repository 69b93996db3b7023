"""The chorales' benchmark has a codec of its own: it must hold all four voices, or its nats are of
something else."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "bench"))

from voices import LOWEST, NAMES, RANGES, SILENT, VoicesCodec

CODEC = VoicesCodec(forget=0.0)
COLUMNS = [each.name for each in CODEC.columns]


def _random_piece(seed: int) -> list[list[int]]:
    """Voices that hold, leap, cross, meet in unison and fall silent."""
    rng = np.random.default_rng(seed)
    lows, highs = np.array([*RANGES.values()]).T
    step, steps = [SILENT] * 4, []
    for _ in range(200):
        for voice in np.flatnonzero(rng.random(4) < 0.2):
            near = np.clip(step[voice], lows[voice], highs[voice]) + rng.integers(-12, 13)
            pitch = int(np.clip(near, lows[voice], highs[voice]))
            step[voice] = SILENT if rng.random() < 0.2 else pitch
        steps.append([*step])
    return steps


def test_every_voice_at_every_step_comes_back() -> None:
    pieces = [_random_piece(seed) for seed in range(20)]
    pieces.append([[60, 60, 60, 60]] * 100)  # a unison, longer than the longest shift
    pieces.append([[SILENT] * 4, [72, 67, 64, 48]])
    for piece in pieces:
        assert CODEC.unpack(CODEC.pack(piece)) == piece


def test_ids_stay_within_their_columns_also_when_transposed() -> None:
    sizes = [CODEC.vocabulary, *(each.size for each in CODEC.columns)]
    for seed in range(20):
        rows = CODEC.to_rows(CODEC.pack(_random_piece(seed)), COLUMNS)
        for semitones in (-5, 0, 6):
            assert (CODEC.augment(rows, semitones, 1.0, 0, COLUMNS) < sizes).all()


def test_a_transposed_piece_is_the_piece_of_transposed_rows() -> None:
    middle = [
        [pitch if pitch == SILENT else 60 + pitch % 5 for pitch in step]
        for step in _random_piece(1)
    ]
    moved = [[pitch if pitch == SILENT else pitch + 3 for pitch in step] for step in middle]
    rows = CODEC.to_rows(CODEC.pack(middle), COLUMNS)
    assert (
        CODEC.augment(rows, 3, 1.0, 0, COLUMNS) == CODEC.to_rows(CODEC.pack(moved), COLUMNS)
    ).all()


def test_columns_tell_only_what_the_tokens_so_far_say() -> None:
    """A column that knew the step to come would make the nats worthless."""
    tokens = CODEC.pack(_random_piece(2))
    rows = CODEC.to_rows(tokens, COLUMNS)
    for cut in (1, 20, 100):
        assert (CODEC.to_rows(tokens[:cut], COLUMNS) == rows[: cut + 1]).all()


def test_the_rows_of_a_cadence() -> None:
    """G7 to C, by hand."""
    tokens = CODEC.pack([[65, 62, 59, 43], [64, 60, 60, 48]])
    events = " ".join(CODEC.events[token] for token in tokens)
    assert events == (
        "soprano:65 bass:43 alto:62 tenor:59 shift:1 "
        "soprano_by:-1 bass_by:5 alto_by:-2 tenor_by:1 shift:1"
    )
    last = dict(zip(COLUMNS, CODEC.to_rows(tokens, COLUMNS)[-2, 1:].tolist(), strict=True))
    assert last["harmony"] == 1 + 4 + 12 * 0 + 144 * 0
    assert last["harmony_before"] == 1 + 10 + 12 * 7 + 144 * 4
    assert [last[f"{name}_at"] - 2 + LOWEST for name in NAMES] == [64, 60, 60, 48]
    assert last["soprano_bass"] == 1 + 16 + 6


def test_ids_are_forgotten_and_tokens_are_not() -> None:
    rows = CODEC.to_rows(CODEC.pack(_random_piece(3)), COLUMNS)
    forgotten = VoicesCodec(forget=0.5).augment(rows, 0, 1.0, 0, COLUMNS)
    assert (forgotten[:, 0] == rows[:, 0]).all()
    known = rows[:, 1:] > 0
    assert 0.45 < (forgotten[:, 1:] == rows[:, 1:])[known].mean() < 0.55
    assert (forgotten[:, 1:][~known] == 0).all()
