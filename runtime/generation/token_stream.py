"""One song in the making: a model's stream, its place in musical time, and its random numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data import UgenError
from ugen.data.codecs.base import Cursor, Tokens
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.config import Sampling
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler, draw_keys

from .song_state import SongState

Step = int | NDArray[np.bool_]


class Snapshot(NamedTuple):
    """A place in a song in the making."""

    h: NDArray[np.float32]
    c: NDArray[np.float32]
    x: NDArray[Any]
    cursor: Cursor
    struck: tuple[int, ...]


class TokenStream:
    """One song in the making: a stream of the model, its place in musical time, and its random
    numbers.

    `before`: tokens as a corpus stores them, that the song goes on from: of a primer, fed to the
    model, or of `start`, which knows what the model made of them. `tempo`: beats a minute, for all
    of it.
    """

    def __init__(
        self,
        model: Model,
        seed: int,
        sampling: Sampling,
        before: Tokens | None = None,
        tempo: float | None = None,
        start: SongState | None = None,
    ):
        codec = model.card.codec
        if sampling.repetition_penalty > 1 and not codec.onset_tokens.any():
            raise UgenError(
                f"--repetition-penalty: the {codec.name} codec does not say when a note is struck"
            )
        self.codec, self._sampling, self._rng = codec, sampling, Rng(seed)
        self._stream, self.cursor = model.stream(), codec.cursor(tempo)
        self._row, self._x = self._stream.logits[0, 0], self._stream.x[0]
        self._end = codec.end
        self._sampler = Sampler(codec.vocabulary, sampling, codec.onset_tokens)
        self._drawn = self._keys if codec.input == "frame" else self._token
        if start is not None:
            for part, value in zip(self._stream.state, (start.h, start.c), strict=True):
                part[:] = value
            self._sampler.struck = start.struck
            if seed == start.seed:
                self._rng = Rng(seed, start.position)
        for item in codec.to_inputs(before) if before is not None else ():
            if start is None:
                self._stream.advance()
            self.cursor.feed(0 if codec.input == "frame" else int(item))
            self._x[0] = item

    def step(self) -> Step:
        """Draw the next step: a token, or the keys that sound, bool [128]."""
        self._stream.advance()
        return self._drawn()

    @property
    def state(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """h and c, copies."""
        h, c = self._stream.state
        return h.copy(), c.copy()

    @property
    def seed(self) -> int:
        """The seed of the random numbers."""
        return self._rng.seed

    @property
    def position(self) -> int:
        """How many random numbers were taken."""
        return self._rng.position

    @property
    def struck(self) -> tuple[int, ...]:
        """What a repetition penalty remembers."""
        return self._sampler.struck

    def snapshot(self) -> Snapshot:
        """Where the song stands, to go back to; random numbers aside, so that it goes another way
        from there."""
        return Snapshot(*self.state, self._x.copy(), self.cursor.copy(), self._sampler.struck)

    def restore(self, snapshot: Snapshot) -> None:
        """To where the song stood."""
        for part, value in zip((*self._stream.state, self._x), snapshot[:3], strict=True):
            part[:] = value
        self.cursor, self._sampler.struck = snapshot.cursor.copy(), snapshot.struck

    def _token(self) -> int:
        if self._end is not None:  # a piece never ends by itself: it is as long as was asked
            self._row[self._end] = -np.inf
        token = self._sampler.draw(self._row, self.cursor.mask(), self._rng)
        self.cursor.feed(token)
        self._x[0] = token
        return token

    def _keys(self) -> NDArray[np.bool_]:
        sounding = draw_keys(self._row, self._sampling, self._rng.uniforms(self.codec.vocabulary))
        self.cursor.feed(0)
        self._x[0] = sounding
        return sounding
