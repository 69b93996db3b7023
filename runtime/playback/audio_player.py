"""Music through the loudspeaker while it is still being made.

    play(notes)  # in order of onset, without end if they like

miniaudio takes the sound to the machine's default device; `pip install 'ugen-music[play]'` brings
it. Sound is made ahead of what is heard, and handed out on the device's own thread, which never
waits for more: then there is silence.

The synthesizer lets no other thread of Python run while it plays a chunk: 0.05 to 0.15 s for 5 s of
music, up to 0.5 s where notes last minutes. So the device keeps 0.9 s of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from ugen.data import Note, UgenError
from ugen.data.optional_imports import require
from ugen.data.render import audio
from ugen.data.render.synthesizer import RATE

from .quiet import without_stderr

_AHEAD = 15.0  # seconds: with less that waits to be heard, the next chunk is made, of 5 s at most
_PERIOD = 0.3  # seconds that the device asks for at once; it keeps three
_TELL = 0.25  # seconds between two reports of progress
_LOST = 5.0  # seconds in which a device that asks for nothing is given up
_FRAME = 8  # bytes: two float32


class Played(NamedTuple):
    """Music that was heard: its length, how often there was none when there should be, and how long
    in all."""

    seconds: float
    underruns: int
    silent_seconds: float


def play(
    notes: Iterable[Note | None],
    soundfont: Path | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    backend: str | None = None,
) -> Played:
    """Play notes, which come in order of onset and may be endless, on the default device, until all
    has died away.

    A None among them says that there is no new one yet. At most 20 s of sound are made ahead.
    `on_progress` is called with the seconds played, at most four times a second, between notes and
    while there is nothing to make. `backend`: miniaudio's name of the sound system, else it
    chooses; with "null" nothing is heard, in real time. When this is left by an exception the sound
    stops at once.

    Raises UgenError when miniaudio, another library or the SoundFont is missing or damaged, when
    there is no device (all that before it takes a note), and when the device is lost.
    """
    with closing(_open(backend)) as device:
        ahead = _Ahead()
        tell = _Teller(ahead, on_progress)
        for chunk in audio.stream_audio(tell.between(notes), soundfont):
            ahead.put(chunk.tobytes())
            if not device.running:
                _start(device, ahead)
            tell.until(_AHEAD)
        ahead.all_made = True
        if device.running:
            tell.until(0.0)
            time.sleep(3 * _PERIOD)  # what it keeps
        on_progress(ahead.played / RATE)
        return Played(ahead.played / RATE, ahead.underruns, ahead.silent / RATE)


def check(soundfont: Path | None, backend: str | None = None) -> None:
    """Raise UgenError when nothing can be played here, before there is anything to play."""
    _open(backend).close()
    audio.check(soundfont)


def _open(backend: str | None) -> Any:
    """The default device, not started yet."""
    require("miniaudio", "play")
    import miniaudio

    backends = None if backend is None else [miniaudio.Backend[backend.upper()]]
    try:
        with without_stderr():
            device = miniaudio.PlaybackDevice(
                miniaudio.SampleFormat.FLOAT32, 2, RATE, round(_PERIOD * 1000), backends=backends
            )
    except miniaudio.MiniaudioError as error:
        raise _no_device("miniaudio", *error.args) from None
    if device.backend == "Null" and backend is None:  # what it takes when there is nothing else
        device.close()
        raise _no_device("no sound system is there")
    return device


def _start(device: Any, ahead: _Ahead) -> None:
    import miniaudio

    source = ahead.handed_out()
    next(source)
    try:
        device.start(source)
    except miniaudio.MiniaudioError as error:
        raise _no_device("miniaudio", *error.args) from None


def _no_device(*reason: object) -> UgenError:
    words = ": ".join(map(str, reason))
    return UgenError(
        f"--play: no sound device can be opened here ({words}); -o song.wav writes a file instead"
    )


class _Ahead:
    """Sound that waits to be heard: one thread puts, the device's takes, and neither waits for the
    other.

    `played`, `silent`: frames handed out, of sound and of silence that should have been sound.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._rest = memoryview(b"")  # of the chunk being handed out
        self._put = self.played = self.silent = self.underruns = 0
        self._short = self.all_made = False

    @property
    def waiting(self) -> int:
        """Frames put and not handed out yet."""
        return self._put - self.played

    def put(self, chunk: bytes) -> None:
        """More sound."""
        self._put += len(chunk) // _FRAME
        self._chunks.append(chunk)

    def handed_out(self) -> Generator[bytes, int, None]:
        """For miniaudio, which sends how many frames it wants, None first."""
        frames = yield b""
        while True:
            frames = yield self.take(frames)

    def take(self, frames: int) -> bytes:
        """So many frames, silent where there is no sound."""
        given = bytearray()
        while (missing := frames * _FRAME - len(given)) and (self._rest or self._chunks):
            self._rest = self._rest or memoryview(self._chunks.popleft())
            given += self._rest[:missing]
            self._rest = self._rest[missing:]
        self.played += len(given) // _FRAME
        lacking = 0 if self.all_made else missing // _FRAME
        self.silent += lacking
        self.underruns += lacking > 0 and (len(given) > 0 or not self._short)
        self._short = lacking > 0
        return bytes(given).ljust(frames * _FRAME, b"\0")


class _Teller:
    """Tells progress while notes are taken and while there is nothing to do."""

    def __init__(self, ahead: _Ahead, on_progress: Callable[[float], None]):
        self._ahead, self._on_progress = ahead, on_progress
        self._told = time.monotonic()

    def between(self, notes: Iterable[Note | None]) -> Iterator[Note]:
        """The same notes."""
        for note in notes:
            self._tell()
            if note is not None:
                yield note

    def until(self, seconds: float) -> None:
        """Wait until no more sound than that waits to be heard. Raises UgenError when the device is
        lost."""
        stuck = 0.0  # counted, not read off a clock, as all of the process may stand still
        while self._ahead.waiting > seconds * RATE:
            before = self._ahead.played
            time.sleep(_TELL / 4)
            self._tell()
            stuck = 0.0 if self._ahead.played > before else stuck + _TELL / 4
            if stuck > _LOST:
                raise UgenError(
                    f"--play: the sound device has taken no sound for {_LOST:.0f} s; is it still there?"
                )

    def _tell(self) -> None:
        if time.monotonic() - self._told >= _TELL:
            self._told = time.monotonic()
            self._on_progress(self._ahead.played / RATE)
