"""Make music: feed the model its own draws until the asked length is reached, then end every note."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from ugen.data import Score, UgenError
from ugen.data.score import TEMPO

from .guard import GuardError
from .model import Model
from .model_file import Sampling
from .take import Step, Take
from .watched import RETRIES, Watched

LONGEST_SECONDS = 24 * 3600.0
MOST_BARS = 20_000
TEMPOS = 10.0, 400.0
LEAST_NOTELESS = 5.0  # seconds that must not pass without a note
MAX_PRIMER = 1 << 17  # tokens: an hour or more


@dataclass(frozen=True)
class Song:
    """Generated music. `score` lasts `seconds`; `tokens` are all that were drawn, as a corpus stores them. `mended`:
    what the guard heard, stepped back from and drew again, in words."""

    score: Score
    tokens: NDArray[np.uint16]
    seconds: float
    seed: int
    mended: tuple[str, ...] = ()

    @property
    def pad_ticks(self) -> int:
        """Ticks from the end of the last note to the asked end of the song."""
        return max(self.score.tick_at(self.seconds) - self.score.end_tick, 0)


def steps(model: Model, seed: int, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    """Endless steps, each with the musical time in seconds reached after it. Memory stays constant.

    A step is a token, or for a model of vectors the keys that sound, bool [128].
    """
    take = Take(model, seed, sampling)
    while True:
        step = take.step()
        yield step, take.cursor.seconds


def generate(
    model: Model,
    seconds: float,
    seed: int,
    sampling: Sampling | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    *,
    bars: int | None = None,
    tempo: float | None = None,
    primer: NDArray[np.uint16] | None = None,
    keep_primer: bool = False,
    guard: bool = True,
) -> Song:
    """A song of the asked length. The same model and arguments give the same song.

    `sampling`: the model's own defaults when not given. `bars`: so many whole bars, in place of `seconds`. `tempo`:
    beats a minute for all of it. `primer`: tokens of music to go on from (`tokens_of`), before the song's beginning or,
    with `keep_primer`, in it. `on_progress` is called with the seconds, or bars, made so far. `guard`: step
    back from what is no music (guard.py) and draw again. Raises UgenError when something is out of range, GuardError
    when the model keeps at it.
    """
    _check(model, seconds, bars, tempo)
    if primer is not None and model.card.codec.input == "token" and max(primer) >= model.card.codec.vocabulary:
        raise UgenError("--primer: tokens of another codec")
    sampling = sampling or model.card.sampling
    take = Take(model, seed, sampling, primer, tempo)
    begun, first_bar = take.cursor.seconds, take.cursor.bars

    def made() -> float:
        return take.cursor.bars - first_bar if bars else take.cursor.seconds - begun

    watched = Watched(take, RETRIES if sampling.temperature > 0 else 0) if guard else None
    drawn: list[Step] = watched.steps if watched else []
    while made() < (bars or seconds):
        if watched:
            watched.step()
        else:
            drawn.append(take.step())
        if len(drawn) % 64 == 0:
            on_progress(made())
    codec = model.card.codec
    tokens = codec.stored(np.array(drawn))
    score = codec.decode(tokens if primer is None else np.concatenate([primer, tokens]))
    if tempo:
        score = replace(score, tempos=np.array([(0, round(60e6 / tempo))], TEMPO))
    end = take.cursor.seconds if bars else begun + seconds
    start = 0.0 if keep_primer else begun
    cut = score.until(score.tick_at(end))
    mended = tuple(watched.mended) if watched else ()
    if watched and end - start >= LEAST_NOTELESS and not len(cut.notes):
        raise GuardError(f"the model makes no music: {end - start:g} s without a note")
    return Song(cut.since(cut.tick_at(start)) if start else cut, tokens, end - start, seed, mended)


def tokens_of(model: Model, score: Score, seconds: float | None = None) -> NDArray[np.uint16]:
    """Music as the tokens of a model's codec, to go on from: arranged as what the model learned, the first `seconds` of
    it. Raises UgenError when nothing is left of it."""
    from ugen.data import arrange

    codec = model.card.codec
    score = arrange(score, "band" if model.card.provenance.get("corpus", {}).get("arrangement") == "band" else "piano")
    if seconds is not None:
        if not 0 < seconds <= LONGEST_SECONDS:
            raise UgenError(f"--primer-seconds {seconds}: must be more than 0 and at most {LONGEST_SECONDS:.0f}")
        score = score.until(score.tick_at(seconds))
    if not len(score.notes):
        raise UgenError("--primer: no notes in it for this model")
    tokens = codec.encode(score).tokens
    if len(tokens) > MAX_PRIMER:
        raise UgenError(f"--primer: {len(tokens)} tokens; {MAX_PRIMER} are the most. Use --primer-seconds")
    return tokens[:-1] if codec.end is not None and tokens[-1] == codec.end else tokens


def _check(model: Model, seconds: float, bars: int | None, tempo: float | None) -> None:
    codec = model.card.codec
    if not 0 < seconds <= LONGEST_SECONDS or math.isnan(seconds):
        raise UgenError(f"--seconds {seconds}: must be more than 0 and at most {LONGEST_SECONDS:.0f}")
    for flag, value in (("--bars", bars), ("--tempo", tempo)):
        if value is not None and not codec.has_bars:
            raise UgenError(f"{flag}: the {codec.name} codec knows seconds only, no beats and bars")
    if bars is not None and not 1 <= bars <= MOST_BARS:
        raise UgenError(f"--bars {bars}: must be 1 to {MOST_BARS}")
    if tempo is not None and not TEMPOS[0] <= tempo <= TEMPOS[1]:
        raise UgenError(f"--tempo {tempo:g}: must be {TEMPOS[0]:g} to {TEMPOS[1]:g} beats a minute")
