"""How well a model predicts held-out pieces, in units that compare across codecs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ugen.data import Codec
from ugen.data.analysis.scores import Scores, new_tally
from ugen.data.codecs.base import Rows
from ugen.data.corpus.corpus import Corpus, ManifestRow
from ugen.train.batches import Feed, Tokens, passes
from ugen.train.distributed import World
from ugen.train.forward import run_chunk, to_batch
from ugen.train.model import LstmModel

_BATCH, _CHUNK = 16, 512


@dataclass(frozen=True)
class HeldOutSet:
    """Held-out pieces, and how much music they are."""

    pieces: Sequence[Tokens]

    tokens: int
    """Steps to predict: tokens, or vectors."""

    notes: int

    seconds: float

    _rows: dict[Feed, list[Rows]] = field(default_factory=dict, init=False, repr=False)

    def rows(self, feed: Feed) -> list[Rows]:
        """The pieces as a model is fed them, when nothing is wished of them."""
        if feed not in self._rows:
            self._rows[feed] = [feed.rows(piece) for piece in self.pieces]
        return self._rows[feed]

    @classmethod
    def from_rows(cls, corpus: Corpus, rows: Sequence[ManifestRow]) -> HeldOutSet:
        """The pieces of some manifest rows."""
        pieces = [corpus.piece(row) for row in rows]
        steps = sum(len(corpus.codec.to_inputs(piece)) for piece in pieces)
        return cls(pieces, steps, sum(row.notes for row in rows), sum(row.seconds for row in rows))

    @classmethod
    def subset(cls, corpus: Corpus, rows: Sequence[ManifestRow], tokens: int) -> HeldOutSet:
        """A random sample of pieces, of about `tokens` tokens in all, and at least one piece."""
        chosen: list[ManifestRow] = []
        left = tokens
        for i in np.random.default_rng(0).permutation(len(rows)):
            if not chosen or rows[i].tokens <= left:
                chosen.append(rows[i])
                left -= rows[i].tokens
        return cls.from_rows(corpus, chosen)


@torch.no_grad()
def evaluate(
    model: LstmModel,
    heldout: HeldOutSet,
    codec: Codec,
    device: torch.device,
    world: World | None = None,
) -> Scores:
    """Feed every held-out piece to the model, from the zero state, and score each next step.

    In a `world` of several processes each scores a part, and all get the scores of the whole.
    """
    world = world or World()
    training = model.training
    model.eval()
    feed = Feed(codec, model.config.names)
    pieces = sorted(heldout.rows(feed), key=len, reverse=True)[world.rank :: world.size]
    batch = max(min(_BATCH, len(pieces)), 1)
    state = model.state(batch)
    tally = new_tally(codec)
    for chunk in passes(pieces, feed, batch, _CHUNK):
        here = to_batch(chunk, device)
        top, state = run_chunk(model, here, state)
        logits = model.logits(top, here.x)
        tally.add(logits[here.live].float().cpu().numpy(), chunk.y[chunk.live])
    model.train(training)
    for array in (tally.sums, tally.predicted, tally.actual):
        _sum(world, array, device)
    return tally.scores(heldout.notes, heldout.seconds)


def _sum(world: World, array: NDArray[Any], device: torch.device) -> None:
    """Add an array up over all processes, in place."""
    whole = torch.from_numpy(array).to(device)
    world.sum(whole)
    array[...] = whole.cpu().numpy()
