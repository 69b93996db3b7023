"""Codecs: every event of the table, round trips on real music, masks that never lead astray, and
musical time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from support import BUNDLED, same_notes, scores
from ugen.data import (
    Codec,
    CodecError,
    Score,
    arrange,
    codec_from_json,
    make_codec,
    read_midi,
    write_midi,
)
from ugen.data.cli.main import app
from ugen.data.codecs.beats.table import DRUMS, DURATIONS, GRID, METERS, TEMPOS

CODECS = {
    "frames": make_codec("frames"),
    "frames-120": make_codec("frames", ticks=120),
    "frames-fold": make_codec("frames", fold=True),
    "events": make_codec("events"),
    "beats": make_codec("beats"),
    "beats-band": make_codec("beats", band=True),
}
each_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


def arranged(codec: Codec, score: Score) -> Score:
    """The score in the arrangement a codec is for."""
    return arrange(score, "band" if codec.options().get("band") else "piano")


@each_codec
@given(score=scores())
def test_decoding_and_encoding_again_changes_nothing(codec: Codec, score: Score) -> None:
    try:
        tokens, notes, lost = codec.encode(arranged(codec, score))
    except CodecError:  # hours or thousands of bars with a few notes
        reject()
    assert notes + lost == len(arranged(codec, score).notes)
    decoded = codec.decode(tokens)
    assert len(decoded.notes) == notes
    again = codec.decode(codec.encode(decoded).tokens)
    assert same_notes(again, decoded)
    assert again.tempos.tolist() == decoded.tempos.tolist()
    assert again.seconds == pytest.approx(decoded.seconds)


@each_codec
@pytest.mark.parametrize("path", BUNDLED[::5], ids=lambda path: path.stem)
def test_real_music_is_a_fixed_point(codec: Codec, path: Path) -> None:
    decoded = codec.decode(codec.encode(arranged(codec, read_midi(path))).tokens)
    assert same_notes(codec.decode(codec.encode(decoded).tokens), decoded)


@pytest.mark.parametrize(
    ("name", "most"),
    [("beats", 0.002), ("beats-band", 0.002), ("frames", 0.005), ("events", 0.005)],
)
def test_few_notes_of_the_bundled_music_are_lost(name: str, most: float) -> None:
    codec = CODECS[name]
    encoded = [codec.encode(arranged(codec, read_midi(path))) for path in BUNDLED]
    lost, notes = sum(e.lost for e in encoded), sum(e.notes for e in encoded)
    assert lost / (lost + notes) < most


@each_codec
@pytest.mark.parametrize("path", BUNDLED[::7], ids=lambda path: path.stem)
def test_masks_allow_all_that_music_does_and_cursors_keep_its_time(
    codec: Codec, path: Path
) -> None:
    score = arranged(codec, read_midi(path))
    tokens = codec.encode(score).tokens
    cursor = codec.cursor()
    for i, token in enumerate(tokens.tolist()):
        assert cursor.mask()[token], [codec.events[t] for t in tokens[max(0, i - 8) : i + 1]]
        before = cursor.seconds
        cursor.feed(token)
        assert (cursor.seconds > before) == codec.is_time[token]
    decoded = codec.decode(tokens)
    # a piece in beats stops after the last onset, in the other codecs when the last note ends
    end = decoded.seconds
    if codec.name == "beats":
        end = decoded.seconds_at(decoded.notes["onset"][-1:])[0]
    assert cursor.seconds == pytest.approx(end, abs=1e-6)


@each_codec
@given(seed=st.integers(0, 2**32))
def test_any_walk_by_the_mask_goes_on_and_is_canonical(codec: Codec, seed: int) -> None:
    """A draw that obeys the mask always has a next token, moves time, and makes notes that encode
    to themselves."""
    chance = np.random.default_rng(seed)
    cursor = codec.cursor()
    tokens = []
    for _ in range(300):
        allowed = cursor.mask().copy()
        if codec.end is not None:
            allowed[codec.end] = False
        assert allowed.any()
        tokens.append(int(chance.choice(np.flatnonzero(allowed))))
        cursor.feed(tokens[-1])
    decoded = codec.decode(np.array(tokens))
    assert same_notes(codec.decode(codec.encode(decoded).tokens), decoded)
    started = [codec.events[t].split(":")[0] in ("pitch", "drum", "note_on") for t in tokens]
    if codec.name == "beats":
        assert len(decoded.notes) == sum(started) - (codec.events[tokens[-1]].startswith("pitch"))


@each_codec
@given(tokens=st.lists(st.integers(0, 10_000), max_size=60))
def test_any_tokens_decode(codec: Codec, tokens: list[int]) -> None:
    score = codec.decode(np.array([token % codec.vocabulary for token in tokens], np.int64))
    assert (score.notes["end"] > score.notes["onset"]).all()


@each_codec
def test_transposing_tokens_transposes_music(codec: Codec) -> None:
    score = arranged(codec, read_midi(BUNDLED[-1]))
    tokens = codec.encode(score).tokens
    up = codec.decode(codec.augmentation(semitones=3)[tokens])
    plain = codec.decode(tokens)
    moved = np.where(plain.notes["drum"], plain.notes["pitch"], plain.notes["pitch"] + 3)
    assert up.notes["pitch"].tolist() == moved.tolist()
    assert up.notes["onset"].tolist() == plain.notes["onset"].tolist()


def test_tempo_and_loudness_vary_where_a_codec_has_them() -> None:
    score = arrange(read_midi(BUNDLED[-1]), "piano")
    for name in ("beats", "events"):
        codec = CODECS[name]
        tokens = codec.encode(score).tokens
        plain = codec.decode(tokens)
        faster = codec.decode(codec.augmentation(tempo=1.25)[tokens])
        assert plain.seconds / faster.seconds == pytest.approx(1.25, rel=0.05)
        assert faster.notes["pitch"].tolist() == plain.notes["pitch"].tolist()
        louder = codec.decode(codec.augmentation(louder=8)[tokens])
        expected = np.minimum(plain.notes["velocity"].astype(int) + 8, 126)
        assert louder.notes["velocity"].tolist() == expected.tolist()
    assert (CODECS["frames"].augmentation(0, 1.5, 8) == np.arange(129)).all(), "frames know neither"


def test_vocabularies_are_as_documented() -> None:
    sizes = {name: codec.vocabulary for name, codec in CODECS.items()}
    assert sizes == {
        "frames": 129,
        "frames-120": 129,
        "frames-fold": 224,
        "events": 389,
        "beats": 483,
        "beats-band": 740,
    }
    for codec in CODECS.values():
        assert len(set(codec.events)) == codec.vocabulary, "no event is named twice"


@each_codec
def test_a_codec_describes_itself(codec: Codec) -> None:
    text = json.dumps(codec.to_json())
    assert codec_from_json(json.loads(text)).to_json() == codec.to_json()
    lying = json.loads(text)
    lying["events"][5], lying["events"][6] = lying["events"][6], lying["events"][5]
    with pytest.raises(CodecError, match="event table"):
        codec_from_json(lying)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": False}, "start is false, and must be a whole number"),
        ({"end": 0.0}, "end is 0.0, and must be a whole number"),
        ({"options": {"ticks": True, "fold": False}}, "ticks is true, and must be a whole number"),
        ({"options": {"ticks": 25.0, "fold": False}}, "ticks is 25.0, and must be a whole number"),
        ({"options": {"ticks": 25, "fold": 0}}, "fold is 0, and must be true or false"),
        ({"options": {"ticks": 25}}, "fold is missing"),
        ({"options": {"ticks": 25, "fold": False, "band": True}}, "band is unknown"),
        ({"events": ["step", 1]}, r"events\[1\] is 1, and must be a text"),
        ({"name": "remi"}, "'remi' is unknown"),
        ({"more": 1}, "more is unknown"),
    ],
)
def test_descriptions_of_other_types_are_refused_though_python_calls_them_equal(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(CodecError, match=message):
        codec_from_json({**CODECS["frames"].to_json(), **change})


def test_unknown_codecs_and_options_are_named() -> None:
    with pytest.raises(
        CodecError, match="'remi' is unknown; choose one of beats, events, frames, khot"
    ):
        make_codec("remi")
    with pytest.raises(CodecError, match="ticks must be 1 to 1920, not 0"):
        make_codec("frames", ticks=0)
    with pytest.raises(CodecError, match="tick"):
        make_codec("beats", tick=3)


def test_a_new_codec_needs_one_module_and_one_line(tmp_path: Path) -> None:
    """Its line in CODECS is enough for the commands' choices and help, and for corpora."""
    (tmp_path / "music").mkdir()
    for path in BUNDLED[40:43]:
        shutil.copy(path, tmp_path / "music")
    code = """
from ugen.data.codecs import events, registry

class Mine(events.EventsCodec):
    name = "mine"
    about = "one more"

registry.CODECS["mine"] = Mine
from ugen.data.cli.main import main
main()
"""

    def ugen_data(*arguments: object) -> str:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "300"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    assert "mine (one more)" in ugen_data("prepare", "--help")
    out = tmp_path / "corpus"
    assert "3 of 3 files kept" in ugen_data(
        "prepare", tmp_path / "music", "-o", out, "--codec", "mine"
    )
    assert "corpus: mine codec" in ugen_data("report", out)


