"""Run a model over a chunk of streams, with each stream's state carried in and reset where a piece begins."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .model import LstmModel
from .streams import Chunk

State = tuple[Tensor, Tensor]


def run_chunk(model: LstmModel, chunk: Chunk, state: State, device: torch.device) -> tuple[Tensor, Tensor, State]:
    """Logits [batch, time, vocabulary], targets int64 [batch, time], and the state after the chunk, not detached.

    An LSTM call cannot reset its state midway, so the chunk is cut at every place where any stream begins a piece.
    """
    x = torch.from_numpy(chunk.x).to(device, non_blocking=True)
    y = torch.from_numpy(chunk.y).to(device, non_blocking=True)
    width = chunk.x.shape[1]
    cuts = sorted({0, width, *np.flatnonzero(chunk.begins.any(axis=0)).tolist()})
    h, c = state
    logits = []
    for left, right in zip(cuts[:-1], cuts[1:], strict=True):
        begins = chunk.begins[:, left]
        if begins.any():
            keep = torch.from_numpy(~begins).to(device, h.dtype)[None, :, None]
            h, c = h * keep, c * keep
        out, h, c = model(x[:, left:right], h, c)
        logits.append(out)
    return logits[0] if len(logits) == 1 else torch.cat(logits, dim=1), y, (h, c)
