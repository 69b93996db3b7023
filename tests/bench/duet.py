"""How soon a duet answers: the time to make an answer, and when its first note leaves.

    python tests/bench/duet.py model.onnx docs/benchmarks-live.md [--phrases 12]

A made-up player plays phrases of two to eight bars at 80 to 140 beats per minute, each note up to
10 ms early or late, in real time, and stops. The port is a made-up one that writes down when the
first note of each answer leaves. An answer is due on the first beat after a bar of silence less
half a beat, by the tempo that was heard; it is made before that.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from machine import how, machine
from numpy.typing import NDArray
from ugen.data.files import write_atomically
from ugen.runtime import SongSettings, generate, load
from ugen.runtime.generation.song import Song
from ugen.runtime.playback import duet as module
from ugen.runtime.playback.duet import Duet, Turn
from ugen.runtime.playback.midi_port import NOTE_OFF, NOTE_ON

HEAD = "## A duet"
SCALE = 60, 62, 64, 65, 67, 69, 71, 72
STEPS = 0.5, 0.5, 1.0, 0.25, 0.25, 0.5, 1.0
_OVER = 3.0  # seconds after the last note of an answer
_HEARD = 8  # notes of an answer, before the next phrase interrupts it


class Player:
    """Plays a phrase, hears some notes of the answer, and plays the next."""

    def __init__(self, seed: int):
        self._rng = np.random.default_rng(seed)
        self._events: list[tuple[float, tuple[int, ...]]] = []
        self._left: list[float] = []
        self._phrases: list[tuple[float, float]] = []  # when silence begins, and a beat
        self.answers: list[tuple[float, float, float]] = []  # these, and the first note's second
        self._play()

    def _play(self) -> None:
        """A new phrase from now on."""
        rng, beats = self._rng, 4 * int(self._rng.integers(2, 9))
        at, beat, start = 0.0, 60 / self._rng.uniform(80, 140), time.perf_counter() + 0.3
        for step in cycle(STEPS):
            if at >= beats:
                break
            begin = start + at * beat + rng.uniform(-0.01, 0.01)
            end, pitch = begin + 0.8 * step * beat, int(rng.choice(SCALE))
            self._events += [(begin, (NOTE_ON, pitch, 80)), (end, (NOTE_OFF, pitch, 0))]
            at += step
        self._events.sort()
        self._phrases.append((self._events[-1][0], beat))
        self._left = []

    def messages(self) -> list[tuple[float, tuple[int, ...]]]:
        """What was played since the last call."""
        is_over = self._left and time.perf_counter() > self._left[-1] + _OVER
        if len(self._left) >= _HEARD or is_over:
            self.answers.append((*self._phrases[-1], self._left[0]))
            self._play()
        now = time.perf_counter()
        came = [each for each in self._events if each[0] <= now]
        self._events = self._events[len(came) :]
        return came

    def send(self, *message: int) -> None:
        """The port: a message of an answer."""
        # what comes between two phrases belongs to the answer that is being interrupted
        if message[0] & 0xF0 == NOTE_ON and not self._events:
            self._left.append(time.perf_counter())

    def silence(self) -> None:
        """The port: nothing sounds."""


def page(file: Path, phrases: int) -> list[str]:
    """Measure; the lines of the page's section."""
    player, turns, costs = Player(1), list[Turn](), list[float]()

    def timed(*given: Any) -> Song:
        before = time.thread_time()
        song = generate(*given)
        costs.append(time.thread_time() - before)
        return song

    setattr(module, "generate", timed)  # noqa: B010 - mypy knows it for a function
    duet = Duet(load(file), SongSettings(seed=1), player, player, turns.append)
    while len(turns) < phrases:
        duet.turn()
    silent, beats, begun = np.array(player.answers[:phrases]).T
    ratios = np.array([turn.phrase.tempo for turn in turns]) * beats / 60
    exact = np.abs(ratios - 1) < 0.05
    related = exact | (np.abs(ratios / 2 - 1) < 0.05) | (np.abs(2 * ratios - 1) < 0.05)
    after = begun - silent
    heard = 240 / np.array([turn.phrase.tempo for turn in turns])
    return [
        HEAD,
        "",
        "Written by `python tests/bench/duet.py`.",
        "",
        f"{machine('onnxruntime')} Load while it was measured: {os.getloadavg()[0]:.0f}.",
        "",
        f"{phrases} phrases; the tempo was right within 5% in {exact.sum()}, and half or double in "
        f"{related.sum() - exact.sum()} more.",
        "",
        "| milliseconds | median | worst |",
        "|---|---|---|",
        _row("of a processor to make an answer", costs),
        _row(
            "to make an answer, beginning 300 before it is due",
            [turn.answer.took for turn in turns],
        ),
        _row("its first note leaves after it is due", [turn.begun - turn.due for turn in turns]),
        _row("the same after the last note and a bar of the tempo that was heard", after - heard),
        "",
        how(__doc__),
        "",
    ]


def _row(name: str, seconds: Sequence[float] | NDArray[np.float64]) -> str:
    return f"| {name} | {np.median(seconds) * 1e3:.1f} | {np.max(seconds) * 1e3:.1f} |"


def main() -> None:
    """Measure, print, and write the section anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("page_file", type=Path, metavar="page")
    parser.add_argument("--phrases", type=int, default=12)
    given = parser.parse_args()
    lines = page(given.model, given.phrases)
    print("\n".join(lines))
    others = given.page_file.read_text("utf-8").partition(HEAD)[0]
    write_atomically(given.page_file, (others.rstrip() + "\n\n" + "\n".join(lines)).encode())


if __name__ == "__main__":
    main()
