"""Make music: feed the model its own draws until the asked length is reached, then end every note."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ugen.data import Score, UgenError
from ugen.data.codec import Cursor

from .model import Model
from .model_file import Sampling
from .rng import Rng
from .sampler import draw, draw_keys

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
    codec = model.card.codec
    choose = _keys if codec.input == "frame" else _token
    yield from choose(model, codec.cursor(), Rng(seed), sampling)


def _token(model: Model, cursor: Cursor, rng: Rng, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    codec, state = model.card.codec, model.start()
    feed = np.array([[codec.start]], np.int64)
    going_on = np.ones(codec.vocabulary, bool)
    if codec.end is not None:
        going_on[codec.end] = False
    while True:
        logits, state = model.step(feed, state)
        token = draw(logits[0, 0], cursor.mask() & going_on, sampling, rng.uniform())
        cursor.feed(token)
        feed[0, 0] = token
        yield token, cursor.seconds


def _keys(model: Model, cursor: Cursor, rng: Rng, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    keys, state = model.card.codec.vocabulary, model.start()
    feed = np.zeros((1, 1, keys), np.float32)
    while True:
        logits, state = model.step(feed, state)
        sounding = draw_keys(logits[0, 0], sampling, np.array([rng.uniform() for _ in range(keys)]))
        cursor.feed(0)
        feed[0, 0] = sounding
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
