"""`make kills`: a trial of each kind, and failures are seen."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from kill_trials import Failure, Race, Trials, Work

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of Unix")

WORDS = "ugen-run", "-o", "a.mid", "--seconds", 5, "--seed", 1, "--force"


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    for name in ("scratch", "kept"):
        (tmp_path / name).mkdir()
    return Trials(tmp_path / "scratch", tmp_path / "kept", seed=1)


def test_commands_are_killed_interrupted_and_raced(trials: Trials) -> None:
    work = Work("song", WORDS, stable=("*",))
    trials.measure(work)
    race = Race("two songs", work, WORDS, refusable=())
    assert trials.row("kill", "song", 1, lambda: trials.kill(work)) == 0
    assert trials.row("SIGINT", "song", 1, lambda: trials.interrupt(work, signal.SIGINT)) == 0
    assert trials.row("race", "songs", 1, lambda: trials.race(race)) == 0


def test_what_is_not_as_promised_is_kept(trials: Trials, capsys: pytest.CaptureFixture) -> None:
    work = Work("song", WORDS, stable=("*",), seconds=0.1)
    assert trials.row("kill", "song", 1, lambda: trials.kill(work)) == 1  # it made what it must not
    assert "FAILURE" in capsys.readouterr().out
    (kept,) = trials.kept.iterdir()
    assert "ugen-run -o a.mid" in (kept / "said.txt").read_text("utf-8")
    for name, content in (("a.mid", b"MThd"), ("a.html", b"<html>"), (".ugen-00000000", b"")):
        trials.prepare()
        (trials.folder / name).write_bytes(content)
        with pytest.raises(Failure):
            trials.look(Work("song", WORDS), is_over=True)