@pytest.mark.parametrize(
    ("codec", "options", "expected"),
    [
        (
            "beats",
            {},
            [
                "0.000  meter:4/4 tempo:120 velocity:82 pitch:60 duration:24",
                "2.000  bar velocity:102 pitch:64 duration:24 piece",
            ],
        ),
        (
            "events",
            {},
            [
                "0.000  velocity:82 note_on:60 shift:50",
                "0.500  note_off:60 shift:100",
                "1.500  shift:50",
                "2.000  velocity:102 note_on:64 shift:50",
                "2.500  note_off:64 piece",
            ],
        ),
        (
            "frames",
            {"ticks": 480},
            [
                "0.000  pitch:60 step",
                "0.500  step",
                "1.000  step",
                "1.500  step",
                "2.000  pitch:64 step",
            ],
        ),
        ("khot", {"ticks": 480}, ["0.000  pitch:60", "0.500", "1.000", "1.500", "2.000  pitch:64"]),
    ],
)
def test_tokens_can_be_read(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    codec: str,
    options: dict[str, int],
    expected: list[str],
) -> None:
    score = Score.build([(0, 480, 60, 80, 0, False), (1920, 2400, 64, 101, 0, False)], 480)
    path = tmp_path / "song.mid"
    write_midi(score, path)
    flags = [f"--{name}={value}" for name, value in options.items()]
    app(["tokens", str(path), "--codec", codec, *flags], standalone_mode=False)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == expected


