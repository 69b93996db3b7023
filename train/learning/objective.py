"""What an update minimizes: the nats of a chunk, with weights for each kind of token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from ugen.data import Codec
from ugen.train.forward import Batch, State, run_chunk, step_nats
from ugen.train.model import LstmModel

MOST_WEIGHT = 100.0  # classes that hardly occur are noise, and must not drown the music


class Outcome(NamedTuple):
    """`loss`: what to minimize. `nats`: the unweighted mean per step, detached. `top`: the top
    layer, [batch, time, hidden]. `state`: after the chunk, not detached."""

    loss: Tensor
    nats: Tensor
    top: Tensor
    state: State


class Likelihood(nn.Module):
    """Mean nats per step. `forward` runs once per update, so that DistributedDataParallel can wrap
    it.

    `weights` float32 [vocabulary], or None: the weight of each token; for vectors, of each key
    where it sounds, against 1 where it does not.
    """

    def __init__(self, model: LstmModel, weights: Tensor | None = None):
        super().__init__()
        self.model = model
        self.weights: Tensor | None
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, batch: Batch, state: State) -> Outcome:
        """The outcome of a chunk whose every step is live."""
        top, state = run_chunk(self.model, batch, state)
        logits = self.model.logits(self.model.dropout(top), batch.x)
        nats = step_nats(logits, batch.y)
        mean = nats.mean()
        if self.weights is None:
            loss = mean
        elif batch.y.dim() == logits.dim():
            each = binary_cross_entropy_with_logits(
                logits.float(), batch.y, reduction="none", pos_weight=self.weights
            )
            loss = each.sum(-1).mean()
        else:
            loss = (nats * self.weights[batch.y]).mean()
        return Outcome(loss, mean.detach(), top, state)


def class_weights(
    codec: Codec, counts: NDArray[np.integer], steps: int, power: float
) -> Tensor | None:
    """Weights by how often classes occur in training, to the power of -`power`; None for power 0.

    `counts` int [vocabulary]: how often each occurs in `steps` steps. The weights of tokens average
    1 over the music; a key's weight is its silent steps over its sounding ones, at least 1.
    """
    if not power:
        return None
    seen = np.maximum(counts[: codec.vocabulary].astype(np.float64), 1)
    if codec.input == "frame":
        return torch.from_numpy(
            np.clip((steps / seen - 1).clip(1) ** power, 1, MOST_WEIGHT)
        ).float()
    weights = seen**-power
    weights *= counts.sum() / (weights * counts[: codec.vocabulary]).sum()
    return torch.from_numpy(weights.clip(max=MOST_WEIGHT)).float()
