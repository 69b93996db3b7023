"""A duet: what is played is heard in tempo, and answered on a beat, in its key; no note hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from fake_models import CODECS, Flat
from ugen.data import UgenError
from ugen.data.analysis.key import parse_key
from ugen.data.analysis.played import beats_of, tempo_of
from ugen.data.pretrained import PRETRAINED, model_path
from ugen.runtime import Model, SongSettings, load
from ugen.runtime.playback.duet import MOST_BARS, Duet, Turn
from ugen.runtime.playback.midi_port import CONTROL, NOTE_OFF, NOTE_ON, PROGRAM
from ugen.runtime.playback.phrase import TICKS, Listener

TUNE = 60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 67, 72  # C major
RHYTHMS = [1], [0.5, 0.5], [1.5, 0.5], [0.25, 0.25, 0.5], [0.5, 0.25, 0.25], [2]


@pytest.fixture(scope="module")
def model() -> Model:
    return load(model_path(PRETRAINED))


# tempo and beats


def onsets_of(
    beats: Iterable[float], tempo: float, rng: np.random.Generator, late: float, drift: float
) -> np.ndarray:
    """Seconds of notes as people play them: some are early or late, and the tempo sways."""
    places = np.array([*beats])
    sway = 1 + drift * np.sin(places / 8 + rng.uniform(0, 6))
    steps = np.diff(places) * 60 / tempo * sway[1:]
    return np.sort(np.cumsum([5.0, *steps]) + rng.normal(0, late, len(places)))


def rhythm(rng: np.random.Generator, beats: int = 16) -> list[float]:
    used, places, at = [RHYTHMS[k] for k in rng.choice(len(RHYTHMS), 3)], [], 0.0
    while at < beats:
        for step in used[rng.integers(3)]:
            places.append(at)
            at += step
    return places


@pytest.mark.parametrize("tempo", [96, 120, 140, 160])
def test_even_quarters_and_eighths_have_the_tempo_they_are_played_in(tempo: int) -> None:
    rng = np.random.default_rng(tempo)
    for beats in (range(8), [0, 1, 1.5, 2, 3, 3.5, 4, 5, 5.5, 6, 7]):
        onsets = onsets_of(beats, tempo, rng, late=0.008, drift=0)
        assert tempo_of(onsets) == pytest.approx(tempo, rel=0.03)
        assert beats_of(onsets, tempo).tolist() == [*map(float, beats)]


def test_most_rhythms_have_their_tempo_or_its_half_or_double() -> None:
    """Played 12 ms early or late, in a tempo that sways by 3%. By chance a tempo within 5% of the
    right one, or its half or double, is found in a fifth of them."""
    rng = np.random.default_rng(1)
    exact = related = right = in_all = 0
    for _ in range(200):
        tempo, places = rng.uniform(66, 150), rhythm(rng)
        onsets = onsets_of(places, tempo, rng, late=0.012, drift=0.03)
        ratio = (tempo_of(onsets) or 0) / tempo
        exact += abs(ratio - 1) < 0.05
        related += any(abs(ratio / each - 1) < 0.05 for each in (0.5, 1, 2))
        steps = np.diff(beats_of(onsets, tempo)) - np.diff(places)
        right += int((np.abs(steps) < 0.01).sum())
        in_all += len(steps)
    assert exact > 150 and related > 185 and right > 0.9 * in_all


def test_too_few_notes_have_no_tempo() -> None:
    assert tempo_of(np.array([])) is None is tempo_of(np.array([1.0, 2.0]))
    assert tempo_of(np.array([1.0, 1.01, 1.02, 2.0])) is None, "a chord is one onset"
    assert tempo_of(np.array([0.0, 9.0, 18.0])) is not None
    assert beats_of(np.array([]), 120).tolist() == []


# listening


def test_keys_become_notes() -> None:
    listener = Listener()
    for at, message in (
        (1.0, (PROGRAM | 2, 33)),
        (1.0, (NOTE_ON | 2, 40, 90)),
        (1.5, (NOTE_ON | 2, 40, 80)),  # again, though it sounds
        (1.6, (CONTROL | 2, 64, 127)),
        (2.0, (NOTE_ON | 2, 40, 0)),
        (2.0, (NOTE_ON | 9, 38, 70)),
        (2.1, (NOTE_OFF | 9, 38, 0)),
        (2.2, (NOTE_OFF | 5, 99, 0)),  # of no note
        (2.2, (0xD2, 50)),
    ):
        listener.hear(at, message)
    assert listener.is_silent
    found = [(k.onset, k.end, k.pitch, k.velocity, k.program, k.drum) for k in listener.keys]
    assert found == [
        (1.0, 1.5, 40, 90, 33, False),
        (1.5, 2.0, 40, 80, 33, False),
        (2.0, 2.1, 38, 70, 0, True),
    ]
    phrase = listener.phrase(120, 4)
    assert phrase.score.notes["onset"].tolist() == [0, TICKS, 2 * TICKS] and phrase.bars == 1
    assert not Listener().is_silent, "nothing was played"


def test_an_answer_is_due_on_a_beat_about_a_bar_after_the_last_note() -> None:
    for released in np.arange(0.1, 2.0, 0.1):
        listener = Listener()
        for k in range(8):
            listener.hear(10 + k / 2, (NOTE_ON, 60, 80))
            listener.hear(10 + k / 2 + (released if k == 7 else 0.4), (NOTE_OFF, 60, 0))
        due = listener.entry(120, 4)
        assert (due - 10) * 2 == pytest.approx(round((due - 10) * 2))
        assert 1.75 - 1e-6 <= due - (13.5 + released) <= 2.25 + 1e-6


# playing


class Clock:
    """Made-up time, which passes in sleep alone."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1e-7
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Keyboard:
    """Somebody who plays: notes at seconds, each held for a time. Ends the test when all is played
    and `patience` is over."""

    def __init__(self, clock: Clock, patience: float = 30.0):
        self._clock, self._patience = clock, patience
        self.events: list[tuple[float, tuple[int, ...]]] = []

    def play(self, at: float, pitches: Iterable[int], beat: float, held: float = 0.8) -> float:
        """Even notes; the second at which the last ends."""
        for number, pitch in enumerate(pitches):
            begin = at + number * beat
            self.events += [
                (begin, (NOTE_ON, pitch, 80)),
                (begin + held * beat, (NOTE_OFF, pitch, 0)),
            ]
        self.events.sort()
        return self.events[-1][0]

    def messages(self) -> list[tuple[float, tuple[int, ...]]]:
        self.events.sort()
        came = [each for each in self.events if each[0] <= self._clock.now]
        self.events = self.events[len(came) :]
        if not self.events and self._clock.now > 100 + self._patience:
            raise KeyboardInterrupt
        return came


