"""Pieces packed into parallel streams, none padded away: where one piece ends in a stream, the next
begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec
from ugen.data.codecs.base import Inputs

LOWEST_KEY, HIGHEST_KEY = (
    21,
    108,
)  # the piano's keys: transposing never moves a piece further outside them
SEMITONES = range(-5, 7)

Tokens = NDArray[np.integer]


class Chunk(NamedTuple):
    """`x`, `y`: inputs and targets, int64 [batch, time] or bool [batch, time, 128]. `begins`: bool
    [batch, time], x is the first of a piece. `live`: bool [batch, time], there is something to
    learn here."""

    x: Inputs
    y: Inputs
    begins: NDArray[np.bool_]
    live: NDArray[np.bool_]

    @classmethod
    def empty(cls, codec: Codec, batch: int, time: int) -> Chunk:
        """A chunk to fill; every place is fed the start and has nothing to learn."""
        item = codec.with_start(codec.to_inputs(np.zeros(0, np.uint16)))[0]
        whole = np.broadcast_to(item, (batch, time, *item.shape)).astype(
            bool if codec.input == "frame" else np.int64
        )
        return cls(
            whole, whole.copy(), np.zeros((batch, time), bool), np.zeros((batch, time), bool)
        )

    def rows(self, which: slice) -> Chunk:
        """Some of the streams."""
        return Chunk(*(part[which] for part in self))


class Augmentation(NamedTuple):
    """How differently a piece may be played each time: `transpose` by -5 to +6 semitones, up to
    `tempo_jitter` faster or slower (0.1: a tenth), up to `velocity_jitter` louder or softer in MIDI
    velocity."""

    transpose: bool = False
    tempo_jitter: float = 0.0
    velocity_jitter: int = 0


class _Playing:
    """One stream's piece, and where in it the stream stands."""

    def __init__(self) -> None:
        self.items: Inputs = np.zeros(0, np.int64)
        self.at = 0

    def begin(self, items: Inputs, at: int = 0) -> None:
        """Take up a piece, its start included."""
        self.items, self.at = items, at

    def over(self) -> bool:
        """Whether the piece has no further target."""
        return self.at >= len(self.items) - 1

    def copy_to(self, out: Chunk, stream: int, filled: int) -> int:
        """Put what fits of the piece into a stream's row. Gives the number of places filled."""
        at = self.at
        count: int = min(len(self.items) - 1 - at, out.x.shape[1] - filled)
        out.x[stream, filled : filled + count] = self.items[at : at + count]
        out.y[stream, filled : filled + count] = self.items[at + 1 : at + 1 + count]
        out.live[stream, filled : filled + count] = True
        if at == 0 and count:
            out.begins[stream, filled] = True
        self.at += count
        return count


class Streams:
    """Endless training chunks. Pieces come in a new order every epoch, each playing varied in its
    own way.

    `state` and `restore` let a resumed run go on with the very next chunk.
    """

    def __init__(
        self,
        pieces: Sequence[Tokens],
        codec: Codec,
        batch: int,
        chunk: int,
        augmentation: Augmentation,
        seed: int,
    ):
        self._pieces, self._codec, self._variety = pieces, codec, augmentation
        self._batch, self._chunk = batch, chunk
        self._rng = np.random.default_rng(seed)
        self._queue: list[int] = []
        self._drawn: list[list[Any]] = [
            [] for _ in range(batch)
        ]  # per stream: piece, and how it is varied
        self._playing = [_Playing() for _ in range(batch)]

    def next(self) -> Chunk:
        """The next chunk of every stream."""
        out = Chunk.empty(self._codec, self._batch, self._chunk)
        for stream, playing in enumerate(self._playing):
            filled = 0
            while filled < self._chunk:
                if playing.over():
                    self._play(stream, *self._draw())
                filled += playing.copy_to(out, stream, filled)
        return out

    def _draw(self) -> tuple[int, tuple[int, float, int]]:
        """The next piece, and its semitones, tempo and loudness."""
        if not self._queue:
            self._queue = self._rng.permutation(len(self._pieces)).tolist()
        piece = self._queue.pop()
        augmentation = self._variety
        semitones = self._key(piece) if augmentation.transpose else 0
        tempo = (
            float((1 + augmentation.tempo_jitter) ** self._rng.uniform(-1, 1))
            if augmentation.tempo_jitter
            else 1.0
        )
        louder = (
            int(self._rng.integers(-augmentation.velocity_jitter, augmentation.velocity_jitter + 1))
            if augmentation.velocity_jitter
            else 0
        )
        return piece, (semitones, tempo, louder)

    def _key(self, piece: int) -> int:
        pitches = self._codec.pitch_range(self._codec.to_inputs(self._pieces[piece]))
        if not len(pitches):
            return 0
        low, high = int(pitches.min()), int(pitches.max())
        room = [
            s
            for s in SEMITONES
            if low + s >= min(low, LOWEST_KEY) and high + s <= max(high, HIGHEST_KEY)
        ]
        return int(self._rng.choice(room))

    def _play(
        self, stream: int, piece: int, augmentation: tuple[int, float, int], position: int = 0
    ) -> None:
        self._drawn[stream] = [piece, augmentation]
        augment = self._codec.augment(self._codec.to_inputs(self._pieces[piece]), *augmentation)
        self._playing[stream].begin(self._codec.with_start(augment), position)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        playing = [
            [*drawn, playing.at] for drawn, playing in zip(self._drawn, self._playing, strict=True)
        ]
        return {"rng": self._rng.bit_generator.state, "queue": self._queue, "playing": playing}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken, over the same pieces."""
        self._rng.bit_generator.state = state["rng"]
        self._queue = list(state["queue"])
        for stream, playing in enumerate(state["playing"]):
            if len(playing) == 3:
                self._play(stream, *playing)


def passes(pieces: Sequence[Tokens], codec: Codec, batch: int, chunk: int) -> Iterator[Chunk]:
    """Chunks that play every piece once, the longest first; streams with nothing left are not
    live."""
    waiting = sorted(pieces, key=len)
    streams = [_Playing() for _ in range(batch)]
    while True:
        out = Chunk.empty(codec, batch, chunk)
        for stream, playing in enumerate(streams):
            filled = 0
            while filled < chunk:
                if playing.over():
                    if not waiting:
                        break
                    playing.begin(codec.with_start(codec.to_inputs(waiting.pop())))
                filled += playing.copy_to(out, stream, filled)
        if not out.live.any():
            return
        yield out
