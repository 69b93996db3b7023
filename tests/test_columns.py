"""The rows that models are fed: the ids of columns beside the last token.

They are the same in training, token by token, after a copy, and when only `Codec.context` is left
of what came before. rows.json holds those of a piece for each codec, for readers in other
languages; `python tests/test_columns.py` writes it anew.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import BUNDLED
from ugen.data import Codec, make_codec, read_midi
from ugen.data.arrangement import arrange
from ugen.data.codecs.columns import Wishes
from ugen.runtime.sampling.rng import Rng

CODECS = {
    "beats": make_codec("beats"),
    "band": make_codec("beats", band=True),
    "events": make_codec("events"),
    "frames": make_codec("frames"),
    "fold": make_codec("frames", fold=True),
}
GOLDEN = Path(__file__).parent / "rows.json"
LENGTH = 400  # tokens
MINOR = Wishes({"key": 15}, bars=9, seconds=30, chords=((6,), (1, 8)))
few = settings(max_examples=20)  # of streams, which are long
each_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


def names(codec: Codec) -> tuple[str, ...]:
    return tuple(each.name for each in codec.columns)


def encoded(codec: Codec, path: Path) -> list[int]:
    score = arrange(read_midi(path), "band" if codec.options().get("band") else "piano")
    tokens: list[int] = codec.encode(score).tokens.tolist()
    return tokens


def rows_of(codec: Codec, tokens: list[int], wishes: Wishes = MINOR) -> list[list[int]]:
    """The rows as training has them, without the tokens."""
    rows = codec.to_rows(np.array(tokens, np.uint16), names(codec), wishes)
    columns: list[list[int]] = rows[:, 1:].tolist()
    return columns


def sampled(codec: Codec, seed: int, length: int) -> list[int]:
    """Tokens that the masks allow, repeated now and then, as music is."""
    rng, cursor, tokens = Rng(seed), codec.cursor(), list[int]()
    while len(tokens) < length:
        allowed = cursor.mask()
        back = 1 + int(rng.words(1)[0]) % 24
        token = tokens[-back] if back <= len(tokens) else -1
        if token < 0 or not allowed[token] or rng.words(1)[0] % 8 == 0:
            choices = np.flatnonzero(allowed)
            token = int(choices[int(rng.words(1)[0]) % len(choices)])
        cursor.feed(token)
        tokens.append(token)
    return tokens


@contextmanager
def memory_of(places: int) -> Iterator[None]:
    """Codecs that look back less far, so that short streams reach the end of their memory."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("events", "frames", "beats.cursor", "beats.codec"):
            patch.setattr(f"ugen.data.codecs.{module}.MEMORY", places)
        yield


@each_codec
@few
@given(seed=st.integers(0, 2**32), copied=st.integers(0, 149))
def test_a_cursor_knows_what_training_does(codec: Codec, seed: int, copied: int) -> None:
    """Also after a copy, which leaves the cursor that it was made from as it was."""
    tokens = sampled(codec, seed, 150)
    rows = rows_of(codec, tokens)
    cursor = codec.cursor(columns=names(codec), wishes=MINOR)
    for token, row in zip(tokens[:copied], rows[:copied], strict=True):
        assert cursor.row() == row
        cursor.feed(token)
    for _ in range(2):
        other = cursor.copy()
        for token, row in zip(tokens[copied:], rows[copied:-1], strict=True):
            assert other.row() == row
            other.feed(token)
        assert other.row() == rows[-1]


@each_codec
@few
@given(seed=st.integers(0, 2**32), cut=st.integers(1, 299), places=st.integers(8, 50))
def test_a_context_is_all_that_a_cursor_needs(
    codec: Codec, seed: int, cut: int, places: int
) -> None:
    """A song that is continued from its state is fed the same rows; what is left of it is asked
    for anew."""
    with memory_of(places):
        tokens = sampled(codec, seed, 300)
        rows = rows_of(codec, tokens, Wishes({"key": 15}))[cut:]
        cursor = codec.cursor(columns=names(codec), wishes=Wishes({"key": 15}))
        for token in codec.context(np.array(tokens[:cut], np.uint16)).tolist():
            cursor.feed(token)
        for token, row in zip(tokens[cut:], rows, strict=False):
            assert cursor.row() == row
            cursor.feed(token)


