"""Play music through the loudspeaker while it is still being made.

    play(notes)  # in order of onset; they may be endless

miniaudio (`pip install 'ugen-music[play]'`) plays on the machine's default device. Sound is made
ahead of time and handed out on the device's own thread, which never waits: when there is no sound
yet it plays silence.

The synthesizer blocks all other Python threads while it renders a chunk: 0.05 to 0.15 s for 5 s of
music, up to 0.5 s where notes last minutes. So the device buffers 0.9 s.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ugen.data import Note, UgenError
from ugen.data.optional_imports import require
from ugen.data.render import audio
from ugen.data.render.synthesizer import RATE

from .quiet import without_stderr
from .stats import PlaybackStats

_AHEAD = 15.0  # seconds: with less in the queue the next chunk is made, of 5 s at most
_PERIOD = 0.3  # seconds that the device asks for at once; it buffers three periods
_REPORT = 0.25  # seconds between two reports of progress
_LOST = 5.0  # seconds after which a device that asks for nothing is taken for lost
_FRAME = 8  # bytes: two float32


def play(
    notes: Iterable[Note | None],
    soundfont: Path | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    backend: str | None = None,
) -> PlaybackStats:
    """Play notes on the default device, until the last has died away.

    `notes` come in order of onset and may be endless; a None among them means that there is no new
    one yet. At most 20 s of sound are made ahead. `on_progress` gets the seconds played, at most
    four times a second, between notes and while there is nothing to make. `backend`: miniaudio's
    name of the sound system, by default its choice; "null" plays silently, in real time. When an
    exception leaves this, the sound stops at once.

    Raises UgenError when miniaudio, another library or the SoundFont is missing or damaged or there
    is no device, each before a note is taken; and when the device is lost.
    """
    with closing(_open(backend)) as device:
        queue = AudioQueue()
        reporter = ProgressReporter(queue, on_progress)
        for chunk in audio.stream_audio(reporter.between(notes), soundfont):
            queue.put(chunk.tobytes())
            if not device.running:
                _start(device, queue)
            reporter.wait_until(_AHEAD)
        queue.is_complete = True
        if device.running:
            reporter.wait_until(0.0)
            time.sleep(3 * _PERIOD)  # what the device buffers
        on_progress(queue.played / RATE)
        return PlaybackStats(queue.played / RATE, queue.gaps, queue.silent / RATE)


def check(soundfont: Path | None, backend: str | None = None) -> None:
    """Raise UgenError when nothing can be played here."""
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
    if device.backend == "Null" and backend is None:  # miniaudio's last resort
        device.close()
        raise _no_device("there is no sound system")
    return device


def _start(device: Any, queue: AudioQueue) -> None:
    import miniaudio

    source = queue.source()
    next(source)
    try:
        device.start(source)
    except miniaudio.MiniaudioError as error:
        raise _no_device("miniaudio", *error.args) from None


def _no_device(*reason: object) -> UgenError:
    words = ": ".join(map(str, reason))
    return UgenError(
        f"no sound device can be opened here ({words}); -o song.wav writes a file instead",
        flag="--play",
    )


class AudioQueue:
    """Sound between two threads: one puts, the device's takes, and neither waits for the other.

    `played`, `silent`: frames handed out, of sound and of silence in the place of late sound.
    `gaps`: how often there was such silence. `is_complete`: no more sound will come.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._rest = memoryview(b"")  # of the chunk being handed out
        self._put = 0
        self._is_silent = False
        self.played = 0
        self.silent = 0
        self.gaps = 0
        self.is_complete = False

    @property
    def waiting(self) -> int:
        """Frames put and not handed out yet."""
        return self._put - self.played

    def put(self, chunk: bytes) -> None:
        """More sound."""
        self._put += len(chunk) // _FRAME
        self._chunks.append(chunk)

    def source(self) -> Generator[bytes, int, None]:
        """For miniaudio, which sends how many frames it wants, None first."""
        frames = yield b""
        while True:
            frames = yield self.take(frames)

    def take(self, frames: int) -> bytes:
        """The next frames, silent where there is no sound."""
        data = bytearray()
        while (missing := frames * _FRAME - len(data)) and (self._rest or self._chunks):
            self._rest = self._rest or memoryview(self._chunks.popleft())
            data += self._rest[:missing]
            self._rest = self._rest[missing:]
        self.played += len(data) // _FRAME
        late = 0 if self.is_complete else missing // _FRAME
        self.silent += late
        self.gaps += late > 0 and (len(data) > 0 or not self._is_silent)
        self._is_silent = late > 0
        return bytes(data).ljust(frames * _FRAME, b"\0")


class ProgressReporter:
    """Reports what was played, while notes are taken and while there is nothing to do."""

    def __init__(self, queue: AudioQueue, on_progress: Callable[[float], None]):
        self._queue = queue
        self._on_progress = on_progress
        self._reported = time.monotonic()

    def between(self, notes: Iterable[Note | None]) -> Iterator[Note]:
        """The same notes."""
        for note in notes:
            self._report()
            if note is not None:
                yield note

    def wait_until(self, seconds: float) -> None:
        """Wait until no more sound than that is in the queue. Raises UgenError when the device is
        lost."""
        stuck = 0.0  # counted, not read off a clock, for the whole process may have been stopped
        while self._queue.waiting > seconds * RATE:
            before = self._queue.played
            time.sleep(_REPORT / 4)
            self._report()
            stuck = 0.0 if self._queue.played > before else stuck + _REPORT / 4
            if stuck > _LOST:
                raise UgenError(
                    f"the sound device has taken no sound for {_LOST:.0f} s; is it still there?",
                    flag="--play",
                )

    def _report(self) -> None:
        if time.monotonic() - self._reported >= _REPORT:
            self._reported = time.monotonic()
            self._on_progress(self._queue.played / RATE)
