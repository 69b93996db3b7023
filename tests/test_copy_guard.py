"""The guard against copies: passages of the training music are found while a song is made, and
resampled; other songs are left alone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from fake_models import BEATS, CODECS, Ruled, likes, lively, tune
from hypothesis import given
from hypothesis import strategies as st
from support import BUNDLED, ugen_run
from ugen.data import Score, arrange, read_midi
from ugen.data.analysis.fingerprint_table import LIMITS, HeldOut, Table
from ugen.data.analysis.fingerprints import N, grams, notes_in_order
from ugen.data.analysis.originality import SURE, make_table, originality
from ugen.data.codecs.base import Codec
from ugen.export.onnx_graph import build
from ugen.runtime import Card, Model, Sampling, SongSettings, generate, load, stream
from ugen.runtime.generation.guard.copies import CopyFinder, OnsetReader
from ugen.runtime.generation.guard.faults import FaultKind
from ugen.runtime.generation.guarded_stream import MAX_RETRIES
from ugen.runtime.generation.note_stream import NoteStream
from ugen.runtime.generation.request import Request
from ugen.runtime.playback.session import run
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

each_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


@cache
def heard(path: Path) -> Score:
    """A piece as a model knows it."""
    return BEATS.decode(BEATS.encode(arrange(read_midi(path), "piano")).tokens)


PIECE = next(path for path in BUNDLED if path.parent.name == "piano")
NOTES = notes_in_order(heard(PIECE))
TABLE = make_table([PIECE.name], [heard(PIECE)])
WINNOWED = make_table([PIECE.name], [heard(PIECE)], preferred=100)
TOKENS = BEATS.encode(arrange(read_midi(PIECE), "piano")).tokens[1:].tolist()


def others(count: int, seed: int) -> np.ndarray:
    """Notes that are no piece's, one after the other."""
    rng, notes = np.random.default_rng(seed), np.zeros(count, NOTES.dtype)
    notes["onset"] = np.cumsum(rng.integers(1, 30, count))
    notes["pitch"], notes["velocity"] = rng.integers(30, 90, count), 66
    return notes


def with_passage(first: int, length: int, semitones: int) -> Score:
    """Some notes of the piece, moved, between others."""
    parts = [others(30, 1), NOTES[first : first + length].copy(), others(30, 2)]
    parts[1]["pitch"] = np.clip(parts[1]["pitch"].astype(int) + semitones, 0, 127)
    end = 0
    for part in parts:
        part["onset"] += end + 24 - part["onset"].min()
        end = int(part["onset"].max())
    song = np.concatenate(parts)
    song["end"] = song["onset"] + 1
    return replace(heard(PIECE), notes=song)


def knowing(model: Model, table: Table | None) -> Model:
    """The model, its file with this table."""
    model.card = replace(model.card, originality=table)
    return model


def walked(codec: Codec, tokens: np.ndarray) -> tuple[list, list[int]]:
    """Steps of a stored piece, and where the song stood after each."""
    cursor, nows = codec.cursor(), []
    steps = list(codec.to_inputs(tokens))
    for step in steps:
        cursor.feed(0 if codec.input == "frame" else int(step))
        nows.append(cursor.now)
    return steps, nows


@cache
def made(codec: Codec) -> np.ndarray:
    """Tokens of some seconds."""
    return generate(lively(codec), seconds=20, seed=1, guard=False).tokens


# what is found


@each_codec
@given(st.lists(st.integers(1, 400), max_size=20))
def test_notes_are_read_from_steps_as_they_are_from_a_score(
    codec: Codec, lengths: list[int]
) -> None:
    """Whatever the places at which the song is looked at; the last point of time is not yet
    whole."""
    tokens = made(codec)
    steps, nows = walked(codec, tokens)
    reader, begun, found = OnsetReader(codec), 0, []
    for length in [*np.cumsum(lengths, dtype=int).tolist(), len(steps)]:
        if length <= len(steps):
            found.append(reader.between(steps[:length], nows[:length], begun, nows[length - 1]))
            begun = nows[length - 1]
    notes = notes_in_order(codec.decode(tokens))
    scale = codec.options().get("ticks", 1)  # of a step of the grid
    onsets = np.concatenate(found)["onset"] * scale
    expected = notes[notes["onset"] < nows[-1] * scale]
    assert len(expected) > 10 and onsets.tolist() == expected["onset"].tolist()
    assert np.concatenate(found)["pitch"].tolist() == expected["pitch"].tolist()


