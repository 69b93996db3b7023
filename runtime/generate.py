"""Make music: feed the model its own draws until the asked length is reached, then end every note."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ugen.data import Score, UgenError

from .model import Model
from .model_file import Sampling
from .rng import Rng
from .sampler import Sampler, draw_keys

LONGEST_SECONDS = 24 * 3600.0

Step = int | NDArray[np.bool_]


@dataclass(frozen=True)
class Song:
    """Generated music. `score` is cut at `seconds`; `tokens` are all that were drawn, as a corpus stores them."""

    score: Score
    tokens: NDArray[np.uint16]
    seconds: float
    seed: int

    @property
    def pad_ticks(self) -> int:
        """Ticks from the end of the last note to the asked end of the song."""
        return max(self.score.tick_at(self.seconds) - self.score.end_tick, 0)


def steps(model: Model, seed: int, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    """Endless steps, each with the musical time in seconds reached after it. Memory stays constant.

    A step is a token, or for a model of vectors the keys that sound, bool [128]. A piece never ends by itself here:
    the token that would end it is left out of every draw.
    """
    choose = _keys if model.card.codec.input == "frame" else _token
    yield from choose(model, Rng(seed), sampling)


def _token(model: Model, rng: Rng, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    codec, stream = model.card.codec, model.stream()
    cursor, sampler = codec.cursor(), Sampler(codec.vocabulary, sampling)
    x, logits = stream.x[0], stream.logits[0, 0]
    while True:
        stream.advance()
        if codec.end is not None:
            logits[codec.end] = -np.inf
        token = sampler.draw(logits, cursor.mask(), rng)
        cursor.feed(token)
        x[0] = token
        yield token, cursor.seconds


def _keys(model: Model, rng: Rng, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    codec, stream = model.card.codec, model.stream()
    cursor = codec.cursor()
    while True:
        logits = stream.advance()
        sounding = draw_keys(logits[0, 0], sampling, rng.uniforms(codec.vocabulary))
        cursor.feed(0)
        stream.x[0, 0] = sounding
        yield sounding, cursor.seconds


def generate(
    model: Model,
    seconds: float,
    seed: int,
    sampling: Sampling | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> Song:
    """A song of the asked length. The same model, seed and sampling give the same song.

    `sampling`: the model's own defaults when not given. `on_progress` is called with the seconds made so far.
    Raises UgenError when `seconds` is out of range.
    """
    if not 0 < seconds <= LONGEST_SECONDS or math.isnan(seconds):
        raise UgenError(f"--seconds {seconds}: must be more than 0 and at most {LONGEST_SECONDS:.0f}")
    drawn: list[Step] = []
    for step, now in steps(model, seed, sampling or model.card.sampling):
        drawn.append(step)
        if now >= seconds:
            break
        if len(drawn) % 64 == 0:
            on_progress(now)
    codec = model.card.codec
    tokens = codec.stored(np.array(drawn))
    score = codec.decode(tokens)
    return Song(score.until(score.tick_at(seconds)), tokens, seconds, seed)
