"""How well a model predicts held-out pieces, in units that compare across codecs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ugen.data import Codec
from ugen.data.corpus.corpus import Corpus, ManifestRow
from ugen.train.batches import Tokens, passes
from ugen.train.distributed import World
from ugen.train.forward import run_chunk, step_nats, to_batch
from ugen.train.model import LstmModel

_BATCH, _CHUNK = 16, 512
_TOP = 5


@dataclass(frozen=True)
class HeldOutSet:
    """Held-out pieces, and what their steps stand for. `tokens`: steps to predict, tokens or
    vectors."""

    pieces: Sequence[Tokens]
    tokens: int
    notes: int
    seconds: float

    @classmethod
    def from_rows(cls, corpus: Corpus, rows: Sequence[ManifestRow]) -> HeldOutSet:
        """The pieces of some manifest rows."""
        pieces = [corpus.piece(row) for row in rows]
        steps = sum(len(corpus.codec.to_inputs(piece)) for piece in pieces)
        return cls(pieces, steps, sum(row.notes for row in rows), sum(row.seconds for row in rows))

    @classmethod
    def subset(cls, corpus: Corpus, rows: Sequence[ManifestRow], tokens: int) -> HeldOutSet:
        """Pieces from all over a list, about so many tokens in all, at least one piece."""
        chosen: list[ManifestRow] = []
        left = tokens
        for i in np.random.default_rng(0).permutation(len(rows)):
            if not chosen or rows[i].tokens <= left:
                chosen.append(rows[i])
                left -= rows[i].tokens
        return cls.from_rows(corpus, chosen)


@dataclass(frozen=True)
class Scores:
    """Losses in nats, shares of 1. For tokens:

    `accuracy`: the likeliest token is right; `accuracy_events` counts no targets that only move
    time; `top5`, `top5_events`: the right one is among the five likeliest. `time_predicted`,
    `time_true`: share of tokens that only move time. `favourite`: the event most often predicted,
    its share of predictions and of the truth.

    For vectors: `nats_token` is per step over all keys. `accuracy` is that of frames (Bay et al.
    2009): keys rightly predicted to sound, over all that sound or were predicted to; `top5` is the
    share of sounding keys among the five likeliest; time is a step in which nothing sounds; the
    favourite is the key most often predicted.
    """

    nats_token: float
    nats_note: float
    nats_second: float
    accuracy: float
    accuracy_events: float
    top5: float
    top5_events: float
    time_predicted: float
    time_true: float
    favourite: str
    favourite_predicted: float
    favourite_true: float

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON."""
        return asdict(self)


@torch.no_grad()
def evaluate(
    model: LstmModel,
    heldout: HeldOutSet,
    codec: Codec,
    device: torch.device,
    world: World | None = None,
) -> Scores:
    """Play every held-out piece through the model from the zero state and score each next step.

    In a `world` of several processes each plays a share, and all get the whole's scores.
    """
    world = world or World()
    training = model.training
    model.eval()
    pieces = sorted(heldout.pieces, key=len, reverse=True)[world.rank :: world.size]
    batch = max(min(_BATCH, len(pieces)), 1)
    state = model.state(batch)
    tally = (_FrameTally if codec.input == "frame" else _TokenTally)(codec, device)
    for chunk in passes(pieces, codec, batch, _CHUNK):
        here = to_batch(chunk, device)
        top, state = run_chunk(model, here, state)
        logits = model.logits(top, here.x)
        tally.add(
            logits[here.live].float(),
            here.y[here.live],
            step_nats(logits, here.y)[here.live].double().sum(),
        )
    model.train(training)
    world.sum(tally.sums, tally.predicted, tally.true)
    return tally.scores(heldout)


class _TokenTally:
    """Sums over tokens: nats, tokens, right, in top 5, events, events right, events in top 5."""

    def __init__(self, codec: Codec, device: torch.device):
        self._codec = codec
        self._is_time = torch.from_numpy(codec.is_time).to(device)
        self.sums = torch.zeros(7, dtype=torch.float64, device=device)
        self.predicted = torch.zeros(codec.vocabulary, dtype=torch.int64, device=device)
        self.true = torch.zeros_like(self.predicted)

    def add(self, logits: Tensor, y: Tensor, nats: Tensor) -> None:
        """logits float32 [n, vocabulary], y int64 [n]."""
        guess = logits.argmax(-1)
        likelier = (logits > logits.gather(1, y[:, None])).sum(-1)
        right, among, event = guess == y, likelier < _TOP, ~self._is_time[y]
        counts = torch.ones_like(right), right, among, event, right & event, among & event
        self.sums += torch.stack([nats, *(count.sum().double() for count in counts)])
        self.predicted += torch.bincount(guess, minlength=len(self.predicted))
        self.true += torch.bincount(y, minlength=len(self.true))

    def scores(self, heldout: HeldOutSet) -> Scores:
        """What the sums mean."""
        nats, tokens, right, among, events, events_right, events_among = self.sums.tolist()
        best = int(self.predicted.argmax())
        events = max(events, 1)
        return Scores(
            nats / tokens,
            nats / max(heldout.notes, 1),
            nats / max(heldout.seconds, 1e-9),
            right / tokens,
            events_right / events,
            among / tokens,
            events_among / events,
            int(self.predicted[self._is_time].sum()) / tokens,
            int(self.true[self._is_time].sum()) / tokens,
            self._codec.events[best],
            int(self.predicted[best]) / tokens,
            int(self.true[best]) / tokens,
        )


class _FrameTally:
    """Sums over vectors: nats, steps, keys right, keys sounding or predicted, keys sounding, keys
    in top 5, steps predicted silent, steps silent."""

    def __init__(self, codec: Codec, device: torch.device):
        self._codec = codec
        self.sums = torch.zeros(8, dtype=torch.float64, device=device)
        self.predicted = torch.zeros(codec.vocabulary, dtype=torch.int64, device=device)
        self.true = torch.zeros_like(self.predicted)

    def add(self, logits: Tensor, y: Tensor, nats: Tensor) -> None:
        """logits, y float32 [n, keys]."""
        guess, sounding = logits > 0, y > 0
        among = sounding.gather(1, logits.topk(_TOP).indices)
        counts = (
            torch.ones_like(nats) * len(y),
            (guess & sounding).sum(),
            (guess | sounding).sum(),
            sounding.sum(),
            among.sum(),
            (~guess.any(-1)).sum(),
            (~sounding.any(-1)).sum(),
        )
        self.sums += torch.stack([nats, *(count.double() for count in counts)])
        self.predicted += guess.sum(0)
        self.true += sounding.sum(0)

    def scores(self, heldout: HeldOutSet) -> Scores:
        """What the sums mean. Silence is no target here, so leaving it out changes no share."""
        nats, steps, right, either, sounding, among, silent_guess, silent = self.sums.tolist()
        best = int(self.predicted.argmax())
        accuracy, top5 = right / max(either, 1), among / max(sounding, 1)
        return Scores(
            nats / steps,
            nats / max(heldout.notes, 1),
            nats / max(heldout.seconds, 1e-9),
            accuracy,
            accuracy,
            top5,
            top5,
            silent_guess / steps,
            silent / steps,
            self._codec.events[best],
            int(self.predicted[best]) / steps,
            int(self.true[best]) / steps,
        )
