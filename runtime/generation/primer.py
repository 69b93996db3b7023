"""Music to continue from, as tokens of a model."""

from __future__ import annotations

from ugen.data import Score, UgenError
from ugen.data.codecs.base import Tokens
from ugen.runtime.inference.model import Model

from .note_stream import LONGEST_SECONDS

MAX_PRIMER = 1 << 17  # tokens: an hour or more


def tokens_of(model: Model, score: Score, seconds: float | None = None) -> Tokens:
    """Music as the tokens of a model's codec, to go on from: arranged as what the model learned,
    the first `seconds` of it. Raises UgenError when nothing is left of it."""
    from ugen.data import arrange

    codec = model.card.codec
    score = arrange(score, model.card.arrangement)
    if seconds is not None:
        if not 0 < seconds <= LONGEST_SECONDS:
            raise UgenError(
                f"--primer-seconds {seconds}: must be more than 0 and at most {LONGEST_SECONDS:.0f}"
            )
        score = score.until(score.tick_at(seconds))
    if not len(score.notes):
        raise UgenError("--primer: no notes in it for this model")
    tokens = codec.encode(score).tokens
    if len(tokens) > MAX_PRIMER:
        raise UgenError(
            f"--primer: {len(tokens)} tokens; {MAX_PRIMER} are the most. Use --primer-seconds"
        )
    return tokens[:-1] if codec.end is not None and tokens[-1] == codec.end else tokens
