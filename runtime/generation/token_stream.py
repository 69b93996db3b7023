"""Tokens of one song: a model's stream, its place in musical time, and its random numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Cursor
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler, sample_keys

from .settings import SongSettings

Step = int | NDArray[np.bool_]


class Snapshot(NamedTuple):
    """A place in a song. Random numbers are not in it: from there the song takes another way."""

    h: NDArray[np.float32]
    c: NDArray[np.float32]
    x: NDArray[Any]
    cursor: Cursor
    recent_onsets: tuple[int, ...]


class TokenStream:
    """Steps of a song. `settings`: whatever they say of a length is not heeded here. Raises
    UgenError for settings that the model cannot take."""

    def __init__(self, model: Model, settings: SongSettings):
        settings = settings.for_model(model.card)
        assert settings.sampling is not None
        codec = self.codec = model.card.codec
        self.sampling = settings.sampling
        self.cursor = codec.cursor(settings.tempo)
        self.rng = Rng(settings.seed)
        self._stream = model.stream()
        self._row = self._stream.logits[0, 0]
        self._x = self._stream.x[0]
        self._sampler = Sampler(codec.vocabulary, self.sampling, codec.onset_tokens)
        self._sample = self._sample_keys if codec.input == "frame" else self._sample_token
        start = settings.start
        if start is not None:
            for part, value in zip(self._stream.state, (start.h, start.c), strict=True):
                part[:] = value.reshape(part.shape)
            self._sampler.recent_onsets = start.recent_onsets
            if settings.seed == start.seed:
                self.rng = Rng(start.seed, start.position)
        for item in () if settings.before is None else codec.to_inputs(settings.before):
            if start is None:  # a state has the model's reading of these tokens in it
                self._stream.advance()
            self.cursor.feed(0 if codec.input == "frame" else int(item))
            self._x[0] = item

    def step(self) -> Step:
        """Sample the next step: a token, or the keys that sound, bool [128]."""
        self._stream.advance()
        return self._sample()

    @property
    def state(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """h and c, copies."""
        h, c = self._stream.state
        return h.copy(), c.copy()

    @property
    def recent_onsets(self) -> tuple[int, ...]:
        """The tokens that a repetition penalty remembers."""
        return self._sampler.recent_onsets

    def snapshot(self) -> Snapshot:
        """Where the song stands, for `restore`."""
        return Snapshot(*self.state, self._x.copy(), self.cursor.copy(), self.recent_onsets)

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot, with new random numbers."""
        for part, value in zip((*self._stream.state, self._x), snapshot[:3], strict=True):
            part[:] = value
        self.cursor = snapshot.cursor.copy()
        self._sampler.recent_onsets = snapshot.recent_onsets

    def _sample_token(self) -> int:
        if self.codec.end is not None:  # a song is as long as was asked, and never ends by itself
            self._row[self.codec.end] = -np.inf
        token = self._sampler.sample(self._row, self.cursor.mask(), self.rng)
        self.cursor.feed(token)
        self._x[0] = token
        return token

    def _sample_keys(self) -> NDArray[np.bool_]:
        keys = sample_keys(self._row, self.sampling, self.rng.uniforms(self.codec.vocabulary))
        self.cursor.feed(0)
        self._x[0] = keys
        return keys
