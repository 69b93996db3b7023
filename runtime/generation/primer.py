"""Music to continue from, as tokens of a model."""

from __future__ import annotations

import numpy as np
from ugen.data import Score, UgenError, arrange
from ugen.data.arrangement import cut_silence
from ugen.data.codecs.base import Tokens
from ugen.runtime.inference.model import Model

from .settings import MAX_SECONDS
from .song_state import MAX_TOKENS


def primer_music(model: Model, score: Score, seconds: float | None = None) -> Score:
    """Music to continue from: arranged like the model's training music, without silence before it,
    up to `seconds` after its first note. Its warnings say what was changed. Raises UgenError when
    nothing is left of it."""
    score = cut_silence(arrange(score, model.card.arrangement))
    if not len(score.notes):
        raise UgenError("no notes in it for this model", flag="--primer")
    if seconds is None:
        return score
    if not 0 < seconds <= MAX_SECONDS:
        reason = f"must be more than 0 and at most {MAX_SECONDS:.0f}"
        raise UgenError(reason, flag="--primer-seconds", value=seconds)
    first = float(score.seconds_at(np.array([score.notes["onset"][0]]))[0])
    return score.until(score.tick_at(first + seconds))


def tokens_of(model: Model, score: Score, seconds: float | None = None) -> Tokens:
    """Music as tokens that a song can begin with: the `primer` of SongSettings.

    It is arranged like the model's training music, and silence before it is cut. `seconds`: use no
    more than that of its beginning. Raises UgenError when no notes are left, or too many tokens.
    """
    codec = model.card.codec
    tokens = codec.encode(primer_music(model, score, seconds)).tokens
    if len(tokens) > MAX_TOKENS:
        reason = f"{len(tokens)} tokens; {MAX_TOKENS} are the most. Use --primer-seconds"
        raise UgenError(reason, flag="--primer")
    return tokens[:-1] if codec.end is not None and tokens[-1] == codec.end else tokens