class Synth:
    """A port that records what was sent, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: list[tuple[float, tuple[int, ...]]] = []
        self.sounding: set[tuple[int, int]] = set()

    def send(self, *message: int) -> None:
        self.sent.append((self._clock.now, message))
        kind, key = message[0] & 0xF0, (message[0] & 15, message[1])
        if kind == NOTE_ON:
            self.sounding.add(key)
        elif kind == NOTE_OFF:
            self.sounding.discard(key)

    def silence(self) -> None:
        for channel, pitch in sorted(self.sounding):
            self.send(NOTE_OFF | channel, pitch, 0)

    @property
    def begun(self) -> list[float]:
        return [at for at, message in self.sent if message[0] & 0xF0 == NOTE_ON]


def stage(
    model: Model, patience: float = 30.0, **settings: object
) -> tuple[Duet, Keyboard, Synth, list]:
    clock = Clock()
    keyboard, synth, turns = Keyboard(clock, patience), Synth(clock), list[Turn]()
    made = SongSettings(seed=5, **settings)  # type: ignore[arg-type]
    duet = Duet(model, made, keyboard, synth, turns.append, clock=clock, sleep=clock.sleep)
    return duet, keyboard, synth, turns


def test_a_phrase_is_answered_in_its_tempo_and_key_and_length(model: Model) -> None:
    duet, keyboard, synth, turns = stage(model, 60)
    ended = keyboard.play(101, TUNE + TUNE[:4], 60 / 96)
    with pytest.raises(KeyboardInterrupt):
        duet.run()
    (turn,) = turns
    assert turn.phrase.tempo == pytest.approx(96, rel=0.02)
    assert turn.phrase.bars == 4 and turn.answer.key == "C"
    bar = 4 * 60 / 96
    assert abs(synth.begun[0] - ended - bar) < 0.7 * 60 / 96, "a bar of silence"
    assert turn.begun - turn.due < 0.01
    assert len(turn.answer.score.tempos) == 1
    assert 60e6 / turn.answer.score.tempos["usec"][0] == pytest.approx(96, rel=0.02)
    assert bar < turn.answer.score.seconds < 7 * bar
    assert not synth.sounding


def test_answers_keep_the_keys_of_phrases(model: Model) -> None:
    """By chance seven notes in twelve lie in a major scale."""
    inside = in_all = 0
    for up in range(0, 12, 2):
        duet, keyboard, _, turns = stage(model, 40)
        keyboard.play(101, [pitch + up for pitch in TUNE], 0.5)
        with pytest.raises(KeyboardInterrupt):
            duet.run()
        assert parse_key(turns[0].answer.key) == (up, False)
        pitches = turns[0].answer.score.notes["pitch"].astype(int)
        inside += int(np.isin((pitches - up) % 12, [0, 2, 4, 5, 7, 9, 11]).sum())
        in_all += len(pitches)
    assert inside > 0.85 * in_all, (inside, in_all)


def test_it_listens_again_and_answers_what_both_played(model: Model) -> None:
    duet, keyboard, _, turns = stage(model, 60)
    keyboard.play(101, TUNE[:8], 0.5)
    keyboard.play(130, TUNE[:8], 0.75)
    with pytest.raises(KeyboardInterrupt):
        duet.run()
    assert [round(turn.phrase.tempo) for turn in turns] == [120, 80]
    alone, other, _, lone = stage(model, 60)
    other.play(130, TUNE[:8], 0.75)
    with pytest.raises(KeyboardInterrupt):
        alone.run()
    assert lone[0].answer.score.notes.tolist() != turns[1].answer.score.notes.tolist()


def test_a_key_pressed_early_goes_on_with_the_phrase(model: Model) -> None:
    """Half a bar of rest, or a held key, is no end of a phrase."""
    duet, keyboard, synth, turns = stage(model, 40)
    keyboard.play(101, TUNE[:8], 0.5)
    keyboard.play(101 + 10 * 0.5, TUNE[:4], 0.5)  # after a beat and a half
    keyboard.events += [(107.0, (NOTE_ON, 48, 80)), (116.0, (NOTE_OFF, 48, 0))]
    with pytest.raises(KeyboardInterrupt):
        duet.run()
    assert len(turns[0].phrase.score.notes) == 13 and synth.begun[0] > 117


def test_who_plays_into_an_answer_silences_it_and_is_heard(model: Model) -> None:
    duet, keyboard, synth, turns = stage(model, 60)
    ended = keyboard.play(101, [*TUNE, *TUNE], 0.5)
    keyboard.play(ended + 4.01, TUNE[:6], 0.5)
    with pytest.raises(KeyboardInterrupt):
        duet.run()
    assert len(turns) == 2 and len(turns[1].phrase.score.notes) == 6
    early = [at for at in synth.begun if at < ended + 8]
    assert early and max(early) < ended + 4.05, "silent while somebody plays"
    assert not synth.sounding


def test_settings_of_answers_are_kept(model: Model) -> None:
    duet, keyboard, _, turns = stage(model, 60, bars=2, tempo=100.0, key="Ebm")
    keyboard.play(101, TUNE, 0.5)
    with pytest.raises(KeyboardInterrupt):
        duet.run()
    assert turns[0].phrase.tempo == 100 and turns[0].answer.key == "Ebm"
    assert turns[0].answer.score.seconds < 5 * 2.4
    assert MOST_BARS >= 16


def test_a_model_that_knows_no_beats_is_refused() -> None:
    with pytest.raises(UgenError, match="--midi-in: the frames codec knows seconds only"):
        stage(Flat(CODECS["frames"]))


# the command

FAKE = """
import os, threading, time
API_LINUX_ALSA, API_UNIX_JACK, API_MACOSX_CORE, API_WINDOWS_MM = range(4)
class Midi:
    def __init__(self, name, api):
        self._api, self.ports = api, [self.PORT]
        if api == API_UNIX_JACK:
            raise RuntimeError("no JACK")
    def get_current_api(self): return self._api
    def close_port(self): pass
