"""How well a model predicts music: the scores, their definitions, and the sums they are made from.

Training, ugen-score and export-ugen all count with these. Steps are tokens, or vectors of keys that
sound (frames, khot). Losses are in nats; the other numbers are fractions of 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Codec
from ugen.data.json_values import from_json
from ugen.data.text import printable

TOP = 5
_MOST_BASELINES, _LONGEST_NAME = 8, 20
_NAME, _CELL = 22, 11  # columns of a table's cells
_COLUMNS = {
    "nats_per_token": ".3f",
    "nats_per_note": ".2f",
    "nats_per_second": ".2f",
    "accuracy": ".1%",
    "accuracy_without_time": ".1%",
    "top5": ".1%",
    "top5_without_time": ".1%",
}

Logits = NDArray[np.floating]


@dataclass(frozen=True)
class Scores:
    """How well a model predicts some music."""

    nats_per_token: float
    """Mean loss of a token; for vectors, of a step, all keys together."""

    nats_per_note: float
    """The loss of the whole music, divided by its notes: compares across codecs."""

    nats_per_second: float
    """The loss of the whole music, divided by its seconds: compares across codecs."""

    accuracy: float
    """How often the likeliest token is the right one. For vectors the accuracy of frames (Bay et
    al. 2009): keys rightly predicted to sound, of all that sound or are predicted to."""

    accuracy_without_time: float
    """Accuracy on the tokens that do more than move time. For vectors the same as `accuracy`."""

    top5: float
    """How often the right token is among the five likeliest. For vectors, the fraction of sounding
    keys that are."""

    top5_without_time: float
    """`top5` on the tokens that do more than move time. For vectors the same as `top5`."""

    time_predicted: float
    """How often the likeliest token only moves time; for vectors, no key is predicted to sound."""

    time_actual: float
    """The fraction of tokens that only move time; for vectors, of steps in which nothing sounds."""

    top_event: str
    """The event that is most often the likeliest; for vectors, the key most often predicted."""

    top_event_predicted: float
    """How often the top event is predicted."""

    top_event_actual: float
    """How often the top event occurs in the music."""


@dataclass(frozen=True)
class Baseline:
    """How well a predictor that only counts does on the same music."""

    nats_per_token: float
    """Mean loss of a token, or of a step of vectors."""

    accuracy: float
    """As in `Scores`."""


def step_nats(logits: Logits, targets: NDArray[Any]) -> NDArray[np.float64]:
    """The loss of each step, float64 [n]. `logits` [n, vocabulary]; `targets`: token ids [n], or
    vectors [n, vocabulary] of zeros and ones."""
    if targets.ndim == logits.ndim:  # log(1 + exp(x)), less x where the key sounds
        softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
        nats: NDArray[np.float64] = (softplus - logits * targets).sum(-1, dtype=np.float64)
        return nats
    largest = logits.max(-1, keepdims=True)
    total = np.exp(logits - largest).sum(-1, dtype=np.float64)
    log_likelihoods = (_of_targets(logits, targets) - largest)[:, 0]
    return np.log(total) - log_likelihoods  # type: ignore[no-any-return]


class Tally:
    """Sums over scored steps. `sums`, `predicted` and `actual` add up over processes."""

    names: Sequence[str]

    def __init__(self, codec: Codec):
        self._codec = codec
        self.sums = np.zeros(len(self.names))
        self.predicted = np.zeros(codec.vocabulary, np.int64)
        self.actual = np.zeros(codec.vocabulary, np.int64)

    def add(self, logits: Logits, targets: NDArray[Any]) -> None:
        """Count some steps; the arrays are those of `step_nats`."""
        raise NotImplementedError

    def scores(self, notes: int, seconds: float) -> Scores:
        """The scores of what was counted: music of `notes` notes and `seconds` seconds."""
        each = dict(zip(self.names, self.sums.tolist(), strict=True))
        steps, top = each["steps"], int(self.predicted.argmax())
        return Scores(
            nats_per_token=each["nats"] / steps,
            nats_per_note=each["nats"] / max(notes, 1),
            nats_per_second=each["nats"] / max(seconds, 1e-9),
            **self._fractions(each),
            top_event=self._codec.events[top],
            top_event_predicted=int(self.predicted[top]) / steps,
            top_event_actual=int(self.actual[top]) / steps,
        )

    def _fractions(self, each: Mapping[str, float]) -> dict[str, float]:
        raise NotImplementedError


class TokenTally(Tally):
    """Sums over tokens."""

    names = "nats", "steps", "right", "among", "events", "events_right", "events_among"

    def add(self, logits: Logits, targets: NDArray[np.integer]) -> None:
        guess = logits.argmax(-1)
        likelier = np.count_nonzero(logits > _of_targets(logits, targets), axis=-1)
        right, among = guess == targets, likelier < TOP
        event = ~self._codec.is_time[targets]
        counts = right, among, event, right & event, among & event
        nats = step_nats(logits, targets).sum()
        self.sums += [nats, len(targets), *(np.count_nonzero(count) for count in counts)]
        self.predicted += np.bincount(guess, minlength=len(self.predicted))
        self.actual += np.bincount(targets, minlength=len(self.actual))

    def _fractions(self, each: Mapping[str, float]) -> dict[str, float]:
        steps, events = each["steps"], max(each["events"], 1)
        is_time = self._codec.is_time
        return {
            "accuracy": each["right"] / steps,
            "accuracy_without_time": each["events_right"] / events,
            "top5": each["among"] / steps,
            "top5_without_time": each["events_among"] / events,
            "time_predicted": int(self.predicted[is_time].sum()) / steps,
            "time_actual": int(self.actual[is_time].sum()) / steps,
        }


class VectorTally(Tally):
    """Sums over vectors, in which silence is no target: leaving time out changes no fraction."""

    names = "nats", "steps", "right", "either", "keys", "among", "silent_predicted", "silent"

    def add(self, logits: Logits, targets: NDArray[Any]) -> None:
        guess, sounding = logits > 0, targets > 0
        best = np.argpartition(logits, -TOP, axis=-1)[:, -TOP:]
        among = np.take_along_axis(sounding, best, axis=-1)
        counts = guess & sounding, guess | sounding, sounding, among
        silent = ~guess.any(-1), ~sounding.any(-1)
        nats = step_nats(logits, targets).sum()
        self.sums += [nats, len(targets), *(np.count_nonzero(c) for c in (*counts, *silent))]
        self.predicted += guess.sum(0)
        self.actual += sounding.sum(0)

    def _fractions(self, each: Mapping[str, float]) -> dict[str, float]:
        accuracy = each["right"] / max(each["either"], 1)
        top5 = each["among"] / max(each["keys"], 1)
        return {
            "accuracy": accuracy,
            "accuracy_without_time": accuracy,
            "top5": top5,
            "top5_without_time": top5,
            "time_predicted": each["silent_predicted"] / each["steps"],
            "time_actual": each["silent"] / each["steps"],
        }


def new_tally(codec: Codec) -> Tally:
    """An empty tally of a codec's steps."""
    return VectorTally(codec) if codec.input == "frame" else TokenTally(codec)