@given(
    st.integers(12, 64),
    st.integers(0, 10**6),
    st.integers(-3, 3),
    st.lists(st.integers(20, 300), min_size=1, max_size=30),
)
def test_no_passage_over_the_limit_is_missed(
    length: int, place: int, semitones: int, checks: list[int]
) -> None:
    """A passage of a piece between other notes, in any key, looked for in parts of any length, with
    a table of all runs and with one of every eighth."""
    song = with_passage(place % (len(NOTES) - length), length, semitones)
    steps, nows = walked(BEATS, BEATS.encode(song).tokens)
    for table in (TABLE, WINNOWED):
        finder, copy, read = CopyFinder(BEATS, table, 0), None, 0
        for check in [*np.cumsum(checks).tolist(), len(steps)]:
            if copy is None and read < check <= len(steps):
                copy, read = finder.find(steps[:check], nows[:check]), check
        longest = originality(song, table).longest
        assert longest is None or longest.notes <= table.limit or copy is not None
        if copy is not None:
            assert copy.fault.kind is FaultKind.COPY and PIECE.name in copy.fault.text
        if copy is not None and table is TABLE:
            assert longest is not None and longest.notes > table.limit


def test_passages_of_26_notes_are_found_where_few_runs_fit_in_the_room_preferred() -> None:
    """But for those of which most is mere repetition."""
    assert WINNOWED.certain == SURE and len(WINNOWED.keys) < len(TABLE.keys) / 6
    _, places = grams(NOTES)
    sure = [k for k in places.tolist() if {*range(k, k + SURE - N + 1)} <= {*places.tolist()}]
    assert len(sure) > 100
    for first in sure[::5]:
        assert originality(with_passage(first, SURE, 2), WINNOWED).longest is not None


def test_a_table_is_no_larger_than_preferred_where_it_is_sure_anyway() -> None:
    table = make_table([PIECE.name], [heard(PIECE)], preferred=900)
    assert len(table.encoded()) <= 900 and table.window > 1 and table.certain < SURE


def test_the_limit_is_what_held_out_pieces_share_within_bounds() -> None:
    def limit(common: int) -> int:
        return replace(TABLE, held_out=HeldOut(5, 0.0, common, 0.0, common)).limit

    assert [limit(common) for common in (0, 16, 30, 9000)] == [16, 16, 30, 512]
    assert TABLE.held_out is None and TABLE.limit == LIMITS[0] == 16


# what is done about it


def busy() -> Callable[[int, int], np.ndarray]:
    """A tune with hardly any rests."""
    logits = tune()(0, 0).copy()
    logits[BEATS.events.index("bar")] = -4
    return lambda step, calls: logits


def copying(at: int, again: bool = False) -> Model:
    """A model that plays a tune of its own, and from step `at` on a piece that it learned by heart;
    rewound, it plays its own tune again, unless `again`."""
    sound, last, healed = busy(), 0, False

    def rule(step: int, calls: int) -> np.ndarray:
        nonlocal last, healed
        healed, last = healed or step < last, step
        if step < at or (healed and not again):
            return sound(step, calls)
        return likes(BEATS, BEATS.events[PLAYED[(step - at) % len(PLAYED)]])

    return knowing(Ruled(BEATS, rule), TABLE)


# without the meters and tempos, which may not stand where the tune leaves off
PLAYED = [
    token for token in TOKENS if not BEATS.events[token].startswith(("meter", "tempo", "piece"))
]


