"""How well a model predicts held-out pieces, in units that compare across codecs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from ugen.data import Codec
from ugen.data.corpus import Corpus, Row

from .forward import run_chunk
from .model import LstmModel
from .streams import Tokens, passes

_BATCH, _CHUNK = 16, 512


@dataclass(frozen=True)
class Heldout:
    """The held-out pieces, and what their tokens stand for."""

    pieces: Sequence[Tokens]
    tokens: int
    notes: int
    seconds: float

    @classmethod
    def of(cls, corpus: Corpus, rows: Sequence[Row]) -> Heldout:
        """The pieces of some manifest rows."""
        pieces = [corpus.piece(row) for row in rows]
        return cls(pieces, sum(map(len, pieces)), sum(row.notes for row in rows), sum(row.seconds for row in rows))


@dataclass(frozen=True)
class Scores:
    """Losses in nats; accuracies as shares of 1. `accuracy_events` leaves time tokens out of the targets."""

    nats_token: float
    nats_note: float
    nats_second: float
    accuracy: float
    accuracy_events: float
    time_predicted: float
    time_true: float

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON."""
        return asdict(self)


@torch.no_grad()
def evaluate(model: LstmModel, heldout: Heldout, codec: Codec, device: torch.device) -> Scores:
    """Play every held-out piece through the model from the zero state and score each next token."""
    training = model.training
    model.eval()
    is_time = torch.from_numpy(codec.is_time).to(device)
    batch = min(_BATCH, len(heldout.pieces))
    state = model.state(batch)
    totals = np.zeros(6)  # nats, tokens, right, events, events right, time predicted
    for chunk in passes(heldout.pieces, codec.start, batch, _CHUNK):
        logits, y, state = run_chunk(model, chunk, state, device)
        logits, y = logits.flatten(0, 1), y.flatten()
        chunk_nats = cross_entropy(logits.float(), y, reduction="sum")
        logits, y = logits[y >= 0], y[y >= 0]
        guess = logits.argmax(-1)
        right, event = guess == y, ~is_time[y]
        counts = right.sum(), event.sum(), (right & event).sum(), is_time[guess].sum()
        totals += [float(chunk_nats), len(y), *(float(count) for count in counts)]
    model.train(training)
    nats, tokens, hits, happened, happened_hits, time_predicted = totals.tolist()
    return Scores(
        nats_token=nats / tokens,
        nats_note=nats / max(heldout.notes, 1),
        nats_second=nats / max(heldout.seconds, 1e-9),
        accuracy=hits / tokens,
        accuracy_events=happened_hits / max(happened, 1),
        time_predicted=time_predicted / tokens,
        time_true=1 - happened / tokens,
    )
