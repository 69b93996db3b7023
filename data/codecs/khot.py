"""The `khot` codec: the grid of `frames`, each step as one vector of the 128 pitches that sound.

On disk a step is 128 bits: 8 words of 16 bits, pitch p in bit p % 16 of word p // 16. `vectors`
unpacks them for a model with one sigmoid per pitch (as in Boulanger-Lewandowski et al. 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import CodecError
from ugen.data.score import Score

from .base import Codec, Encoded, Inputs, Mask, Rows, Tokens
from .columns import LEFT_SECONDS, NO_WISHES, Column, Wishes
from .decoder import GridDecoder
from .pitch_grid import (
    PITCHES,
    REFERENCE_BEAT,
    VELOCITY,
    merge_gaps,
    runs_to_score,
    sounding_runs,
    step_seconds,
)

WORDS = PITCHES // 16  # 16-bit words per step


class KhotCodec(Codec):
    """One vector per step. Its "tokens" are packed words, WORDS per step; `events` names the 128
    places of a vector.

    `ticks`: length of a step, 1 to 1920, in ticks of 1/480 beat at 120 beats per minute.
    """

    name = "khot"
    about = "vectors"
    input = "frame"
    pitch_kinds = ("pitch",)

    def __init__(self, ticks: int = 25):
        if not 1 <= ticks <= 1920:
            raise ValueError(f"ticks must be 1 to 1920, not {ticks}")
        self.ticks = ticks
        self.step_seconds = step_seconds(ticks)
        self.events = tuple(f"pitch:{pitch}" for pitch in range(PITCHES))
        self.start, self.end = 0, None  # a piece begins after an empty step
        self.is_time = np.zeros(PITCHES, bool)

    def options(self) -> dict[str, Any]:
        return {"ticks": self.ticks}

    def encode(self, score: Score) -> Encoded:
        runs = sounding_runs(score, self.ticks)
        steps = int(runs[:, 2].max()) if len(runs) else 0
        words = np.zeros((steps, WORDS), np.uint16)
        for pitch, first, after in runs.tolist():
            words[first:after, pitch // 16] |= np.uint16(1 << pitch % 16)
        return Encoded(words.reshape(-1), len(runs), len(score.notes) - len(runs))

    def vectors(self, tokens: NDArray[np.integer]) -> Mask:
        """Packed words as bool [steps, 128]."""
        words = np.asarray(tokens, "<u2").reshape(-1, WORDS)
        return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little").astype(bool)

    def pack(self, vectors: Mask) -> Tokens:
        """bool [steps, 128] as packed words, uint16 [steps * WORDS]."""
        packed: Tokens = (
            np.packbits(vectors, axis=1, bitorder="little")
            .view("<u2")
            .reshape(-1)
            .astype(np.uint16)
        )
        return packed

    def check(self, tokens: Tokens) -> None:
        if len(tokens) % WORDS:
            raise CodecError("tokens that are no whole number of steps")

    def to_inputs(self, tokens: NDArray[np.integer]) -> Inputs:
        return self.vectors(tokens)

    def from_inputs(self, items: Inputs) -> Tokens:
        return self.pack(np.asarray(items).reshape(-1, PITCHES) > 0)

    def with_start(self, items: Inputs) -> Inputs:
        return np.concatenate([np.zeros((1, PITCHES), bool), items])

    def augment(
        self, rows: Rows, semitones: int, tempo: float, louder: int, columns: Sequence[str] = ()
    ) -> Rows:
        """Transposed; a vector has neither tempo nor loudness."""
        moved = np.zeros_like(rows)
        table = self.augmentation(semitones)
        for pitch in self.pitch_range(rows):
            moved[:, table[pitch]] |= rows[:, pitch]
        return moved

    def pitch_range(self, items: Inputs) -> NDArray[np.int64]:
        return np.flatnonzero(items.any(axis=0))

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        pitch, step = np.nonzero(self.vectors(tokens).T)  # by pitch, then step
        return runs_to_score(merge_gaps(np.stack([pitch, step, step + 1], axis=1), 0), self.ticks)

    def context(self, tokens: Tokens) -> Tokens:
        """The last step."""
        return tokens[-WORDS:]

    def decoder(self) -> _KhotDecoder:
        return _KhotDecoder(REFERENCE_BEAT, self.ticks, VELOCITY)

    def counts(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        """int64 [128]: in how many steps each pitch sounds."""
        sounding: NDArray[np.int64] = self.vectors(tokens).sum(axis=0, dtype=np.int64)
        return sounding

    @property
    def columns(self) -> tuple[Column, ...]:
        return ()  # a model of vectors is fed the last vector alone

    def cursor(
        self, tempo: float | None = None, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> _KhotCursor:
        return _KhotCursor(self.step_seconds)

    @property
    def onset_tokens(self) -> Mask:
        return np.zeros(PITCHES, bool)


class _KhotDecoder(GridDecoder):
    def feed(self, vector: Mask) -> None:
        self.step(set(np.flatnonzero(vector).tolist()))


class _KhotCursor:
    """Any vector may follow any other, and each is one step long."""

    bars = 0
    bar_seconds = LEFT_SECONDS

    def __init__(self, step_seconds: float):
        self._step_seconds = step_seconds
        self.now = 0

    @property
    def seconds(self) -> float:
        return self.now * self._step_seconds

    def feed(self, token: int) -> None:
        """Take the next step's vector; which one makes no difference to time."""
        self.now += 1

    def mask(self) -> Mask:
        return np.ones(PITCHES, bool)

    def row(self) -> list[int]:
        return []

    def ask(self, wishes: Wishes) -> None:
        """There is no column to answer with."""

    def copy(self) -> _KhotCursor:
        return copy(self)
