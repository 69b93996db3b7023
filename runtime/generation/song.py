"""Make music: feed the model its own tokens until the asked length is reached, then end every
note."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.analysis.key import parse_key
from ugen.data.codecs.base import Tokens
from ugen.data.score import NOTE
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.config import Sampling

from .guard.faults import Fault, FaultKind, GuardError
from .guarded_stream import Retry
from .note_stream import NoteStream, merged
from .settings import SongSettings
from .song_state import SongState
from .token_stream import Step, TokenStream

MIN_NOTELESS = 5.0  # seconds; a song of so much without a note is degenerate


@dataclass(frozen=True, eq=False)
class Song:
    """Generated music. `score` lasts `seconds`; `tokens`: all that were sampled, as a corpus stores
    them; `asked`: what the model was asked for, by the wish's name; `retries`: what the guard
    found and resampled; `state`: where it ended, to continue from; `in_chords`: the fraction of the
    time of notes that is in the chords asked for."""

    score: Score
    tokens: Tokens
    seconds: float
    seed: int
    asked: dict[str, str]
    retries: tuple[Retry, ...]
    state: SongState
    in_chords: float | None = None

    @property
    def key(self) -> str | None:
        """The key that the model was asked for, if it knows keys."""
        return self.asked.get("key")

    @property
    def pad_ticks(self) -> int:
        """Ticks from the end of the last note to the asked end of the song."""
        return max(self.score.tick_at(self.seconds) - self.score.end_tick, 0)

    def save(self, path: str | Path) -> None:
        """Write it as any kind of file that ugen knows, by extension: .mid, .mp3, .png, .csv, ...
        Raises UgenError."""
        from ugen.data.render.convert import write_score

        key = None if self.key is None else parse_key(self.key)
        write_score(self.score, Path(path), pad_ticks=self.pad_ticks, key=key)


def steps(model: Model, seed: int, sampling: Sampling) -> Iterator[tuple[Step, float]]:
    """Endless steps, each with the musical time in seconds reached after it. Memory stays constant.

    A step is a token, or for a model of vectors the keys that sound, bool [128].
    """
    stream = TokenStream(model, SongSettings(seed=seed, sampling=sampling))
    while True:
        step = stream.step()
        yield step, stream.cursor.seconds


def generate(
    model: Model,
    settings: SongSettings | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
    **fields: Any,
) -> Song:
    """Make a song: `generate(load(), seconds=60, seed=7)`. The same model and settings give the
    same song.

    `fields`: those of SongSettings; given beside `settings`, they replace some of them. A length,
    `seconds` or `bars`, must be among them. `on_progress` gets the seconds, or bars, made so far.

    Raises UgenError when something is out of range, and GuardError when the output stays
    degenerate.
    """
    settings = merged(settings, fields)
    if settings.is_endless:
        raise UgenError("a whole song needs seconds or bars; `stream` makes endless ones")
    tokens: list[Tokens] = [np.zeros(0, np.uint16)]
    tempos: list[tuple[int, int]] = []
    meters: list[tuple[int, int, int]] = []
    retries: list[Retry] = []
    stream = NoteStream(
        model,
        settings,
        on_progress=on_progress or (lambda made: None),
        on_retry=retries.append,
        on_tokens=tokens.append,
        on_tempo=lambda *tempo: tempos.append(tempo),
        on_meter=lambda *meter: meters.append(meter),
    )
    notes = np.array([tuple(row) for row in stream if row is not None], NOTE)
    score = Score.build(notes, stream.ticks_per_beat, tempos, meters)
    is_guarded = settings.guard and settings.kept is None
    if is_guarded and stream.length >= MIN_NOTELESS and not len(notes):
        fault = Fault(FaultKind.NO_NOTES, f"no notes in {stream.length:g} s")
        raise GuardError(f"degenerate output: {fault.text}", fault)
    if settings.kept is not None:
        has_tempos = settings.tempo is None
        codec, seed = model.card.codec, settings.seed
        score = settings.kept.restored(codec, score, seed, tempos=has_tempos)
    made = np.concatenate(tokens)
    state = stream.state()
    asked, in_chords = state.asked, stream.in_chords(made)
    return Song(score, made, stream.length, settings.seed, asked, tuple(retries), state, in_chords)