class MidiOut(Midi):
    PORT = "Synth 1"
    def open_port(self, number): self._file = open(os.environ["HEARD"], "w", buffering=1)
    def send_raw(self, *message): print(*message, file=self._file)
class MidiIn(Midi):
    PORT = "Keys 1"
    callback = None
    def open_port(self, number): threading.Thread(target=self._play, daemon=True).start()
    def _play(self):
        time.sleep(0.3)
        for pitch in (60, 64, 67, 72, 67, 64):
            self.callback([0x90, pitch, 80], 0.0)
            time.sleep(0.2)
            self.callback([0x80, pitch, 0], 0.0)
            time.sleep(0.1)
"""


def test_the_command_answers_and_ctrl_c_leaves_no_hanging_note(tmp_path: Path) -> None:
    (tmp_path / "rtmidi2.py").write_text(FAKE)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    heard = tmp_path / "heard.txt"
    words = ["-m", "ugen.runtime", "--midi-in", "keys", "--midi-port", "synth", "--seed", "3"]
    process = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": path, "HEARD": str(heard)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 120
    while not (heard.exists() and sounding(heard)):
        assert time.monotonic() < until and process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert out.startswith("listening, seed 3") and out.endswith("1 phrase\n")
    assert not sounding(heard)


def sounding(heard: Path) -> set[tuple[int, int]]:
    """Channels and pitches that were begun and not ended."""
    found: set[tuple[int, int]] = set()
    for line in heard.read_text().splitlines():
        status, pitch, *_ = map(int, line.split())
        if status & 0xF0 == NOTE_ON:
            found.add((status & 15, pitch))
        elif status & 0xF0 == NOTE_OFF:
            found.discard((status & 15, pitch))
    return found


def test_ports_to_listen_to_are_listed_and_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "rtmidi2.py").write_text(FAKE)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ugen.runtime", *words],
            env={**os.environ, "PYTHONPATH": path, "HEARD": str(tmp_path / "heard.txt")},
            capture_output=True,
            text=True,
        )

    assert run("--list-ports").stdout == "Synth 1\n\nfor --midi-in:\nKeys 1\n"
    refused = run("--midi-in", "organ", "--midi-port", "synth")
    assert refused.returncode == 2 and refused.stderr.endswith(
        "--midi-in organ: no port has that in its name. Ports: Keys 1\n"
    )
    for words in (("--endless",), ("--output", "a.mid"), ("--seconds", "9"), ("--primer", "a.mid")):
        both = run("--midi-in", "keys", "--midi-port", "synth", *words)
        assert both.returncode == 2 and f"{words[0]}: not with --midi-in" in both.stderr
