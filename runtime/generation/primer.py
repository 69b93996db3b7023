"""Music to continue from, as tokens of a model."""

from __future__ import annotations

from ugen.data import Score, UgenError, arrange
from ugen.data.codecs.base import Tokens
from ugen.runtime.inference.model import Model

from .settings import MAX_SECONDS
from .song_state import MAX_TOKENS


def tokens_of(model: Model, score: Score, seconds: float | None = None) -> Tokens:
    """Music as tokens of the model's codec, to continue from: arranged like the model's training
    music, the first `seconds` of it. Raises UgenError when nothing is left of it."""
    codec = model.card.codec
    score = arrange(score, model.card.arrangement)
    if seconds is not None:
        if not 0 < seconds <= MAX_SECONDS:
            reason = f"must be more than 0 and at most {MAX_SECONDS:.0f}"
            raise UgenError(reason, flag="--primer-seconds", value=seconds)
        score = score.until(score.tick_at(seconds))
    if not len(score.notes):
        raise UgenError("no notes in it for this model", flag="--primer")
    tokens = codec.encode(score).tokens
    if len(tokens) > MAX_TOKENS:
        reason = f"{len(tokens)} tokens; {MAX_TOKENS} are the most. Use --primer-seconds"
        raise UgenError(reason, flag="--primer")
    return tokens[:-1] if codec.end is not None and tokens[-1] == codec.end else tokens
