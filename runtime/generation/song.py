"""Make music: feed the model its own draws until the asked length is reached, then end every
note."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ugen.data import Score
from ugen.data.codecs.base import Tokens
from ugen.data.score import NOTE
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.config import Sampling

from .faults import GuardError
from .note_stream import NoteStream
from .song_state import SongState
from .token_stream import Step, TokenStream

LEAST_NOTELESS = 5.0  # seconds that must not pass without a note


@dataclass(frozen=True)
class Song:
    """Generated music. `score` lasts `seconds`; `tokens` are all that were drawn, as a corpus
    stores them. `mended`: what the guard heard, stepped back from and drew again, in words.
    `state`: where it ended, to go on from."""

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
    take = TokenStream(model, seed, sampling)
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

    `sampling`: the model's own defaults when not given. `bars`: so many whole bars, in place of
    `seconds`. `tempo`: beats a minute for all of it. `primer`: tokens of music to go on from
    (`tokens_of`), before the song's beginning or, with `keep_primer`, in it. `start`: go on where
    another song ended, with its sampling and tempo unless others are given, and with its random
    numbers if the seed is the same. `on_progress` is called with the seconds, or bars, made so far.
    `guard`: step back from what is no music (guard.py) and draw again. Raises UgenError when
    something is out of range, GuardError when the model keeps at it.
    """
    drawn: list[Tokens] = [np.zeros(0, np.uint16)]
    tempos: list[tuple[int, int]] = []
    meters: list[tuple[int, int, int]] = []
    mended: list[str] = []
    made = NoteStream(
        model,
        seed,
        sampling,
        seconds=seconds,
        bars=bars,
        tempo=tempo,
        primer=primer,
        keep_primer=keep_primer,
        start=start,
        guard=guard,
        on_progress=on_progress,
        on_mended=mended.append,
        on_tokens=drawn.append,
        on_tempo=lambda *tempo: tempos.append(tempo),
        on_meter=lambda *meter: meters.append(meter),
    )
    notes = np.array([tuple(row) for row in made if row is not None], NOTE)
    score = Score.build(notes, made.ticks_per_beat, tempos, meters)
    if guard and made.length >= LEAST_NOTELESS and not len(notes):
        raise GuardError(f"the model makes no music: {made.length:g} s without a note")
    return Song(score, np.concatenate(drawn), made.length, seed, tuple(mended), made.state())