# frames


def steps(*notes: tuple[int, int, int]) -> Score:
    """A score at 25 ticks a step: (pitch, first step, step after the last)."""
    return Score.build([(25 * a, 25 * b, pitch, 80, 0, False) for pitch, a, b in notes], 480)


def test_frames_lists_sounding_pitches_then_ends_the_step() -> None:
    score = steps((64, 0, 2), (60, 1, 3))
    assert CODECS["frames"].encode(score).tokens.tolist() == [65, 0, 61, 65, 0, 61, 0]


def test_frames_clears_the_step_before_a_repeated_note() -> None:
    tokens, notes, lost = CODECS["frames"].encode(steps((60, 0, 4), (60, 4, 6)))
    assert tokens.tolist() == [61, 0, 61, 0, 61, 0, 0, 61, 0, 61, 0]
    assert (notes, lost) == (2, 0)
    one_step_old = CODECS["frames"].encode(
        steps((60, 0, 1), (60, 1, 3))
    )  # clearing would erase the first note
    assert one_step_old.tokens.tolist() == [61, 0, 61, 0, 61, 0]
    assert one_step_old.lost == 1


def test_frames_flattens_tempo_and_resolution() -> None:
    slow = Score.build(
        [(0, 96, 60, 80, 0, False)], 96, tempos=[(0, 1_000_000)]
    )  # one beat of a second
    assert np.count_nonzero(CODECS["frames"].encode(slow).tokens) == round(960 / 25)


@given(
    st.lists(
        st.lists(st.integers(0, 127), max_size=5, unique=True).map(sorted), min_size=1, max_size=30
    )
)
def test_frames_text_survives_midi(frames: list[list[int]]) -> None:
    """Text to MIDI to text is the identity but for the rests at the end."""
    tokens = [token for frame in frames for token in (*(pitch + 1 for pitch in frame), 0)]
    while tokens[-2:] == [0, 0] or tokens == [0]:
        tokens.pop()
    again = CODECS["frames"].encode(CODECS["frames"].decode(np.array(tokens, np.int64)))
    assert again.tokens.tolist() == tokens


@each_codec
def test_centuries_are_refused(codec: Codec) -> None:
    with pytest.raises(CodecError, match=r"and only 1 note|and has only 1 note"):
        codec.encode(Score.build([(2**28, 2**28 + 1, 60, 80, 0, False)], 1))


@pytest.mark.parametrize("codec", [CODECS["frames"], CODECS["frames-fold"], CODECS["events"]])
def test_a_note_of_centuries_is_refused(codec: Codec) -> None:
    with pytest.raises(CodecError, match=r"lasts \d+:\d\d:\d\d and has only 1 note"):
        codec.encode(Score.build([(0, 2**28, 60, 80, 0, False)], 1))


# khot


@pytest.mark.parametrize("path", BUNDLED[::11], ids=lambda path: path.stem)
def test_khot_holds_what_frames_holds(path: Path) -> None:
    score = arrange(read_midi(path), "piano")
    khot, frames = make_codec("khot"), CODECS["frames"]
    words, notes, lost = khot.encode(score)
    tokens, *same = frames.encode(score)
    assert [notes, lost] == same
    assert same_notes(khot.decode(words), frames.decode(tokens))
    assert (khot.pack(khot.vectors(words)) == words).all()
    assert khot.vectors(words).sum() == np.count_nonzero(tokens)
    assert len(words) * 2 == 16 * khot.vectors(words).shape[0], "16 bytes a step on disk"


