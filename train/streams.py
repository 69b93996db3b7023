"""Pieces packed into parallel streams, none padded away: where one piece ends in a stream, the next begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec

IDLE = -100  # the target of a place with nothing to learn; torch's cross entropy leaves it out
LOWEST_KEY, HIGHEST_KEY = 21, 108  # the piano's keys: transposing never moves a piece further outside them
SEMITONES = range(-5, 7)

Tokens = NDArray[np.integer]


class Chunk(NamedTuple):
    """`x`, `y`: int64 [batch, time], inputs and targets. `begins`: bool [batch, time], x is the first of a piece."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    begins: NDArray[np.bool_]


class Variety(NamedTuple):
    """How differently a piece may be played each time: `transpose` by -5 to +6 semitones, up to `stretch` faster or
    slower (0.1: a tenth), up to `loudness` louder or softer in MIDI velocity."""

    transpose: bool = False
    stretch: float = 0.0
    loudness: int = 0


class Streams:
    """Endless training chunks. Pieces come in a new order every epoch, each playing varied in its own way.

    `state` and `restore` let a resumed run go on with the very next chunk.
    """

    def __init__(self, pieces: Sequence[Tokens], codec: Codec, batch: int, chunk: int, variety: Variety, seed: int):
        self._pieces, self._codec, self._variety = pieces, codec, variety
        self._batch, self._chunk = batch, chunk
        self._pitches = codec.pitches()
        self._rng = np.random.default_rng(seed)
        self._queue: list[int] = []
        self._playing: list[list[Any]] = [[] for _ in range(batch)]  # per stream: piece, variation, position
        self._tokens: list[NDArray[np.int64]] = [np.zeros(0, np.int64) for _ in range(batch)]

    def next(self) -> Chunk:
        """The next chunk of every stream."""
        shape = self._batch, self._chunk
        out = Chunk(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool))
        for stream in range(self._batch):
            filled = 0
            while filled < self._chunk:
                if not self._playing[stream] or self._playing[stream][2] >= len(self._tokens[stream]) - 1:
                    self._play(stream, *self._draw())
                filled += _copy(self._tokens[stream], self._playing[stream], out, stream, filled)
        return out

    def _draw(self) -> tuple[int, tuple[int, float, int]]:
        """The next piece, and its semitones, tempo and loudness."""
        if not self._queue:
            self._queue = self._rng.permutation(len(self._pieces)).tolist()
        piece = self._queue.pop()
        variety = self._variety
        semitones = self._key(piece) if variety.transpose else 0
        tempo = float((1 + variety.stretch) ** self._rng.uniform(-1, 1)) if variety.stretch else 1.0
        louder = int(self._rng.integers(-variety.loudness, variety.loudness + 1)) if variety.loudness else 0
        return piece, (semitones, tempo, louder)

    def _key(self, piece: int) -> int:
        pitches = self._pitches[self._pieces[piece]]
        pitches = pitches[pitches >= 0]
        if not len(pitches):
            return 0
        low, high = int(pitches.min()), int(pitches.max())
        room = [s for s in SEMITONES if low + s >= min(low, LOWEST_KEY) and high + s <= max(high, HIGHEST_KEY)]
        return int(self._rng.choice(room))

    def _play(self, stream: int, piece: int, variation: tuple[int, float, int], position: int = 0) -> None:
        self._playing[stream] = [piece, variation, position]
        varied = self._codec.variation(*variation)[self._pieces[piece]]
        self._tokens[stream] = np.concatenate([[self._codec.start], varied]).astype(np.int64)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        return {"rng": self._rng.bit_generator.state, "queue": self._queue, "playing": self._playing}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken, over the same pieces."""
        self._rng.bit_generator.state = state["rng"]
        self._queue = list(state["queue"])
        for stream, playing in enumerate(state["playing"]):
            if playing:
                self._play(stream, *playing)


def passes(pieces: Sequence[Tokens], start: int, batch: int, chunk: int) -> Iterator[Chunk]:
    """Chunks that play every piece once, the longest first; streams with nothing left are IDLE."""
    waiting = sorted(pieces, key=len)
    playing: list[list[int]] = [[0, 0, 0] for _ in range(batch)]
    tokens: list[NDArray[np.int64]] = [np.zeros(0, np.int64) for _ in range(batch)]
    while True:
        shape = batch, chunk
        out = Chunk(np.full(shape, start, np.int64), np.full(shape, IDLE, np.int64), np.zeros(shape, bool))
        for stream in range(batch):
            filled = 0
            while filled < chunk:
                if playing[stream][2] >= len(tokens[stream]) - 1:
                    if not waiting:
                        break
                    playing[stream] = [0, 0, 0]
                    tokens[stream] = np.concatenate([[start], waiting.pop()]).astype(np.int64)
                filled += _copy(tokens[stream], playing[stream], out, stream, filled)
        if (out.y == IDLE).all():
            return
        yield out


def _copy(tokens: NDArray[np.int64], playing: list[int], out: Chunk, stream: int, filled: int) -> int:
    """Copy what fits of a piece into a stream's row and move its position on. Gives the number of places filled."""
    at = playing[2]
    count: int = min(len(tokens) - 1 - at, out.x.shape[1] - filled)
    out.x[stream, filled : filled + count] = tokens[at : at + count]
    out.y[stream, filled : filled + count] = tokens[at + 1 : at + 1 + count]
    if at == 0 and count:
        out.begins[stream, filled] = True
    playing[2] += count
    return count
