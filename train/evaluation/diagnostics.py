"""What numbers of a run mean, in words, and what to try: a corpus too small, a model collapsed or
learning by heart.

A model has collapsed when it predicts hardly anything but one event, or but time, where the music
does not. Every model does so in its first updates, so nothing is said before the music has been
played through once, nor of a single evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FAVOURITE, TIME = (
    0.9,
    0.95,
)  # shares of predictions that one event, or time, may reach while the truth has far less
FAR_LESS = 0.6  # of the predicted share
# of the held-out loss, less on learned pieces by so much, while the held-out ones get worse
LEARNED_BY_HEART = 0.5
WEIGHTS_A_TOKEN = (
    50.0  # more weights than this for each token; at 24 a model of a fifth the size still did worse
)
FEWEST_MINUTES = 20.0

Row = Mapping[str, Any]  # a line of metrics.jsonl


def about_corpus(weights: int, tokens: int, seconds: float, pieces: int) -> list[str]:
    """What is to be said before training: the corpus is too small, in itself or for the model."""
    found = []
    if seconds < 60 * FEWEST_MINUTES:
        found.append(
            f"Your corpus is small: {pieces} pieces, {seconds / 60:.0f} minutes to learn from. Below about "
            f"{FEWEST_MINUTES:.0f} minutes a model mostly repeats what it heard; add music of the same kind"
        )
    if weights > WEIGHTS_A_TOKEN * tokens:
        found.append(
            f"Your corpus is too small for this model: {weights:,} weights to learn from {tokens:,} tokens "
            f"({weights / max(tokens, 1):.0f} each). Try a smaller model, a higher --dropout or more music"
        )
    return found


def about_run(history: Sequence[Row]) -> list[str]:
    """What is to be said of a run so far, given its evaluations."""
    return [text for text in (collapse(history), overfitting(history)) if text]


def collapse(history: Sequence[Row]) -> str:
    """In words, how a model has collapsed, or nothing. Two evaluations in a row must agree."""
    late = [row for row in history[-2:] if row["epoch"] >= 1]
    found = [_collapsed(row) for row in late]
    return found[-1] if len(found) == 2 and all(found) else ""


def _collapsed(row: Row) -> str:
    favourite, time = row["top_event_predicted"], row["time_predicted"]
    hint = (
        "Try a lower --lr, --class-weights 0.5, or for frames and khot a codec whose time is not written out step by "
        "step: --codec beats"
    )
    if time > TIME and row["time_actual"] < FAR_LESS * time:
        return (
            f"The model has collapsed: it predicts rests {time:.0%} of the time, where the music has "
            f"{row['time_actual']:.0%}. {hint}"
        )
    if favourite > FAVOURITE and row["top_event_actual"] < FAR_LESS * favourite:
        return (
            f"The model has collapsed: it predicts {row['top_event']} {favourite:.0%} of the time, where the music has "
            f"{row['top_event_actual']:.0%}. {hint}"
        )
    return ""


def overfitting(history: Sequence[Row]) -> str:
    """In words, how far a model learns by heart, or nothing."""
    best = min((row["nats_per_token"] for row in history), default=0.0)
    last = history[-1] if history else None
    if last is None or last["known_nats_per_token"] is None:
        return ""
    gap = last["nats_per_token"] - last["known_nats_per_token"]
    if gap < LEARNED_BY_HEART * last["nats_per_token"] or last["nats_per_token"] <= best:
        return ""
    return (
        f"The model is learning the pieces by heart: a loss of {last['known_nats_per_token']:.2f} on music it has heard, "
        f"of {last['nats_per_token']:.2f} on music it has not, and the latter was {best:.2f}. The best weights are kept. "
        f"Try a higher --dropout, a smaller model or more music"
    )