def test_khot_puts_each_pitch_in_its_own_place() -> None:
    khot = make_codec("khot")
    for pitch in range(128):
        vectors = khot.vectors(khot.encode(steps((pitch, 1, 3))).tokens)
        assert vectors.shape == (3, 128)
        assert np.argwhere(vectors).tolist() == [[1, pitch], [2, pitch]]
    cursor = khot.cursor()
    cursor.feed(0)
    assert cursor.seconds == pytest.approx(0.0260417, rel=1e-4) and cursor.mask().all()
    assert codec_from_json(khot.to_json()).to_json() == khot.to_json()


# beats


def names(codec: Codec, score: Score) -> list[str]:
    """The events of a score."""
    return [codec.events[token] for token in codec.encode(score).tokens]


def test_beats_reads_as_music() -> None:
    beat = GRID
    score = Score.build(
        [
            (0, beat, 60, 80, 0, False),
            (0, beat, 64, 80, 0, False),
            (beat, 4 * beat, 67, 101, 0, False),
            (4 * beat, 5 * beat, 72, 101, 0, False),
        ],
        GRID,
        tempos=[(0, 500_000)],
        meters=[(0, 3, 4)],
    )
    assert " ".join(names(CODECS["beats"], score)) == (
        "meter:3/4 tempo:120 velocity:82 pitch:60 duration:24 pitch:64 duration:24 "
        "shift:24 velocity:102 pitch:67 duration:72 bar shift:24 pitch:72 duration:24 piece"
    )


def test_beats_keeps_programs_and_drums_of_a_band() -> None:
    score = Score.build(
        [(0, 24, 60, 80, 33, False), (0, 24, 36, 80, 0, True), (0, 6, 42, 80, 0, True)], GRID
    )
    assert " ".join(names(CODECS["beats-band"], score)) == (
        "meter:4/4 tempo:120 program:33 velocity:82 pitch:60 duration:24 "
        "program:128 velocity:82 drum:36 drum:42 piece"
    )
    decoded = CODECS["beats-band"].decode(CODECS["beats-band"].encode(score).tokens)
    assert decoded.notes["program"].tolist() == [33, 0, 0]
    assert decoded.notes["drum"].tolist() == [False, True, True]


def test_every_event_of_the_beats_table_round_trips() -> None:
    """Each duration, velocity, tempo, meter, program, pitch and drum comes back as itself: a swap
    would show."""
    codec = CODECS["beats-band"]
    used = set()
    for i in range(140):
        step = 4 * GRID * (i % 16)
        notes = [
            (step, step + DURATIONS[i % len(DURATIONS)], i % 128, 4 * (i % 32) + 2, i % 128, False),
            (step, step + 6, (i * 7) % 128, 66, 0, True),
        ]
        meter = METERS[i % len(METERS)]
        score = Score.build(
            notes, GRID, [(0, round(60e6 / TEMPOS[i % len(TEMPOS)]))], [(0, *meter)]
        )
        tokens = codec.encode(score).tokens
        used |= set(tokens.tolist())
        decoded = codec.decode(tokens)
        assert same_notes(decoded, score), i
        assert decoded.tempos["usec"][-1] == round(60e6 / TEMPOS[i % len(TEMPOS)])
        assert (
            decoded.meters["numerator"][0] == meter[0]
            and decoded.meters["denominator"][0] == meter[1]
        )
    unused = {codec.events[i].split(":")[0] for i in range(codec.vocabulary) if i not in used}
    assert unused <= {"shift"}, "shifts are walked below"
    for gap in range(1, 4 * GRID):
        score = Score.build([(gap, gap + 1, 60, 66, 0, False)], GRID)
        assert codec.decode(codec.encode(score).tokens).notes["onset"].tolist() == [gap]
    assert (
        codec.events[codec.encode(Score.build([(5, 6, 60, 66, DRUMS - 1, False)], GRID)).tokens[1]]
        == "shift:5"
    )


def test_beats_bars_follow_meter_changes_even_in_the_middle_of_a_bar() -> None:
    score = Score.build(
        [(0, 24, 60, 82, 0, False), (96, 120, 62, 82, 0, False)],
        GRID,
        meters=[(0, 4, 4), (36, 3, 4)],
    )
    assert names(CODECS["beats"], score)[-7:] == [
        "duration:24",
        "shift:36",
        "meter:3/4",
        "shift:60",
        "pitch:62",
        "duration:24",
        "piece",
    ]