@each_codec
@pytest.mark.parametrize("path", BUNDLED[::60], ids=lambda path: path.stem)
def test_real_music_continues_from_a_context(codec: Codec, path: Path) -> None:
    tokens = encoded(codec, path)[:12_000]
    cut = len(tokens) * 3 // 4
    rows = rows_of(codec, tokens, Wishes())[cut:]
    cursor = codec.cursor(columns=names(codec))
    for token in codec.context(np.array(tokens[:cut], np.uint16)).tolist():
        cursor.feed(token)
    found = []
    for token in tokens[cut:]:
        found.append(cursor.row())
        cursor.feed(token)
    assert [*found, cursor.row()] == rows


@each_codec
@few
@given(seed=st.integers(0, 2**32))
def test_ids_are_within_their_columns(codec: Codec, seed: int) -> None:
    """And what came before is named by a token that did."""
    tokens = sampled(codec, seed, 150)
    for place, row in enumerate(rows_of(codec, tokens)):
        for column, number in zip(codec.columns, row, strict=True):
            assert 0 <= number < column.size
            if number and column.name.split("_")[0] in ("back", "after"):
                assert number - 1 in tokens[:place]


@each_codec
def test_memory_is_bounded(codec: Codec) -> None:
    """However long a stream is."""
    with memory_of(32):
        cursor = codec.cursor(columns=names(codec), wishes=MINOR)
        sizes = []
        for token in sampled(codec, 1, 3_000):
            cursor.feed(token)
            sizes.append(len(pickle.dumps(cursor)) if len(sizes) % 50 == 0 else 0)
        assert max(sizes[2_000:]) < 1.2 * max(sizes[1_000:2_000])


def test_what_came_bars_ago_in_a_band_is_of_the_same_program() -> None:
    """After a program that was silent in that bar, the pitch of another was named."""
    codec = CODECS["band"]
    ids = {event: number for number, event in enumerate(codec.events)}

    def tokens(*events: str) -> list[int]:
        return [ids[event] for event in events]

    piano = "program:0", "velocity:66", "pitch:60", "duration:24"
    bass = "program:32", "velocity:66", "pitch:40"
    cursor = codec.cursor(columns=("back_1",))
    strings = "program:48", "velocity:66", "pitch:72", "duration:96"
    for token in tokens("meter:4/4", *piano, *strings, "bar", *piano, "program:32"):
        cursor.feed(token)
    assert cursor.row() == [0]
    for token in tokens(*bass[1:]):
        cursor.feed(token)
    assert cursor.row() == [ids["duration:96"] + 1], "but a duration is like its neighbours'"


@each_codec
def test_wishes_are_named(codec: Codec) -> None:
    cursor = codec.cursor(columns=("key", "left"))
    assert cursor.row() == [0, 0]
    cursor.ask(Wishes({"key": 15}, bars=3, seconds=7))
    assert cursor.row() == [15, 3 if codec.has_bars else 4]
    for token in sampled(codec, 3, 3_000):
        cursor.feed(token)
    assert cursor.seconds > 7
    assert cursor.row() == [15, 1]


def golden() -> dict[str, dict[str, object]]:
    """Per codec: its columns, the tokens of a piece, and rows by the number of tokens before."""
    found: dict[str, dict[str, object]] = {}
    path = next(path for path in BUNDLED if path.stem == "the-entertainer")
    for name, codec in CODECS.items():
        tokens = encoded(codec, path)[:LENGTH]
        rows = rows_of(codec, tokens)
        found[name] = {
            "columns": [[each.name, each.size] for each in codec.columns],
            "tokens": tokens,
            "rows": {str(place): rows[place] for place in range(0, LENGTH, 7)},
        }
    return found


def test_rows_are_those_written_down() -> None:
    assert golden() == json.loads(GOLDEN.read_text())


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden(), separators=(",", ":")).replace('},"', '},\n"') + "\n")
