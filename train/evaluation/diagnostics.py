"""What the numbers of a run mean, in words, and what to try: a corpus that is too small, a model
that has collapsed or memorizes.

A model has collapsed when nearly all that it predicts is one event, or time, and the music is not
like that. Every model does so in its first updates. So nothing is said before the music has been
played through once, nor because of a single evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ugen.data.text import printable

# fractions of predictions that one event, or time, may reach where the music has far less
MOST_TOP_EVENT = 0.9
MOST_TIME = 0.95
FAR_LESS = 0.6  # of the predicted fraction
# the gap between held-out and learned pieces, as a fraction of the held-out loss
MEMORIZED_GAP = 0.5
# weights for each token; at 24 a model of a fifth the size still did worse
MOST_WEIGHTS_PER_TOKEN = 50.0
FEWEST_MINUTES = 20.0

COLLAPSE_HINT = (
    "Try a lower --lr, --class-weights 0.5, or for frames and khot a codec that does not write out "
    "every time step: --codec beats"
)

NOTHING_LEARNED = (
    "Nothing was learned: no update made held-out music more likely, and the weights kept are "
    "those of before the first update. Try more music, more time, or another --lr"
)

Row = Mapping[str, Any]  # a line of metrics.jsonl


def about_corpus(weights: int, tokens: int, seconds: float, pieces: int) -> list[str]:
    """What to say before training: the corpus is too small, in itself or for the model."""
    found = []
    if seconds < 60 * FEWEST_MINUTES:
        found.append(
            f"Your corpus is small: {pieces} pieces, {seconds / 60:.0f} minutes to learn from. "
            f"Below about {FEWEST_MINUTES:.0f} minutes a model mostly repeats what it heard; add "
            f"music of the same kind"
        )
    if weights > MOST_WEIGHTS_PER_TOKEN * tokens:
        found.append(
            f"Your corpus is too small for this model: {weights:,} weights to learn from "
            f"{tokens:,} tokens ({weights / max(tokens, 1):.0f} each). Try a smaller model, a "
            f"higher --dropout or more music"
        )
    return found


def about_first_model(name: str, known: float) -> str:
    """What to say before training where a first model learned from some of the held-out pieces."""
    return (
        f"{printable(name)} had learned from {known:.0%} of the held-out pieces: scores on them "
        "are not those of music that is new to it"
    )


def about_run(history: Sequence[Row]) -> dict[str, str]:
    """What to say of a run so far, by kind, given its evaluations."""
    found = {
        "collapse": collapse(history),
        "divergence": divergence(history),
        # what nothing was learned from is not memorized
        "overfitting": "" if history and _never_better(history) else overfitting(history),
    }
    return {kind: text for kind, text in found.items() if text}


def collapse(history: Sequence[Row]) -> str:
    """In words, how a model has collapsed, or nothing. Two evaluations in a row must agree."""
    late = [row for row in history[-2:] if row["epoch"] >= 1]
    found = [_collapsed(row) for row in late]
    return found[-1] if len(found) == 2 and all(found) else ""


def _collapsed(row: Row) -> str:
    kinds = (("rests", "time", MOST_TIME), (row["top_event"], "top_event", MOST_TOP_EVENT))
    for name, entry, most in kinds:
        predicted, actual = row[f"{entry}_predicted"], row[f"{entry}_actual"]
        if predicted > most and actual < FAR_LESS * predicted:
            return (
                f"The model has collapsed: it predicts {name} {predicted:.0%} of the time, where "
                f"the music has {actual:.0%}. {COLLAPSE_HINT}"
            )
    return ""


def divergence(history: Sequence[Row]) -> str:
    """In words, that no update has helped, or nothing. Two evaluations must agree."""
    if len(history) < 3 or not _never_better(history):
        return ""
    first, last = history[0]["nats_per_token"], history[-1]["nats_per_token"]
    return (
        f"Training diverges: the loss on held-out music is {last:.2f}, and was {first:.2f} before "
        "the first update. Try a lower --lr, or more music"
    )


def _never_better(history: Sequence[Row]) -> bool:
    """Whether every update has made held-out music less likely."""
    first, *later = (float(row["nats_per_token"]) for row in history)
    return min(later, default=first) >= first


def overfitting(history: Sequence[Row]) -> str:
    """In words, how far a model memorizes, or nothing."""
    if not history or history[-1]["known_nats_per_token"] is None:
        return ""
    best = min(row["nats_per_token"] for row in history)
    known, held_out = history[-1]["known_nats_per_token"], history[-1]["nats_per_token"]
    if held_out - known < MEMORIZED_GAP * held_out or held_out <= best:
        return ""
    return (
        f"The model memorizes the pieces: its loss is {known:.2f} on music it has heard and "
        f"{held_out:.2f} on held-out music, where it was {best:.2f}. The best weights are kept. "
        f"Try a higher --dropout, a smaller model or more music"
    )
