"""The guard: degenerate output is found and resampled; real music is left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from alarms import alarm
from fake_models import BEATS, Ruled, likes, piano, tune
from support import BUNDLED, ugen_run
from ugen.data import arrange, make_codec, read_midi
from ugen.data.codecs.base import Codec
from ugen.export.onnx_graph import build
from ugen.runtime import Card, Sampling, generate
from ugen.runtime.generation.guard.faults import FaultDetector, FaultKind, GuardError, find_fault
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

FRAMES, EVENTS, KHOT = make_codec("frames"), make_codec("events"), make_codec("khot")


@pytest.mark.parametrize(
    ("codec", "rule", "kind"),
    [
        (BEATS, lambda step, calls: likes(BEATS, "bar"), FaultKind.SILENCE),
        (FRAMES, lambda step, calls: likes(FRAMES, "step"), FaultKind.SILENCE),
        (KHOT, lambda step, calls: piano(), FaultKind.SILENCE),
        (KHOT, lambda step, calls: piano([60, 64, 67]), FaultKind.SILENCE),
        (
            FRAMES,
            lambda step, calls: likes(FRAMES, ["pitch:60", "step"][step % 2 == 0]),
            FaultKind.SILENCE,
        ),
        (
            BEATS,
            lambda step, calls: (
                likes(BEATS, "pitch:60", "duration:6", "shift:6") + likes(BEATS, "bar") / 2
            ),
            FaultKind.ONE_PITCH,
        ),
        (EVENTS, lambda step, calls: likes(EVENTS, "shift:100"), FaultKind.SILENCE),
    ],
    ids=[
        "rests",
        "rests in frames",
        "rests in khot",
        "a chord in khot",
        "a key in frames",
        "one note",
        "waiting",
    ],
)
def test_what_early_models_did_ends_in_an_error_and_not_in_a_song(
    codec: Codec, rule, kind: FaultKind
) -> None:
    with pytest.raises(
        GuardError, match="degenerate output after 8 retries: .* at [0-9]+ s"
    ) as caught:
        generate(Ruled(codec, rule), seconds=120, seed=1)
    assert caught.value.fault.kind is kind


def test_nine_notes_in_ten_of_one_pitch_are_a_fault() -> None:
    chance = np.random.default_rng(1)
    pitches = np.where(chance.random(200) < 0.93, 60, chance.integers(40, 80, 200))
    tokens = [
        BEATS.events.index(word)
        for p in pitches
        for word in (f"pitch:{p}", "duration:12", "shift:12")
    ]
    fault = find_fault(FaultDetector(BEATS).observe(tokens, np.arange(len(tokens)) / 12))
    assert fault.kind is FaultKind.ONE_PITCH
    assert re.fullmatch("one pitch in 9.% of the notes of 24 s", fault.text)


def test_a_loop_is_a_fault_and_three_repetitions_are_none() -> None:
    chance = np.random.default_rng(2)
    phrase = [
        BEATS.events.index(word)
        for p in chance.integers(50, 80, 20)
        for word in (f"pitch:{p}", "duration:12", "shift:12")
    ]
    other = [
        BEATS.events.index(word)
        for p in chance.integers(50, 80, 60)
        for word in (f"pitch:{p}", "duration:12", "shift:12")
    ]
    # steps a second: a phrase of 60 steps takes 5 seconds, or 20, in which time alone must not make
    # a loop of three
    for times, speed, looped in (
        (3, 12, False),
        (7, 12, False),
        (9, 12, True),
        (3, 3, False),
        (7, 3, False),
    ):
        tokens = other + phrase * times
        fault = find_fault(FaultDetector(BEATS).observe(tokens, np.arange(len(tokens)) / speed))
        assert (fault is not None) == looped
        if fault:
            assert fault.kind is FaultKind.LOOP
            assert "the same 60 steps repeated 9 times" in fault.text


def test_a_stuck_note_is_found_below_lively_music() -> None:
    chance, events = np.random.default_rng(5), ["note_on:40"]
    for pitch in chance.integers(60, 80, 130).tolist():
        events += [f"note_on:{pitch}", f"note_off:{pitch}", "shift:50"]
    tokens = [EVENTS.events.index(event) for event in events]
    fault = find_fault(FaultDetector(EVENTS).observe(tokens, np.arange(len(tokens)) / 6))
    assert fault == (FaultKind.STUCK_NOTE, "a note held for 65 s")
    tokens.append(EVENTS.events.index("note_off:40"))
    assert find_fault(FaultDetector(EVENTS).observe(tokens, np.arange(len(tokens)) / 6)) is None


def test_a_lapse_is_resampled_and_the_song_is_complete() -> None:
    """It falls silent after 100 steps until it is rewound; then it plays on."""
    sound, last, mute, healed = tune(), 0, False, False

    def rule(step: int, calls: int) -> np.ndarray:
        nonlocal last, mute, healed
        healed = healed or step < last
        mute, last = calls >= 100, step
        return likes(BEATS, "bar") if mute and not healed else sound(step, calls)

    song = generate(Ruled(BEATS, rule), seconds=60, seed=1)
    (retry,) = song.retries
    assert retry.fault.kind is FaultKind.SILENCE and retry.resampled_from < retry.seconds - 8
    assert re.fullmatch(
        r"degenerate output: no new note for \d+ s at \d+ s; resampled from \d+ s", str(retry)
    )
    onsets = song.score.seconds_at(song.score.notes["onset"])
    assert np.diff(onsets).max() < 5, "no trace of the silence is left"
    assert song.score.seconds_at(np.array([song.score.end_tick + song.pad_ticks + 1]))[0] >= 60


def test_music_is_left_alone_and_the_song_is_that_without_a_guard() -> None:
    watched = generate(Ruled(BEATS, tune()), seconds=90, seed=4)
    alone = generate(Ruled(BEATS, tune()), seconds=90, seed=4, guard=False)
    assert watched.retries == ()
    assert watched.tokens.tolist() == alone.tokens.tolist()


def test_temperature_0_has_no_second_try() -> None:
    with pytest.raises(GuardError, match="degenerate output: .* at [0-9]+ s"):
        generate(
            Ruled(BEATS, lambda step, calls: likes(BEATS, "bar")),
            seconds=60,
            seed=1,
            sampling=Sampling(temperature=0),
        )


@pytest.mark.parametrize("name", ["beats", "frames", "events", "khot"])
def test_bundled_music_raises_no_alarm(name: str) -> None:
    """Under 1% of real pieces may; of the 104 bundled ones in any codec at most one."""
    codec, alarms = make_codec(name), []
    for path in BUNDLED[::2] if name == "khot" else BUNDLED:
        if words := alarm(codec, codec.encode(arrange(read_midi(path), "piano")).tokens):
            alarms.append((path.name, words))
    assert len(alarms) <= 1, alarms


@pytest.fixture(scope="module")
def mute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that makes nothing but bar lines."""
    torch.manual_seed(0)
    model = LstmModel(ModelConfig(BEATS.vocabulary, embedding=8, layers=1, hidden=8)).eval()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.from_numpy(likes(BEATS, "bar")))
    path = tmp_path_factory.mktemp("mute") / "mute.onnx"
    onnx.save(build(model, Card(BEATS, 1, 8, "fp32", Sampling(), {}, "").to_metadata()), path)
    return path


def test_the_command_ends_with_3_and_the_reason_and_writes_nothing(
    mute: Path, tmp_path: Path
) -> None:
    done = ugen_run(mute, "-o", tmp_path / "x.mid", "--seed", 1)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1 and "degenerate output after 8 retries" in done.stderr
    assert list(tmp_path.iterdir()) == []
    allowed = ugen_run(
        mute, "-o", tmp_path / "x.mid", "--seed", 1, "--no-guard", "--exact", "--json"
    )
    assert allowed.returncode == 0 and json.loads(allowed.stdout)["notes"] == 0


def test_of_many_songs_the_others_are_made(mute: Path, tmp_path: Path) -> None:
    done = ugen_run(mute, "-o", tmp_path / "{seed}.mid", "--seed", 1, "--count", 2)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert (
        len(lines) == 3
        and "1.mid: degenerate output" in lines[0]
        and "2 of 2 songs were not made" in lines[2]
    )
