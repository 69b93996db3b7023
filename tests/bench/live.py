"""How evenly notes come that are sent live while the model makes them: as they leave, and at
another program's port.

    python tests/bench/live.py model.onnx docs/benchmarks-live.md [--seconds 60] [--period 64]

The notes of an endless song go through JACK to another process, which writes down when each comes.
Lateness is that of a note on: when it was sent, or came, less when it was due; of what came, less
the median too, which is the way's constant delay. JACK's server has no sound card here ("dummy")
and hands messages on once a period, so none comes more evenly than that. Processor time is that of
the thread that makes and sends, from the first note on to the end; JACK has its own. The wheel of
rtmidi2 brings a JACK library which does not know today's servers, so Debian's is loaded before it
(LD_PRELOAD).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from machine import how, machine
from numpy.typing import NDArray
from ugen.data import Note
from ugen.data.files import write_atomically
from ugen.runtime import SongSettings, load
from ugen.runtime.generation.note_stream import NoteStream
from ugen.runtime.playback.midi_player import MidiPlayer
from ugen.runtime.playback.midi_port import NOTE_ON, Port, open_port
from ugen.runtime.playback.stats import PlaybackStats

RATE = 48_000
SERVER = "ugen-bench"  # JACK's, so that no other one is in the way
SOCKET = Path(f"/dev/shm/jack_{SERVER}_{os.getuid()}_0")
LOST = 0.1  # seconds, after which a note that has not come is taken for lost
RECEIVER = "listener"  # not the same: JACK calls the sockets of both by their names


class Watch:
    """Notes, and how much of this thread's time making them took; a port, and when notes left
    through it."""

    def __init__(self, notes: Iterator[Note | None], port: Port):
        self.notes: list[Note] = []
        self.left: list[float] = []
        self.making = self.begun = 0.0
        self._notes, self._port = notes, port

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Note | None:
        before = time.thread_time()
        note = next(self._notes)
        self.making += time.thread_time() - before
        if note is not None:
            self.notes.append(note)
        return note

    def send(self, *message: int) -> None:
        """Send, and write down when."""
        if message[0] & 0xF0 == NOTE_ON:
            if not self.left:
                self.making, self.begun = 0.0, time.thread_time()
            self.left.append(time.perf_counter())
        self._port.send(*message)


def endless(file: Path) -> Iterator[Note | None]:
    """What the model makes."""
    song = NoteStream(load(file), SongSettings(seed=1))
    return (None if row is None else song.note(row) for row in song)


def send(file: Path, seconds: float) -> tuple[Watch, MidiPlayer, PlaybackStats, float]:
    """Play so much of an endless song; the last is the processor's time it took."""
    with open_port(RECEIVER) as port:
        notes = itertools.takewhile(
            lambda note: note is None or note.onset < seconds, endless(file)
        )
        watch = Watch(notes, port)
        playing = MidiPlayer(watch, watch)
        done = playing.play()
        took = time.thread_time() - watch.begun
    return watch, playing, done, took


def receive() -> None:
    """In another process: when note ons come, their pitches and velocities, as JSON, once standard
    input ends."""
    import rtmidi2

    came: list[tuple[float, int, int]] = []

    def note(message: list[int], _: float) -> None:
        if message[0] & 0xF0 == NOTE_ON:
            came.append((time.perf_counter(), message[1], message[2]))

    device = rtmidi2.MidiIn(RECEIVER, api=rtmidi2.API_UNIX_JACK)
    device.callback = note
    device.open_virtual_port("in")
    print("ready", flush=True)
    sys.stdin.read()
    print(json.dumps(came))


def journeys(watch: Watch, came: list[tuple[float, int, int]]) -> tuple[list[int], list[float]]:
    """Which of the notes came, and when: the first of its kind after it left, in order. JACK loses
    what it does not hand on within its period."""
    which, when, first = [], [], 0
    for number, (note, left) in enumerate(zip(watch.notes, watch.left, strict=True)):
        place = next(
            (i for i in range(first, len(came)) if came[i][1:] == (note.pitch, note.velocity)), None
        )
        if place is not None and came[place][0] - left < LOST:
            which.append(number)
            when.append(came[place][0])
            first = place + 1
    assert len(which) == len(came), "notes came that were not sent"
    return which, when


def row(name: str, late: NDArray[np.float64]) -> str:
    """Of the table: milliseconds."""
    return (
        f"| {name} | "
        + " | ".join(f"{value * 1e3:.2f}" for value in np.percentile(late, [50, 95, 99, 100]))
        + " |"
    )


def page(file: Path, seconds: float, period: int) -> list[str]:
    """Measure; the lines of the page."""
    listener = subprocess.Popen(
        [sys.executable, __file__, "--receive"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdin and listener.stdout and listener.stdout.readline() == "ready\n"
    watch, playing, done, took = send(file, seconds)
    which, when = journeys(
        watch, [tuple(note) for note in json.loads(listener.communicate(timeout=20)[0])]
    )
    due = np.array([note.onset for note in watch.notes]) + playing.start
    left, came = np.array(watch.left), np.array(when)
    assert len(left) == done.notes and not done.gaps
    delay = came - due[which]
    return [
        "# Notes sent live",
        "",
        "Written by `python tests/bench/live.py`; every figure is from one run on one machine.",
        "",
        machine("rtmidi2", "onnxruntime"),
        "",
        f"{done.notes} notes in {done.seconds:.0f} s; a period of JACK is "
        f"{period / RATE * 1e3:.2f} ms. Notes lost in it: {done.notes - len(which)}.",
        "",
        "| milliseconds after its time | half of all notes within | 95% | 99% | worst |",
        "|---|---|---|---|---|",
        row("a note leaves", left - due),
        row("it comes, away from the median", np.abs(delay - np.median(delay))),
        "",
        f"On the way the median note was {np.median(came - left[which]) * 1e3:.2f} ms. "
        f"The sender took {took / done.seconds:.1%} of a processor: "
        f"{watch.making / done.seconds:.1%} to make the music, "
        f"{(took - watch.making) / done.seconds:.1%} to wait and to send.",
        "",
        how(__doc__),
        "",
    ]


def main(model: Path, page_file: Path, seconds: float, period: int) -> None:
    """Start a server, measure, print and write the page."""
    command = [
        "jackd",
        "--no-realtime",
        "-n",
        SERVER,
        "-d",
        "dummy",
        "-r",
        str(RATE),
        "-p",
        str(period),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while not SOCKET.exists():
                assert server.poll() is None, "jackd ended"
                time.sleep(0.1)
            lines = page(model, seconds, period)
        finally:
            server.terminate()
    print("\n".join(lines))
    # what tests/bench/duet.py wrote stays
    before = page_file.read_text("utf-8") if page_file.exists() else ""
    lines += ["".join(before.partition("## A duet")[1:])]
    write_atomically(page_file, "\n".join(lines).encode())


if __name__ == "__main__":
    settings = {"LD_PRELOAD": "libjack.so.0", "JACK_DEFAULT_SERVER": SERVER}
    if any(os.environ.get(name) != value for name, value in settings.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **settings})
    if sys.argv[1:] == ["--receive"]:
        receive()
    else:
        parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
        parser.add_argument("model", type=Path)
        parser.add_argument("page_file", type=Path, metavar="page")
        parser.add_argument("--seconds", type=float, default=60.0)
        parser.add_argument("--period", type=int, default=64)
        main(**vars(parser.parse_args()))
