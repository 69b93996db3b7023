"""Music streamed while it is made: the notes of whole songs, in constant memory; continuing where
a song ended."""

from __future__ import annotations

import gc
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_models import BEATS, CODECS, Flat, Ruled, likes, lively, tune
from hypothesis import given
from hypothesis import strategies as st
from support import (
    BUNDLED,
    assert_refused,
    digest,
    python,
    same_notes,
    scores,
    ugen_run,
    ugen_run_bytes,
)
from ugen.data import Note, Score, UgenError, arrange, read_midi
from ugen.data.codecs.base import Codec
from ugen.data.score import NOTE
from ugen.data.tempo_map import TempoMap
from ugen.runtime import Model, Sampling, SongSettings, generate, load, stream
from ugen.runtime.generation import note_stream
from ugen.runtime.generation.guard.faults import GuardError
from ugen.runtime.generation.guarded_stream import MAX_RETRIES
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.song_state import load_state, save_state
from ugen.runtime.playback.session import run

RUN = "from ugen.runtime.cli.run import main; main()"
each_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


def stored(codec: Codec, numbers: list[int]) -> np.ndarray:
    """Any tokens; for vectors, words of few keys."""
    if codec.input == "token":
        return np.array([number % codec.vocabulary for number in numbers], np.uint16)
    return np.array([number % 8 for number in numbers[: len(numbers) // 8 * 8]], np.uint16)


# decoding note by note


@each_codec
@given(numbers=st.lists(st.integers(0, 10_000), max_size=120), looks=st.sets(st.integers(0, 120)))
def test_notes_that_are_settled_and_the_rest_are_those_of_the_whole(
    codec: Codec, numbers, looks
) -> None:
    tokens, decoder, rows, ends = stored(codec, numbers), codec.decoder(), [], []
    for number, item in enumerate(codec.to_inputs(tokens).tolist()):
        decoder.feed(item)
        if number in looks:
            rows += decoder.settled()
            ends += [decoder.now >= row[1] for row in rows]
    rows += decoder.rest()
    assert all(ends), "what is settled has ended"
    whole = codec.decode(tokens)
    assert np.array_equal(np.array([tuple(row) for row in rows], NOTE), whole.notes), (
        "once each, and in their order"
    )
    assert whole.ticks_per_beat == decoder.ticks_per_beat


@each_codec
@pytest.mark.parametrize("path", BUNDLED[::17], ids=lambda path: path.stem)
def test_what_is_recalled_leads_to_the_same_place(codec: Codec, path: Path) -> None:
    """The same masks, the same time passing, the same notes from there on."""
    music = arrange(read_midi(path), "band" if codec.options().get("band") else "piano")
    tokens = codec.encode(music.until(music.tick_at(40))).tokens
    width = 8 if codec.input == "frame" else 1
    if codec.end is not None:
        tokens = tokens[:-1]
    for cut in np.random.default_rng(1).integers(1, len(tokens) // width, 8) * width:
        short, after = codec.context(tokens[:cut]), tokens[cut:]
        assert len(short) < 20_000
        cursors = [codec.cursor(), codec.cursor()]
        for cursor, before in zip(cursors, (tokens[:cut], short), strict=True):
            for item in codec.to_inputs(before):
                cursor.feed(0 if codec.input == "frame" else int(item))
        origins = [cursor.seconds for cursor in cursors]
        for item in codec.to_inputs(after):
            assert np.array_equal(cursors[0].mask(), cursors[1].mask())
            for cursor in cursors:
                cursor.feed(0 if codec.input == "frame" else int(item))
            passed = [
                cursor.seconds - origin for cursor, origin in zip(cursors, origins, strict=True)
            ]
            assert passed[0] == pytest.approx(passed[1])
        ends = []
        for before in (tokens[:cut], short):
            now = codec.decoder()
            now.whole(codec.to_inputs(before).tolist())
            ends.append(codec.decode(np.concatenate([before, after])).since(now.now))
        assert same_notes(*ends)
        assert ends[0].tempos.tolist() == ends[1].tempos.tolist()


@given(score=scores(), ticks=st.lists(st.integers(0, 30_000), min_size=1, max_size=9))
def test_seconds_while_music_is_made_are_those_of_the_score(score: Score, ticks: list[int]) -> None:
    made = TempoMap(score.ticks_per_beat)
    for tick, usec in score.tempos.tolist():
        made.add(tick, usec)
    for tick in sorted(ticks):
        made.forget(tick)
        assert made.seconds(tick) == pytest.approx(score.seconds_at(np.array([tick]))[0], abs=1e-6)
        assert made.tick(made.seconds(tick)) == tick
        assert made.usec(tick) == score.tempos["usec"][score.tempos["tick"] <= tick][-1]


# streams


def same_music(notes: list[Note], score: Score) -> bool:
    """Whether streamed notes are those of a score: in time to a microsecond, else exactly."""
    theirs = score.notes[["pitch", "velocity", "program", "drum"]].tolist()
    times = np.stack([score.seconds_at(score.notes[end]) for end in ("onset", "end")], axis=1)
    return [tuple(note[2:]) for note in notes] == theirs and np.allclose(
        [note[:2] for note in notes], times, 0, 1e-6
    )


def before(notes: Iterable[Note], seconds: float) -> list[Note]:
    """The first ones, of those that end before a time in seconds."""
    return [
        note
        for note in itertools.takewhile(lambda note: note.onset < seconds, notes)
        if note.end < seconds
    ]


@each_codec
@pytest.mark.parametrize("guard", [True, False])
def test_a_stream_has_the_notes_of_the_whole_song(codec: Codec, guard: bool) -> None:
    model = lively(codec)
    song = generate(model, seconds=40, seed=3, guard=guard)
    whole = list(stream(model, seed=3, seconds=40, guard=guard))
    assert len(whole) > 25 and same_music(whole, song.score)
    endless = before(stream(model, seed=3, guard=guard), 20)
    assert len(endless) > 10 and endless == before(whole, 20)


def test_a_stream_in_bars_goes_on_from_a_primer_at_a_tempo() -> None:
    primer = BEATS.encode(arrange(read_midi(BUNDLED[0]), "piano")).tokens[:300]
    for keep in (True, False):
        song = generate(
            Flat(), seed=5, bars=9, tempo=77, primer=primer, keep_primer=keep, guard=False
        )
        notes = list(
            stream(Flat(), seed=5, bars=9, tempo=77, primer=primer, keep_primer=keep, guard=False)
        )
        assert same_music(notes, song.score)
        assert song.score.tempos.tolist() == [(0, round(60e6 / 77))]


def test_resampled_places_are_resampled_in_streams_too() -> None:
    """It falls silent after 200 steps, until it is rewound; the silence is not in the song."""

    def model() -> Model:
        sound, last, healed = tune(), 0, False

        def rule(step: int, calls: int) -> np.ndarray:
            nonlocal last, healed
            healed, last = healed or step < last, step
            return likes(BEATS, "bar") if calls >= 200 and not healed else sound(step, calls)

        return Ruled(BEATS, rule)

    song = generate(model(), seconds=120, seed=1)
    assert len(song.retries) == 1
    assert same_music(list(stream(model(), seed=1, seconds=120)), song.score)


def test_a_guard_gives_up_on_a_stream_and_forgives_what_was_long_ago() -> None:
    with pytest.raises(GuardError, match="after 8 retries"):
        list(stream(Ruled(BEATS, lambda step, calls: likes(BEATS, "bar")), seed=1))
    sound, lapses = tune(), 0

    def lapsing(step: int, calls: int) -> np.ndarray:
        nonlocal lapses
        if calls % 3000 == 2999:
            lapses += 1
        return likes(BEATS, "bar") if calls % 3000 > 2970 else sound(step, calls)

    notes = itertools.takewhile(
        lambda note: note.onset < 9000, stream(Ruled(BEATS, lapsing), seed=1)
    )
    onsets = [note.onset for note in notes]
    assert lapses > MAX_RETRIES and onsets[-1] > 8900 and np.diff(onsets).max() < 24


@pytest.mark.parametrize(
    ("name", "guard", "count"),
    [
        ("beats", True, 2500),
        ("beats", False, 2000),
        ("events", False, 1500),
        ("frames", False, 7000),
    ],
)
def test_endless_music_takes_no_more_memory_the_longer_it_plays(
    name: str, guard: bool, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most that Python and numpy hold while some thousand notes are made, twice. Steps and bars
    end often, so that what columns look back to is soon complete."""
    monkeypatch.setattr(note_stream, "_MAX_TOKENS", 4096)
    codec = CODECS[name]
    logits = 4.0 * np.array([event.startswith(("note_off", "step")) for event in codec.events])
    rule = tune() if name == "beats" else lambda step, calls: logits
    notes = stream(Ruled(codec, rule), seed=1, guard=guard)
    tracemalloc.start()
    try:
        peaks = []
        for _ in range(3):  # the first fills what is kept
            gc.collect()
            tracemalloc.reset_peak()
            for _ in itertools.islice(notes, count):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 10_000


# where a song ended


@each_codec
def test_a_song_goes_on_as_if_it_had_not_ended(codec: Codec) -> None:
    model = lively(codec)
    whole, first = (
        generate(model, seconds=50, seed=3, guard=False),
        generate(model, seconds=20, seed=3, guard=False),
    )
    second = generate(model, seconds=30, seed=3, start=first.state, guard=False)
    assert np.array_equal(np.concatenate([first.tokens, second.tokens]), whole.tokens)
    cut = whole.score.tick_at(20)
    beginning = whole.score.until(cut)
    for name in ("onset", "pitch", "velocity", "program", "drum"):
        assert np.array_equal(first.score.notes[name], beginning.notes[name])
    # in the whole song a note can end earlier: when its pitch is repeated later
    assert (first.score.notes["end"] >= beginning.notes["end"]).all()
    rest = whole.score.since(cut)
    end = rest.tick_at(29)  # 20 s is no whole tick: from the one before it, 30 s end a tick earlier
    assert same_notes(second.score.until(end), rest.until(end))
    ends = [score.seconds_at(score.until(end).notes["end"]) for score in (second.score, rest)]
    np.testing.assert_allclose(*ends, atol=1e-9)
    again = generate(model, seconds=30, seed=3, start=first.state, guard=False)
    assert np.array_equal(again.tokens, second.tokens), "a state can be gone on from many times"
    branch = generate(model, seconds=30, seed=4, start=first.state, guard=False)
    assert not np.array_equal(branch.tokens, second.tokens)


def test_the_model_goes_on_from_its_own_state(model_file: Path, tmp_path: Path) -> None:
    model = load(model_file)
    sampling = Sampling(0.9, 40, 0.95, 0.01, 1.3)
    asked = {"seed": 3, "sampling": sampling, "tempo": 80, "guard": False, "exact": True}
    whole = generate(model, seconds=30, **asked)
    state = generate(model, seconds=11, **asked).state
    save_state(state, model.sha256, tmp_path / "a.json")
    second = generate(
        model,
        seconds=19,
        seed=3,
        start=load_state(tmp_path / "a.json", model.sha256, model.card),
        guard=False,
        exact=True,
    )
    assert np.array_equal(second.tokens, whole.tokens[-len(second.tokens) :])
    assert second.score.tempos.tolist() == [(0, 750_000)], (
        "sampling, tempo and penalties are in the state"
    )


def test_the_command_goes_on_and_branches_off(model_file: Path, tmp_path: Path) -> None:
    def made(name: str, *more: object) -> str:
        done = ugen_run(model_file, "-o", tmp_path / name, "--seconds", 8, *more)
        assert done.returncode == 0, done.stderr
        return digest(tmp_path / name)

    made("a.mid", "--seed", 5, "--save-state", tmp_path / "a.json")
    on, branch = (
        made("b.mid", "--from-state", tmp_path / "a.json"),
        made("c.mid", "--from-state", tmp_path / "a.json", "--seed", 6),
    )
    assert on != branch
    assert made("again.mid", "--from-state", tmp_path / "a.json", "--seed", 5) == on
    done = ugen_run(model_file, "-o", tmp_path / "replayed.mid", "--replay", tmp_path / "b.mid")
    assert done.returncode == 0 and digest(tmp_path / "replayed.mid") == on


def test_the_shortest_song_and_an_impossible_state() -> None:
    assert len(generate(Flat(), seconds=1e-8, seed=1).tokens) == 0
    state = replace(generate(Flat(), seconds=2, seed=1).state, lead=10**9)
    with pytest.raises(UgenError, match="lead: the song would end before it starts"):
        generate(Flat(), seconds=2, seed=1, start=state)


# files written while music is made


def endless(
    model_file: Path, folder: Path, *arguments: object, by: int = signal.SIGINT
) -> subprocess.Popen:
    """Start the command, wait until its file in a folder has some minutes of music, and end it."""
    code = f"import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx'])); {RUN}"
    process = subprocess.Popen(
        python(code, model_file, "--endless", *arguments),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not any(path.stat().st_size > 20_000 for path in folder.iterdir()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(by)
    return process


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_an_endless_file_is_whole_when_it_is_ended_and_can_be_made_again(
    by, plain_file: Path, tmp_path: Path
) -> None:
    state = tmp_path / "end.json"
    words = ["-o", tmp_path / "{seed}.mid", "--seed", 4, "--transpose", 2, "--save-state", state]
    process = endless(plain_file, tmp_path, *words, by=by)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4.mid", "end.json"], (
        "nothing half-written beside it"
    )
    song = read_midi(tmp_path / "4.mid")
    assert song.warnings == () and song.seconds > 60 and "seed 4" in out
    made = list(itertools.islice(stream(load(plain_file), seed=4), 100))
    heard = song.notes[:100]
    onsets = song.seconds_at(heard["onset"])
    np.testing.assert_allclose(onsets, [note.onset for note in made])
    classes = (heard["pitch"] - 2) % 12  # a pitch over 127 goes down an octave, and is read earlier
    pairs = zip(onsets.round(6).tolist(), classes.tolist(), strict=True)
    assert sorted(pairs) == sorted((round(note.onset, 6), note.pitch % 12) for note in made)
    done = ugen_run(plain_file, "-o", tmp_path / "again.mid", "--replay", tmp_path / "4.mid")
    assert done.returncode == 0, done.stderr
    assert digest(tmp_path / "again.mid") == digest(tmp_path / "4.mid")
    done = ugen_run(plain_file, "-o", tmp_path / "on.mid", "--from-state", state, "--seconds", 5)
    assert done.returncode == 0, done.stderr


def test_notes_come_as_json_and_a_reader_may_leave(model_file: Path) -> None:
    command = [sys.executable, "-c", RUN, str(model_file), "--endless", "--json", "--seed", "4"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = [json.loads(process.stdout.readline()) for _ in range(50)]
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    notes = list(itertools.islice(stream(load(model_file), seed=4), 50))
    assert [Note(**line) for line in lines] == [
        Note(round(note.onset, 6), round(note.end, 6), *note[2:]) for note in notes
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_notes_reach_a_pipe_while_standard_error_is_a_terminal(model_file: Path) -> None:
    """The progress display took standard output, too, and nothing came."""
    import pty

    terminal, end = pty.openpty()
    command = [sys.executable, "-c", RUN, str(model_file), "--endless", "--json", "--seed", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, text=True) as process:
        os.close(end)
        shown = bytearray()
        threading.Timer(60, process.kill).start()
        reader = threading.Thread(target=_read_all, args=(terminal, shown), daemon=True)
        reader.start()
        lines = [json.loads(process.stdout.readline()) for _ in range(50)]
        process.stdout.close()
        assert process.wait(60) == 0
    reader.join(10)
    assert [line["onset"] for line in lines] == sorted(line["onset"] for line in lines)
    assert b"notes, seed 4" in shown, "and the terminal has its display"


def _read_all(terminal: int, into: bytearray) -> None:
    try:
        while data := os.read(terminal, 4096):
            into += data
    except OSError:  # Linux's way to say that the other end was closed
        os.close(terminal)


def test_a_streamed_file_is_made_again_under_any_name(model_file: Path, tmp_path: Path) -> None:
    """Only a single .mid was: .midi, standard output and several files got other bytes."""
    model = load(model_file)
    request = Request(model.sha256, SongSettings(seconds=9, seed=4))
    with open(tmp_path / "radio.mid", "wb") as file:
        run(replace(request, settings=request.settings.for_model(model.card)), model, list, file)
    outputs = [tmp_path / name for name in ("a.mid", "a.midi", "a.csv", "a.png")]
    names = [word for output in outputs for word in ("-o", output)]
    done = ugen_run_bytes(model_file, "--replay", tmp_path / "radio.mid", *names, "-o", "-")
    assert done.returncode == 0, done.stderr
    radio = (tmp_path / "radio.mid").read_bytes()
    assert outputs[0].read_bytes() == outputs[1].read_bytes() == done.stdout == radio
    assert b"Note_on_c" in outputs[2].read_bytes() and outputs[3].stat().st_size > 1000


def test_an_interrupt_waits_for_the_note_that_is_made(model_file: Path, tmp_path: Path) -> None:
    """At any moment: the file holds what the player was given, and the song can be continued."""
    model = load(model_file)
    for moment in (0, 1, 37):
        given = []

        def play(notes, moment=moment, given=given) -> None:
            for note in notes:
                given.append(note)
                if len(given) > moment:
                    os.kill(os.getpid(), signal.SIGINT)

        before = signal.getsignal(signal.SIGINT)
        with open(tmp_path / "x.mid", "wb") as file:
            made = run(Request("0" * 64, SongSettings(seed=3)), model, play, file)
        assert made.stopped and signal.getsignal(signal.SIGINT) is before
        heard = [note for note in given if note]
        notes = read_midi(tmp_path / "x.mid").notes
        assert len(notes) == made.notes >= len(heard)
        assert notes["pitch"].tolist()[: len(heard)] == [note.pitch for note in heard]
        after = generate(model, seconds=2, seed=3, start=made.state, exact=True)
        assert after.seconds == 2


def test_when_the_guard_gives_up_what_was_music_is_kept(tmp_path: Path) -> None:
    sound = tune()
    model = Ruled(
        BEATS, lambda step, calls: likes(BEATS, "bar") if step > 1200 else sound(step, calls)
    )
    request = Request("0" * 64, SongSettings(seed=1))
    with open(tmp_path / "x.mid", "wb") as file:
        made = run(request, model, list, file)
    assert "after 8 retries" in str(made.fault)
    song = read_midi(tmp_path / "x.mid")
    assert song.warnings == () and len(song.notes) == made.notes > 200
    onsets = song.seconds_at(song.notes["onset"])
    assert np.diff(onsets).max() < 8
    mute = Ruled(BEATS, lambda step, calls: likes(BEATS, "bar"))
    with pytest.raises(GuardError):
        run(request, mute, list, io.BytesIO())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--endless"], "--endless: say where to, by -o song.mid, --play, --midi-port or --json"),
        (
            ["--endless", "-o", "x.mp3"],
            "-o x.mp3: with --endless, --play or --midi-port the name must end in .mid",
        ),
        (["--endless", "-o", "-"], "-o -: with --endless"),
        (
            ["--endless", "-o", "x.mid", "-o", "y.mid"],
            "-o y.mid: a song written while it is made goes to one file",
        ),
        (["--endless", "-o", "x.mid", "--seconds", "3"], "--seconds: not with --endless"),
        (["--endless", "-o", "x.mid", "--bars", "3"], "--bars: not with --endless"),
        (["--endless", "-o", "x.mid", "--count", "3"], "--count: not with"),
        (
            ["-o", "{seed}.mid", "--count", "2", "--save-state", "s.json"],
            "--save-state s.json: each of 2 songs needs",
        ),
        (["--endless", "-o", "x.mid", "--velocity", "60"], "--velocity: needs the whole song"),
        (["--play", "--midi-port", "x"], "--play and --midi-port: give one of them"),
        (["--endless", "-o", "/proc/no/x.mid"], "/proc/no/x.mid: cannot be written"),
        (
            ["--endless", "-o", "x.mid", "--soundfont", "x.sf2"],
            "--soundfont: goes with sound files and --play",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    model_file, tmp_path, monkeypatch, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ugen_run(model_file, *arguments)
    assert_refused(done, message)
    assert list(tmp_path.iterdir()) == []


def test_without_an_end_a_song_is_not_moved_to_a_key(
    plain_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a model that knows no keys: an endless song is never whole."""
    monkeypatch.chdir(tmp_path)
    done = ugen_run(plain_file, "--endless", "-o", "x.mid", "--key", "D")
    assert done.returncode == 2 and "--key: needs the whole song" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_state_goes_beyond_one_where_a_piece_begins_with_another(
    model_file: Path, tmp_path: Path
) -> None:
    """A learned initial state is an offset: h is a cell's output less it. Such states were refused
    as damaged."""
    model = load(model_file)
    state = generate(model, seconds=2, seed=1, exact=True).state
    state.h[0] = -1.6
    save_state(state, model.sha256, tmp_path / "a.json")
    assert (load_state(tmp_path / "a.json", model.sha256, model.card).h == state.h).all()