def _of_targets(logits: Logits, targets: NDArray[np.integer]) -> Logits:
    """Each target's own logit, [n, 1]."""
    own: Logits = np.take_along_axis(logits, targets[:, None].astype(np.int64), -1)
    return own


# beside the baselines


def scores_from_json(value: Any) -> Scores | None:
    """The scores that an object of a file holds among other entries; None where it has not all."""
    values = value if isinstance(value, dict) else {}
    try:
        return from_json(
            Scores, {e.name: values[e.name] for e in fields(Scores) if e.name in values}
        )
    except ValueError:
        return None


def baselines_from_json(value: Any) -> dict[str, Baseline]:
    """Baselines by name, without those that are not what they should be."""
    found = {}
    for name, entry in list(value.items())[:_MOST_BASELINES] if isinstance(value, dict) else ():
        with suppress(ValueError):
            found[printable(name[:_LONGEST_NAME])] = from_json(Baseline, entry)
    return found


def comparison(
    music: str, scores: Scores | None, baselines: Mapping[str, Baseline], input: str
) -> tuple[list[str], list[list[str]]]:
    """The heads and the rows of a table: a model and the baselines on some music, the best first.

    A baseline's loss per note and per second is scaled as the model's is: the music is the same.
    """
    found: dict[str, Scores | Baseline] = {
        **baselines,
        **({"this model": scores} if scores else {}),
    }
    ordered = sorted(found.items(), key=lambda item: item[1].nats_per_token)
    rows = [[name, *_cells(_scaled(each, scores))] for name, each in ordered]
    unit, accuracy = ("step", "keys right") if input == "frame" else ("token", "accuracy")
    heads = [music, f"nats/{unit}", "per note", "per second"]
    return [*heads, accuracy, "no time", f"top {TOP}", "no time"], rows


def comparison_lines(
    music: str,
    scores: Scores | None,
    baselines: Mapping[str, Baseline],
    input: str,
    width: int | None = None,
) -> list[str]:
    """The same as lines of text; none where there is nothing to compare. `width`: of a terminal,
    on which the last columns may find no room."""
    head, rows = comparison(music, scores, baselines, input)
    most = len(head) if width is None else 1 + (width - _NAME) // _CELL
    shown = [i for i in range(len(head)) if any(row[i] for row in rows)][:most]
    lines = [head, *([f"  {name}", *cells] for name, *cells in rows)]
    text = [
        f"{line[0]:{_NAME}}" + "".join(f"{line[i]:>{_CELL}}" for i in shown[1:]) for line in lines
    ]
    return [line.rstrip() for line in text] if rows else []


NOTE = "nats measure surprise: less is better; no time: without what only moves time"


# what a card's scores are of, by entry: music that is new to the model, or not quite
OWN_MUSIC = {"held_out": "held-out music", "known_to_first_model": "known to first model"}


def own_scores(provenance: Mapping[str, Any]) -> tuple[str, Scores | None]:
    """What a model's own scores are of, in words, and the scores, if there are any."""
    for entry, words in OWN_MUSIC.items():
        if (scores := scores_from_json(provenance.get(entry))) is not None:
            return words, scores
    return OWN_MUSIC["held_out"], None


def _scaled(each: Scores | Baseline, scores: Scores | None) -> Mapping[str, Any]:
    """The numbers of a row, a baseline's with its loss per note and per second."""
    values = vars(each)
    if isinstance(each, Baseline) and scores and scores.nats_per_token:
        ratio = each.nats_per_token / scores.nats_per_token
        names = "nats_per_note", "nats_per_second"
        return {**values, **{name: ratio * getattr(scores, name) for name in names}}
    return values


def _cells(values: Mapping[str, Any]) -> list[str]:
    """A row's numbers; nothing for one that is not known or would not fit."""
    numbers = ((values.get(name, math.nan), form) for name, form in _COLUMNS.items())
    return [format(each, form) if abs(each) < 1e9 else "" for each, form in numbers]
