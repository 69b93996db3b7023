"""How well a model predicts pieces, each from the zero state, as training scores held-out music.

from ugen.runtime import load
from ugen.runtime import read_piece, score
model = load("model.onnx")
scores = score(model, [read_piece("song.mid", model.card)])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, UgenError
from ugen.data.analysis.scores import Scores, new_tally
from ugen.data.codecs.base import Inputs, Rows
from ugen.runtime.inference.model import Model, Stream
from ugen.runtime.model_file.card import Card
from ugen.runtime.model_file.format import SHARED_SCALES

from .pieces import Piece

BATCH = 16

_HELD = 128  # steps whose logits are counted at once


def score(
    model: Model, pieces: Sequence[Piece], on_progress: Callable[[int], None] | None = None
) -> Scores:
    """How well a model predicts each next token of some pieces, as `read_piece` gives them: mean
    losses in nats per token, per note and per second, and accuracies.

    `on_progress` gets the number of tokens so far. Raises UgenError when there are no pieces.
    """
    codec = model.card.codec
    if not pieces:
        raise UgenError("no pieces to score")
    tally = new_tally(codec)
    done = 0
    batch = 1 if model.card.precision in SHARED_SCALES else min(BATCH, len(pieces))
    for logits, targets in _predictions(model, pieces, batch):
        tally.add(logits, targets)
        done += len(targets)
        if on_progress is not None:
            on_progress(done)
    notes, seconds = sum(piece.notes for piece in pieces), sum(piece.seconds for piece in pieces)
    return tally.scores(notes, seconds)


class PieceCursor:
    """Where one stream is in its piece: the rows that are fed, and what comes after each."""

    def __init__(self) -> None:
        self.rows: Rows = np.zeros((0, 1), np.int64)
        self.targets: Inputs = np.zeros(0, np.int64)
        self.at = 0

    def begin(self, codec: Codec, rows: Rows) -> None:
        """Go to the start of a piece."""
        self.rows, self.targets = rows, codec.targets(rows)[1:]
        self.at = 0

    def over(self) -> bool:
        """Whether nothing is left to predict."""
        return self.at >= len(self.targets)


def _predictions(
    model: Model, pieces: Sequence[Piece], batch: int
) -> Iterator[tuple[NDArray[np.float32], Inputs]]:
    """Logits [steps, vocabulary] and what followed, of all pieces, the longest first; each starts
    from zeros, and nothing is wished of it."""
    codec, stream = model.card.codec, model.stream(batch)
    waiting = sorted(pieces, key=lambda piece: len(codec.to_inputs(piece.tokens)))
    cursors = [PieceCursor() for _ in range(batch)]
    logits: list[NDArray[np.float32]] = []
    targets: list[Any] = []
    while live := _fed(model.card, stream, cursors, waiting):
        stream.advance()
        logits.append(stream.logits[live, 0])
        targets += [cursors[row].targets[cursors[row].at] for row in live]
        for row in live:
            cursors[row].at += 1
        if len(targets) >= _HELD:
            yield np.concatenate(logits), np.array(targets)
            logits, targets = [], []
    if targets:
        yield np.concatenate(logits), np.array(targets)


def _fed(
    card: Card, stream: Stream, cursors: Sequence[PieceCursor], waiting: list[Piece]
) -> list[int]:
    """Put each stream's next step where the model reads it, starting waiting pieces. Gives the
    streams that have a step to predict."""
    live = []
    for row, each in enumerate(cursors):
        while each.over() and waiting:
            items = card.codec.to_inputs(waiting.pop().tokens)
            each.begin(card.codec, card.codec.to_rows(items, card.column_names))
            for part in stream.state:
                part[:, row] = 0
        if not each.over():
            stream.x[row] = each.rows[each.at]
            live.append(row)
    return live
