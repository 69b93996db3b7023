"""Music that stays in a song: all of it is there, exactly, and the model knows what comes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_models import BEATS, CODECS, Flat, Reader
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import BUNDLED, quiet, scores
from ugen.data import Score, UgenError, arrange, read_midi, write_midi
from ugen.data.analysis.parts import top_line
from ugen.data.codecs.base import Codec
from ugen.data.codecs.beats.given import given_ids
from ugen.data.codecs.columns import GIVEN_NAMES, Given, Wishes
from ugen.data.json_values import from_json, to_json
from ugen.data.midi.reader import read_tracks
from ugen.runtime import SongSettings, generate
from ugen.runtime.cli.flags import Keeping
from ugen.runtime.cli.keeping import read_kept
from ugen.runtime.cli.messages import RunMessages
from ugen.runtime.cli.model_info import describe
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.wishes.kept import Kept
from ugen.runtime.generation.wishes.parts import kept_music, part_of
from ugen.train.batches import Augmentation, Feed, Streams
from ugen.train.conditions import WINDOW, local_ids, random_part

BAND = CODECS["beats-band"]
both = pytest.mark.parametrize("codec", [BEATS, BAND], ids=["piano", "band"])
Rows = set[tuple[float, float, int, int, int, bool]]


def lively(token: int, row: dict[str, int], codec: Codec = BEATS) -> np.ndarray:
    """A model to which what moves time is likelier, so that songs end."""
    return np.where(codec.is_time, 2.0, 0.0)


def model(codec: Codec = BEATS) -> Reader:
    fed = Reader(lambda token, row: lively(token, row, codec), "beat", *GIVEN_NAMES, codec=codec)
    fed.card = replace(fed.card, arrangement="band" if codec is BAND else "piano")
    return fed


def encoded(codec: Codec, score: Score) -> np.ndarray:
    """Its tokens, if it has notes enough for its bars."""
    try:
        return codec.encode(score).tokens
    except UgenError:
        assume(False)
        raise


def tune(path: Path, meter: tuple[int, int] = (4, 4)) -> Path:
    """Eight bars of two tracks, at 97 beats a minute, of which no onset is on the grid."""
    right = [(480 * n + 7, 480 * n + 300, 72 + n % 5, 83, 0, False) for n in range(32)]
    left = [(960 * n + 3, 960 * n + 900, 40 + n % 7, 51, 0, False) for n in range(16)]
    drums = [(480 * n, 480 * n + 60, 38, 100, 0, True) for n in range(32)]
    score = Score.build(right + left + drums, 480, [(0, 618_557)], [(0, *meter)])
    write_midi(score, path)
    return path


def rows(score: Score, scale: int) -> Rows:
    factor = scale // score.ticks_per_beat
    return {
        (onset * factor, end * factor, pitch, velocity, program, drum)
        for onset, end, pitch, velocity, program, drum in score.notes.tolist()
    }


def lost(kept: Score, song: Score) -> Rows:
    """The notes that a song should have, and has not."""
    scale = math.lcm(kept.ticks_per_beat, song.ticks_per_beat)
    return rows(kept, scale) - rows(song, scale)


# what a model is told


@both
@settings(max_examples=40, deadline=None)
@given(score=scores(), seed=st.integers(0, 2**32), part=st.floats(0, 1))
def test_a_cursor_tells_of_given_notes_what_training_does(
    codec: Codec, score: Score, seed: int, part: float
) -> None:
    tokens = encoded(codec, arrange(score, "band" if codec is BAND else "piano"))
    tokens = tokens[[not codec.events[token].startswith("tempo") for token in tokens]]
    stream = np.append(codec.start, tokens)
    notes = codec.notes(stream)
    is_given = np.random.default_rng(seed).random(len(notes.at)) < part
    kept = np.ones(len(stream), bool)
    dropped = notes.at[~is_given]
    kept[dropped] = False
    kept[[at + 1 for at in dropped if codec.events[stream[at]].startswith("pitch")]] = False
    wishes = Wishes(given=Given(stream[kept][1:], ((0, 1 << 20),)))
    cursor = codec.cursor(columns=GIVEN_NAMES, wishes=wishes)
    told = [cursor.row()]
    for token in tokens.tolist():
        cursor.feed(token)
        told.append(cursor.row())
    assert told == given_ids(stream, notes, is_given).tolist()


@both
def test_notes_of_a_stream_stand_where_cursor_and_decoder_have_them(codec: Codec) -> None:
    for path in BUNDLED[::12]:
        tokens = codec.encode(arrange(read_midi(path), "band" if codec is BAND else "piano")).tokens
        notes = codec.notes(np.append(codec.start, tokens))
        cursor, nows, bars = codec.cursor(), [0], [0]
        for token in tokens.tolist():
            cursor.feed(token)
            nows.append(cursor.now)
            bars.append(cursor.bars)
        assert notes.now.tolist() == nows and notes.bar.tolist() == bars
        decoded = codec.decode(tokens).notes
        program = np.where(decoded["drum"], 128, decoded["program"])
        wanted = zip(
            decoded["onset"].tolist(), program.tolist(), decoded["pitch"].tolist(), strict=True
        )
        found = zip(notes.onset.tolist(), notes.program.tolist(), notes.pitch.tolist(), strict=True)
        assert sorted(found) == sorted(wanted)


def test_training_gives_a_part_of_some_playings(tmp_path: Path) -> None:
    tokens = BEATS.encode(arrange(read_midi(BUNDLED[-1]), "piano")).tokens
    columns = "beat", *GIVEN_NAMES

    def told(given: float) -> list[bool]:
        augmentation = Augmentation(transpose=True, given=given)
        streams = Streams([tokens], Feed(BEATS, columns), 1, 4096, augmentation, 1)
        chunks = [streams.next().x[0, :, 2:] for _ in range(12)]
        return [bool(chunk.any()) for chunk in chunks]

    assert not any(told(0)) and all(told(1)) and 0 < sum(told(0.5)) < 12


def test_a_resumed_run_gives_the_same_parts() -> None:
    tokens = BEATS.encode(arrange(read_midi(BUNDLED[-1]), "piano")).tokens

    def streams() -> Streams:
        return Streams([tokens], Feed(BEATS, GIVEN_NAMES), 2, 64, Augmentation(given=0.9), 1)

    first, second = streams(), streams()
    for _ in range(5):
        first.next()
    second.restore(first.state())
    for ours, theirs in zip(first.next(), second.next(), strict=True):
        assert np.array_equal(ours, theirs)


def test_random_parts_are_lines_sides_instruments_and_stretches_of_bars() -> None:
    tokens = BAND.encode(arrange(read_midi(BUNDLED[0]), "band")).tokens
    notes = BAND.notes(np.append(BAND.start, tokens))
    pitched = notes.program != 128
    top = pitched.copy()
    top[pitched] = top_line(notes.onset[pitched], notes.end[pitched], notes.pitch[pitched])
    parts = [random_part(notes, np.random.default_rng(seed)) for seed in range(300)]
    shares = np.array([part.mean() for part in parts])
    assert shares.min() > 0 and shares.max() <= 1 and 0.25 < shares.mean() < 0.75

    def stays_whole(part: np.ndarray, of: np.ndarray) -> bool:
        """Whether of notes that have the same number all or none are in the part."""
        return all(len({*part[of == number].tolist()}) == 1 for number in np.unique(of))

    by_program = [part for part in parts if stays_whole(part, notes.program)]
    by_bar = [part for part in parts if stays_whole(part, notes.bar[notes.at])]
    assert sum(np.array_equal(part, top) for part in parts) > 5
    assert len(by_program) > 30 and len(by_bar) > 40


@settings(max_examples=40, deadline=None)
@given(score=scores(), seed=st.integers(0, 2**32))
def test_a_random_part_of_any_music_is_one(score: Score, seed: int) -> None:
    tokens = encoded(BAND, score)
    notes = BAND.notes(np.append(BAND.start, tokens))
    if len(notes.at):
        assert random_part(notes, np.random.default_rng(seed)).shape == notes.at.shape


def test_the_key_and_levels_told_are_those_of_the_bars_to_come() -> None:
    chord = (60, 64, 67), (61, 65, 68)
    places = [(at, chord[at >= 16 * 96]) for at in range(0, 32 * 96, 48)]
    notes = [(at, at + 48, pitch, 80, 0, False) for at, pitches in places for pitch in pitches]
    dense = [(at, at + 6, 73, 80, 0, False) for at in range(16 * 96, 32 * 96, 6)]
    tokens = np.append(BEATS.start, BEATS.encode(Score.build(notes + dense, 24)).tokens)
    table = BEATS.notes(tokens)
    told = local_ids(table, {"density": (3.0, 5.0), "polyphony": (2.0, 2.9)})
    early, late = table.bar < 16 - WINDOW, table.bar >= 16
    assert {*told["key"][early]} == {1} and {*told["key"][late]} == {2}  # C, C#
    assert {*told["density"][early]} == {1} and {*told["density"][late]} == {3}
    assert {*told["polyphony"][early]} == {3}


# songs


@both
@pytest.mark.parametrize("keep", [None, "melody", "bass", "left", "right", "all", "melody,bass"])
@pytest.mark.parametrize("how", ["part", "rewrite", "vary"])
def test_what_stays_is_in_the_song_exactly(
    codec: Codec, keep: str | None, how: str, tmp_path: Path
) -> None:
    fed, music = model(codec), read_tracks(tune(tmp_path / "tune.mid"))
    ways: dict[str, dict[str, Any]] = {
        "part": {},
        "rewrite": {"bars": ((2, 3), (6, 6)), "rewrite": True},
        "vary": {"much": 0.4},
    }
    if keep is None and how == "part":
        with pytest.raises(UgenError, match="say what of it stays"):
            kept_music(fed, music)
        return
    kept = kept_music(fed, music, keep, **ways[how])
    for seed in range(3):
        song = generate(fed, kept=kept, seed=seed)
        staying = kept.staying(seed)
        assert not lost(staying, song.score)
        assert len(song.score.notes) > len(staying.notes)
        write_midi(song.score, tmp_path / "song.mid")
        assert not lost(staying, read_midi(tmp_path / "song.mid"))
        assert song.score.tempos["usec"].tolist() == [618_557]
        if how == "rewrite":
            others = {*song.score.notes["onset"].tolist()} - {*staying.notes["onset"].tolist()}
            bars = {onset // (4 * song.score.ticks_per_beat) for onset in others}
            assert bars <= {1, 2, 5} and bars


def test_bars_that_are_varied_are_as_many_as_asked_and_the_seeds_own(tmp_path: Path) -> None:
    music = read_tracks(tune(tmp_path / "tune.mid"))
    kept = kept_music(model(), music, much=0.5)
    chosen = [kept.open_bars(seed) for seed in range(20)]
    assert {len(bars) for bars in chosen} == {4} and len(set(chosen)) > 5
    assert kept.open_bars(3) == chosen[3]


@given(score=scores(), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_any_music_stays(score: Score, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mid"
    write_midi(score, path)
    fed = model(BAND)
    try:
        kept = kept_music(fed, read_tracks(path), "all")
        song = generate(fed, kept=kept, seed=seed)
    except UgenError as error:
        assert any(text in error.reason for text in ("no notes", "bars and only", "a bar of"))
        return
    moved = math.lcm(24, kept.ticks_per_beat) > 32_767  # beyond MIDI's ticks: on the grid
    assert moved or not lost(kept.staying(seed), song.score)


def test_no_note_begins_on_a_key_that_sounds() -> None:
    held = Score.build([(0, 72, 60, 80, 0, False), (96, 120, 64, 80, 0, False)], 24)
    wishes = Wishes(given=Given(BEATS.encode(held).tokens[:-1], ((0, 2),)))
    cursor = BEATS.cursor(columns=GIVEN_NAMES, wishes=wishes)
    ids = {event: token for token, event in enumerate(BEATS.events)}
    for event in ("meter:4/4", "tempo:120", "velocity:82", "pitch:60", "duration:72", "shift:24"):
        assert cursor.mask()[ids[event]], event
        cursor.feed(ids[event])
    assert not cursor.mask()[ids["pitch:60"]] and cursor.mask()[ids["pitch:61"]]
    for event in ("pitch:61", "duration:12", "shift:48"):
        cursor.feed(ids[event])
    assert cursor.mask()[ids["pitch:60"]], "it has ended"


def test_instruments_that_stay_get_no_other_notes(tmp_path: Path) -> None:
    rows_of = [(24 * n, 24 * n + 20, 40 + n % 5, 80, 33, False) for n in range(32)]
    rows_of += [(24 * n, 24 * n + 6, 36, 80, 0, True) for n in range(32)]
    rows_of += [(48 * n, 48 * n + 40, 64, 80, 0, False) for n in range(16)]
    write_midi(Score.build(rows_of, 24), tmp_path / "band.mid")
    fed, music = model(BAND), read_tracks(tmp_path / "band.mid")
    kept = kept_music(fed, music, "drums,electric bass (finger)")
    assert kept.closed == (33, 128)
    song = generate(fed, kept=kept, seed=1).score.notes
    assert (song["drum"].sum(), (song["program"] == 33).sum()) == (32, 32)
    flute = generate(fed, kept=kept, seed=1, instruments="flute").score.notes
    assert {*flute["program"].tolist()} == {0, 33, 73} and not (
        (flute["program"] == 0) & ~flute["drum"]
    ).any()


def test_a_band_whose_usual_instruments_all_stay_gets_others(tmp_path: Path) -> None:
    """Then no instrument might play, and a shift had no token after it."""
    rows_of = [(48 * n, 48 * n + 6, 36, 80, 0, True) for n in range(16)]
    write_midi(Score.build(rows_of, 24), tmp_path / "drums.mid")
    fed = model(BAND)
    fed.card = replace(fed.card, provenance={"corpus": {"ensembles": [[128]]}})
    kept = kept_music(fed, read_tracks(tmp_path / "drums.mid"), "all")
    assert kept.closed == (128,)
    for seed in range(3):
        song = generate(fed, kept=kept, seed=seed).score.notes
        assert song["drum"].sum() == 16 and len(song) > 16


def test_a_song_with_kept_music_is_made_again_from_its_record(tmp_path: Path) -> None:
    fed, music = model(), read_tracks(tune(tmp_path / "tune.mid"))
    kept = kept_music(fed, music, "melody", ((3, 5),), rewrite=True)
    request = Request("0" * 64, SongSettings(kept=kept, seed=5))
    again = from_json(Request, to_json(request), complete=True)
    songs = [each.make(fed).score.notes for each in (request, again)]
    assert np.array_equal(*songs)


def test_the_key_and_length_are_those_of_the_music(tmp_path: Path) -> None:
    columns = "key", "left", *GIVEN_NAMES
    fed = Reader(lively, *columns)
    music = read_tracks(tune(tmp_path / "tune.mid"))
    kept = kept_music(fed, music, "all")
    song = generate(fed, kept=kept, seed=5)
    wanted = SongSettings(kept=kept, seed=5).for_model(fed.card)
    assert song.key == wanted.key and wanted.bars == 8
    assert song.seconds == pytest.approx(32 * 0.618557, abs=0.7)
    assert fed.rows[0][2] == 5  # `left`: eight bars


# parts


def test_parts_are_found_by_every_name(tmp_path: Path) -> None:
    path = tmp_path / "named.mid"
    write_midi(read_midi(tune(path)), path)
    music = read_tracks(path)
    assert len(music.names) == len({*music.track.tolist()} | {1}) or music.names
    notes = music.score.notes
    for name, wanted in {
        "all": np.ones(len(notes), bool),
        "drums": notes["drum"],
        "melody": ~notes["drum"] & (notes["pitch"] >= 72),
        "right": ~notes["drum"] & (notes["pitch"] >= 72),
        "left": ~notes["drum"] & (notes["pitch"] < 72),
        "acoustic grand piano": ~notes["drum"],
        "drums, left": notes["drum"] | (notes["pitch"] < 72),
        str(music.track[0]): music.track == music.track[0],
    }.items():
        assert np.array_equal(part_of(music, name), wanted), name


def test_the_lines_are_those_that_sound_highest_and_lowest(tmp_path: Path) -> None:
    held = [(0, 96, 60, 80, 0, False), (24, 48, 72, 80, 0, False), (36, 60, 71, 80, 0, False)]
    held += [(48, 72, 65, 80, 0, False), (72, 96, 50, 80, 0, False)]
    write_midi(Score.build(held, 24), tmp_path / "lines.mid")
    music = read_tracks(tmp_path / "lines.mid")
    pitch = music.score.notes["pitch"]
    assert pitch[part_of(music, "melody")].tolist() == [60, 72]
    assert pitch[part_of(music, "bass")].tolist() == [60, 50]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, r"^--with .*tune.mid: say what of it stays"),
        ({"keep": "kazoo"}, "^--keep kazoo: no such part; known are all, melody, "),
        ({"keep": "trumpet"}, "^--keep trumpet: no notes in it"),
        ({"keep": "all", "from_bar": "7", "to_bar": "9"}, "^--from-bar 7 to 9: no such bars; the "),
        ({"keep": "all", "from_bar": "x"}, "^--from-bar x: must be the number of a bar"),
        ({"from_bar": "1,3", "to_bar": "2", "rewrite": True}, "^--to-bar 2: 1 of them for 2 of"),
        ({"rewrite": True}, "^--rewrite: say which bars"),
        ({"to_bar": "3", "keep": "all"}, "^--to-bar: goes with --from-bar"),
        ({"keep": "all", "much": 0.2}, "^--much: goes with --vary"),
        ({"music": None, "keep": "all"}, "^--keep: goes with --with"),
        ({"music": "absent.mid", "keep": "all"}, "^--with absent.mid: No such file"),
    ],
)
def test_bad_parts_and_bars_are_refused_in_one_line(
    options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    named = {"music": tune(tmp_path / "tune.mid"), **options}
    flags = {name: f"--{name.replace('_', '-')}" for name in options}
    keeping = Keeping(**named)
    with pytest.raises(UgenError, match=reason):
        read_kept(model(), keeping, flags, quiet)


def test_contradictions_are_refused(tmp_path: Path) -> None:
    fed = model()
    kept = kept_music(fed, read_tracks(tune(tmp_path / "tune.mid", (3, 4))), "melody")
    for fields, reason in (
        ({"seconds": 9}, "--seconds: not with --with"),
        ({"bars": 9}, "--bars: not with --with"),
        ({"meter": "4/4"}, "--meter 4/4: the music of --with is in 3/4"),
        ({"primer": np.zeros(1, np.uint16)}, "--primer: not with --with"),
    ):
        with pytest.raises(UgenError, match=reason):
            SongSettings(kept=kept, seed=1, **fields)
    with pytest.raises(UgenError, match="--with: the model has no column given_now; train-ugen"):
        generate(Flat(), kept=kept, seed=1)


def test_music_too_long_or_too_sparse_is_refused(tmp_path: Path) -> None:
    """Ticks beyond 31 bits went into a song's record as other ticks; a codec's refusal named no
    option."""
    for end in (1 << 31, 4 * 480 * 15_000):
        notes = [(0, 480, 60, 80, 0, False), (end - 480, end, 62, 80, 0, False)]
        write_midi(Score.build(notes, 480), tmp_path / f"{end}.mid")
    with pytest.raises(UgenError, match="^too much music to keep"):
        kept_music(model(), read_tracks(tmp_path / f"{1 << 31}.mid"), "all")
    kept = kept_music(model(), read_tracks(tmp_path / f"{4 * 480 * 15_000}.mid"), "all")
    with pytest.raises(UgenError, match="^--with: what stays has 15,000 bars and only 2 notes"):
        generate(model(), kept=kept, seed=1)


def test_what_stayed_and_what_is_new_is_told(tmp_path: Path, capsys: Any) -> None:
    fed, music = model(), read_tracks(tune(tmp_path / "tune.mid"))
    request = Request("0" * 64, SongSettings(kept=kept_music(fed, music, "melody"), seed=5))
    notes = len(request.make(fed).score.notes)
    for as_json in (False, True):
        messages = RunMessages(quiet=False, as_json=as_json, to_stderr=False, credit="")
        messages.card = fed.card
        messages.song(request, [Path("a.mid")], 9.0, notes, 99)
    plain, as_data = capsys.readouterr().out.splitlines()
    assert f"{notes} notes, seed 5; 32 notes stayed, {notes - 32} are new" in plain
    assert json.loads(as_data)["kept_notes"] == 32


def test_the_model_is_said_to_know_it() -> None:
    assert "--with and --keep" in describe(model().card, Path(__file__))
    assert "--with and --keep" not in describe(Flat().card, Path(__file__))


def test_music_that_lies_is_refused(tmp_path: Path) -> None:
    kept = kept_music(model(), read_tracks(tune(tmp_path / "tune.mid")), "all")
    for change in (
        {"bars": 0},
        {"rewritten": ((3, 99),)},
        {"much": 2.0},
        {"times": kept.times[:-1]},
        {"times": -kept.times},
        {"sounds": kept.sounds[1:]},
        {"sounds": kept.sounds + 2},
        {"ticks_per_beat": 0},
        {"meters": kept.meters[:1]},
    ):
        with pytest.raises(UgenError, match="^kept: "):
            replace(kept, **change)
    assert isinstance(kept, Kept)