@pytest.mark.parametrize("at", [100, 900])
def test_a_copy_is_resampled_from_before_it_began(at: int) -> None:
    song = generate(copying(at), seconds=60, seed=1)
    (retry,) = song.retries
    assert retry.fault.kind is FaultKind.COPY and retry.resampled_from is not None
    text = rf"copied \d+ notes of {PIECE.name} at \d+ s; resampled from \d+ s"
    assert re.fullmatch(text, str(retry))
    assert originality(song.score, TABLE).longest is None
    kept = generate(copying(at), seconds=60, seed=1, copy_guard=False)
    assert kept.retries == ()
    longest = originality(kept.score, TABLE).longest
    assert longest is not None and longest.notes > TABLE.limit
    assert longest.begin >= retry.resampled_from
    until = kept.score.tick_at(retry.resampled_from)
    assert song.score.until(until).notes.tolist() == kept.score.until(until).notes.tolist()


def test_the_last_seconds_are_looked_at_too() -> None:
    """The copy begins after the last time that the guard looked."""
    kept = generate(copying(2400), seconds=60, seed=1, copy_guard=False)
    longest = originality(kept.score, TABLE).longest
    assert longest is not None and longest.notes > TABLE.limit and longest.begin > 40
    song = generate(copying(2400), seconds=60, seed=1)
    assert len(song.retries) == 1 and originality(song.score, TABLE).longest is None


def test_streams_take_the_same_copies_back() -> None:
    song = generate(copying(900), seconds=60, seed=1)
    notes = list(stream(copying(900), seconds=60, seed=1))
    assert len(song.retries) == 1
    assert [note.pitch for note in notes] == song.score.notes["pitch"].tolist()
    assert [note.onset for note in notes] == pytest.approx(
        song.score.seconds_at(song.score.notes["onset"])
    )


def test_a_model_that_only_copies_is_heard_and_said_to_copy() -> None:
    """Each minute's retries are bounded, and the rest is kept: no error, and no endless work."""
    model = copying(0, again=True)
    song = generate(model, seconds=120, seed=1)
    assert song.seconds == 120 and MAX_RETRIES < len(song.retries) <= 2 * MAX_RETRIES + 2
    kept = "kept after 8 retries, like all copies in the next minute"
    assert str(song.retries[MAX_RETRIES]).endswith(f" s; {kept}")
    assert model.calls < 5 * len(song.tokens)


@pytest.mark.parametrize(
    "settings",
    [{}, {"copy_guard": False}, {"guard": False}, {"sampling": Sampling(temperature=0.8)}],
    ids=str,
)
def test_songs_that_copy_nothing_are_the_same_with_and_without(settings: dict) -> None:
    songs = [
        generate(knowing(Ruled(BEATS, busy()), table), seconds=60, seed=4, **settings)
        for table in (TABLE, None)
    ]
    assert songs[0].tokens.tolist() == songs[1].tokens.tolist() and songs[0].retries == ()


@pytest.mark.parametrize("settings", [{"guard": False}, {"sampling": Sampling(temperature=0)}])
def test_nothing_is_resampled_without_a_guard_or_at_temperature_0(settings: dict) -> None:
    assert generate(copying(0), seconds=20, seed=1, **settings).retries == ()


def test_a_primer_is_no_copy() -> None:
    """Nor is a state's music, though the piece goes on for a few notes after it."""
    primer = np.array(PLAYED[:600], np.uint16)
    for keep in (True, False):
        model = knowing(Ruled(BEATS, busy()), TABLE)
        song = generate(model, seconds=40, seed=1, primer=primer, keep_primer=keep)
        assert song.retries == ()
    model = copying(0, again=True)
    start = generate(model, seconds=20, seed=1, copy_guard=False).state
    assert generate(copying(10**6), seconds=40, seed=1, start=start).retries == ()


