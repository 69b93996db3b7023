"""Make music: feed the model its own draws until the asked length is reached, then end every note."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.codec import Tokens
from ugen.data.score import NOTE

from .guard import GuardError
from .model import Model
from .model_file import Sampling
from .performance import LONGEST_SECONDS, Performance
from .state import SongState
from .take import Step, Take

LEAST_NOTELESS = 5.0  # seconds that must not pass without a note
MAX_PRIMER = 1 << 17  # tokens: an hour or more


@dataclass(frozen=True)
class Song:
    """Generated music. `score` lasts `seconds`; `tokens` are all that were drawn, as a corpus stores them. `mended`:
    what the guard heard, stepped back from and drew again, in words. `state`: where it ended, to go on from."""

    score: Score
    tokens: Tokens
    seconds: float
    seed: int
    mended: tuple[str, ...]
    state: SongState

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
    primer: Tokens | None = None,
    keep_primer: bool = False,
    start: SongState | None = None,
    guard: bool = True,
) -> Song:
    """A song of the asked length. The same model and arguments give the same song.

    `sampling`: the model's own defaults when not given. `bars`: so many whole bars, in place of `seconds`. `tempo`:
    beats a minute for all of it. `primer`: tokens of music to go on from (`tokens_of`), before the song's beginning or,
    with `keep_primer`, in it. `start`: go on where another song ended, with its sampling and tempo unless others are
    given, and with its random numbers if the seed is the same. `on_progress` is called with the seconds, or bars, made
    so far. `guard`: step back from what is no music (guard.py) and draw again. Raises UgenError when something is out
    of range, GuardError when the model keeps at it.
    """
    drawn: list[Tokens] = [np.zeros(0, np.uint16)]
    tempos: list[tuple[int, int]] = []
    meters: list[tuple[int, int, int]] = []
    mended: list[str] = []
    made = Performance(
        model, seed, sampling, seconds=seconds, bars=bars, tempo=tempo, primer=primer, keep_primer=keep_primer,
        start=start, guard=guard, on_progress=on_progress, on_mended=mended.append, on_tokens=drawn.append,
        on_tempo=lambda *tempo: tempos.append(tempo), on_meter=lambda *meter: meters.append(meter),
    )  # fmt: skip
    notes = np.array([tuple(row) for row in made if row is not None], NOTE)
    score = Score.build(notes, made.ticks_per_beat, tempos, meters)
    if guard and made.length >= LEAST_NOTELESS and not len(notes):
        raise GuardError(f"the model makes no music: {made.length:g} s without a note")
    return Song(score, np.concatenate(drawn), made.length, seed, tuple(mended), made.state())


def tokens_of(model: Model, score: Score, seconds: float | None = None) -> Tokens:
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
