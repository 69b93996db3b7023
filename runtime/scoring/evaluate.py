"""How well a model predicts pieces, piece by piece from the zero state, as training scores its
held-out music.

from ugen.runtime import load
from ugen.runtime.score import read_piece, score
scores = score(load("model.onnx"), [read_piece("song.mid", model.card)])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, UgenError
from ugen.data.codecs.base import Inputs
from ugen.runtime.inference.model import Model, Stream

from .pieces import Piece

BATCH, TOP = 16, 5

SHARED = (
    "int8",
    "int4",
)  # precisions in which the streams of a batch share scales: their pieces go one by one

_HELD = 128  # steps whose logits are counted at once


@dataclass(frozen=True)
class Scores:
    """Losses in nats, shares of 1, with the definitions of training's own scores (docs/scoring.md).

    For tokens: `accuracy`: the likeliest is right; `top5`: the right one is among the five
    likeliest; `accuracy_events` and `top5_events` count no targets that only move time. For
    vectors: `nats_token` is a step's, over all keys; `accuracy` is that of frames (Bay et al.
    2009); `top5` the share of sounding keys among the five likeliest.
    """

    pieces: int
    tokens: int
    notes: int
    seconds: float
    nats_token: float
    nats_note: float
    nats_second: float
    accuracy: float
    accuracy_events: float
    top5: float
    top5_events: float

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON."""
        return asdict(self)


# what the model makes of it


def score(
    model: Model, pieces: Sequence[Piece], on_progress: Callable[[int], None] = lambda steps: None
) -> Scores:
    """Score each next step of every piece. `on_progress` is called with the steps taken so far.
    Raises UgenError when there is none."""
    codec = model.card.codec
    if not pieces:
        raise UgenError("no pieces to score")
    tally: _FrameTally | _TokenTally = (_FrameTally if codec.input == "frame" else _TokenTally)(
        codec
    )
    done = 0
    batch = 1 if model.card.precision in SHARED else min(BATCH, len(pieces))
    for logits, y in _predictions(
        model, [codec.to_inputs(piece.tokens) for piece in pieces], batch
    ):
        tally.add(logits, y)
        done += len(y)
        on_progress(done)
    nats, steps = tally.nats, tally.steps
    notes, seconds = sum(piece.notes for piece in pieces), sum(piece.seconds for piece in pieces)
    return Scores(
        len(pieces),
        steps,
        notes,
        seconds,
        nats / steps,
        nats / max(notes, 1),
        nats / max(seconds, 1e-9),
        *tally.shares(),
    )


class _Playing:
    """One stream's piece, the start before it, and where in it the stream stands."""

    def __init__(self) -> None:
        self.items: Inputs = np.zeros(1, np.int64)
        self.at = 0

    def over(self) -> bool:
        """Whether nothing is left to predict."""
        return self.at >= len(self.items) - 1


def _predictions(
    model: Model, pieces: Sequence[Inputs], batch: int
) -> Iterator[tuple[NDArray[np.float32], Inputs]]:
    """Logits [steps, vocabulary] and what came, of all pieces, the longest first; a piece begins
    from zeros."""
    codec, stream = model.card.codec, model.stream(batch)
    waiting = sorted((codec.with_start(piece) for piece in pieces), key=len)
    playing = [_Playing() for _ in range(batch)]
    logits: list[NDArray[np.float32]] = []
    came: list[Any] = []
    while live := _fed(stream, playing, waiting):
        stream.advance()
        logits.append(stream.logits[live, 0])
        came += [playing[row].items[playing[row].at + 1] for row in live]
        for row in live:
            playing[row].at += 1
        if len(came) >= _HELD:
            yield np.concatenate(logits), np.array(came)
            logits, came = [], []
    if came:
        yield np.concatenate(logits), np.array(came)


def _fed(stream: Stream, playing: Sequence[_Playing], waiting: list[Inputs]) -> list[int]:
    """Put each stream's next step where the model reads it, taking up pieces; the streams with one
    to predict."""
    live = []
    for row, each in enumerate(playing):
        while each.over() and waiting:
            each.items, each.at = waiting.pop(), 0
            for part in stream.state:
                part[:, row] = 0
        if not each.over():
            stream.x[row, 0] = each.items[each.at]
            live.append(row)
    return live


class _TokenTally:
    """Sums over tokens."""

    def __init__(self, codec: Codec):
        self._is_time = codec.is_time
        self.nats, self.steps = 0.0, 0
        self._counts = np.zeros(
            5
        )  # right, among the likeliest, events, and of these right, among the likeliest

    def add(self, logits: NDArray[np.float32], y: NDArray[np.int64]) -> None:
        """logits [n, vocabulary], y [n]."""
        wide = logits.astype(np.float64)
        largest = wide.max(axis=1)
        own = wide[np.arange(len(y)), y]
        self.nats += float(
            (np.log(np.exp(wide - largest[:, None]).sum(axis=1)) + largest - own).sum()
        )
        self.steps += len(y)
        right, among = wide.argmax(axis=1) == y, (wide > own[:, None]).sum(axis=1) < TOP
        event = ~self._is_time[y]
        self._counts += [
            count.sum() for count in (right, among, event, right & event, among & event)
        ]

    def shares(self) -> tuple[float, float, float, float]:
        """Accuracy, of events, top five, of events."""
        right, among, events, events_right, events_among = (float(count) for count in self._counts)
        events = max(events, 1)
        return right / self.steps, events_right / events, among / self.steps, events_among / events


class _FrameTally:
    """Sums over vectors."""

    def __init__(self, codec: Codec):
        self.nats, self.steps = 0.0, 0
        self._counts = np.zeros(
            4
        )  # keys right, sounding or predicted to, sounding, sounding among the likeliest

    def add(self, logits: NDArray[np.float32], y: NDArray[np.bool_]) -> None:
        """logits, y [n, keys]."""
        wide = logits.astype(np.float64)
        self.nats += float(np.logaddexp(0, wide).sum() - wide[y].sum())
        self.steps += len(y)
        guess = wide > 0
        best = np.argpartition(-wide, TOP - 1, axis=1)[:, :TOP]
        self._counts += [
            count.sum() for count in (guess & y, guess | y, y, np.take_along_axis(y, best, axis=1))
        ]

    def shares(self) -> tuple[float, float, float, float]:
        """As _TokenTally's; silence is no target, so that leaving time out changes none."""
        right, either, sounding, among = (float(count) for count in self._counts)
        accuracy, top5 = right / max(either, 1), among / max(sounding, 1)
        return accuracy, accuracy, top5, top5