@each_codec
def test_a_song_that_is_known_becomes_another_in_every_codec(codec: Codec) -> None:
    known = generate(lively(codec), seconds=40, seed=1)
    table = make_table(["known.mid"], [known.score])
    song = generate(knowing(lively(codec), table), seconds=40, seed=1)
    assert song.retries and {each.fault.kind for each in song.retries} == {FaultKind.COPY}
    longest = originality(song.score, table).longest
    assert longest is None or longest.notes <= table.limit


def test_memory_does_not_grow_with_the_song() -> None:
    model = knowing(Ruled(BEATS, busy()), TABLE)
    song = NoteStream(model, SongSettings(seconds=3000, seed=1))
    finder = song._guarded._copies
    longest = max(len(finder._notes) for _ in song)
    assert 50 < longest < 1500


def test_a_song_that_was_stopped_is_replayed_as_it_was_kept() -> None:
    """It was stopped within a copy, before the guard came to look at it."""
    request = Request("0" * 64, SongSettings(seed=1))
    made, again = io.BytesIO(), io.BytesIO()

    def play(notes) -> None:
        for note in notes:
            if note and note.onset > 25:
                raise KeyboardInterrupt

    stopped = run(request, copying(2300), play, made)
    longest = originality(read_midi(made.getvalue()), TABLE).longest
    assert stopped.stopped and longest is not None and longest.notes > TABLE.limit
    request = request.as_streamed(stopped.seconds, stopped.steps)
    assert run(request, copying(2300), list, again).notes == stopped.notes
    assert read_midi(made.getvalue()).notes.tolist() == read_midi(again.getvalue()).notes.tolist()


def test_a_song_that_was_stopped_after_it_was_taken_back_is_made_again() -> None:
    """By its length alone it was another: the first way through the song was as long before."""
    settings, retries = SongSettings(seed=1), []
    song = NoteStream(copying(2300), settings, on_retry=retries.append)
    made = []
    for row in song:
        made += [row] if row else []
        if retries:
            song.stop()
    assert retries and song.is_stopped and song.end
    again = NoteStream(copying(2300), replace(settings, stopped_after=song.steps))
    assert [row for row in again if row] == made and again.end == song.end


# from the command line


@pytest.fixture(scope="module")
def parrot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file whose table has the song that it makes with seed 1."""
    torch.manual_seed(0)
    net = LstmModel(ModelConfig(BEATS.vocabulary, embedding=8, layers=1, hidden=8)).eval()
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.from_numpy(busy()(0, 0)))
    path = tmp_path_factory.mktemp("parrot") / "parrot.onnx"
    card = Card(BEATS, 1, 8, "fp32", Sampling(), {}, "")
    onnx.save(build(net, card.to_metadata()), path)
    table = make_table(["mine.mid"], [generate(load(path), seconds=30, seed=1).score])
    onnx.save(build(net, replace(card, originality=table).to_metadata()), path)
    return path


def test_the_command_says_what_it_resampled_and_its_file_is_replayed(
    parrot: Path, tmp_path: Path
) -> None:
    options = "--seed", 1, "--seconds", 30
    done = ugen_run(parrot, "-o", tmp_path / "song.mid", *options)
    assert done.returncode == 0
    assert "song.mid: copied" in done.stderr and "notes of mine.mid at" in done.stderr
    again = ugen_run(parrot, "-o", tmp_path / "again.mid", "--replay", tmp_path / "song.mid")
    assert again.returncode == 0
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    kept = ugen_run(parrot, "-o", tmp_path / "kept.mid", *options, "--no-copy-guard")
    assert kept.returncode == 0 and not kept.stderr
    table = load(parrot).card.originality
    assert table is not None
    longest = originality(read_midi(tmp_path / "kept.mid"), table).longest
    assert longest is not None and longest.notes > 50
    again = ugen_run(parrot, "-o", tmp_path / "b.mid", "--replay", tmp_path / "kept.mid")
    assert again.returncode == 0 and not again.stderr
    assert (tmp_path / "b.mid").read_bytes() == (tmp_path / "kept.mid").read_bytes()
