"""Run a model over a chunk of streams, with each stream's state carried in and reset where a piece
begins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from .batches import Chunk
from .model import LstmModel

State = tuple[Tensor, Tensor]


class Batch(NamedTuple):
    """A chunk on the model's device. `x`: int64 [batch, time, 1 + columns], `y`: int64 [batch,
    time]; or both float32 [batch, time, keys]. `live`: bool [batch, time]. `begins` stays on the
    host, where the cuts are made."""

    x: Tensor
    y: Tensor
    live: Tensor
    begins: NDArray[np.bool_]


def to_batch(chunk: Chunk, device: torch.device) -> Batch:
    """Copy a chunk to a device; from pinned memory, so that a GPU need not wait for it."""

    def on_device(array: NDArray[np.generic]) -> Tensor:
        host = torch.from_numpy(array)
        if device.type == "cuda":
            return host.pin_memory().to(device, non_blocking=True)
        return host.to(device)

    x, y = on_device(chunk.x), on_device(chunk.y)
    if x.dtype == torch.bool:
        x, y = x.float(), y.float()
    return Batch(x, y, on_device(chunk.live), chunk.begins)


def run_chunk(model: LstmModel, batch: Batch, state: State) -> tuple[Tensor, State]:
    """The top layer [batch, time, hidden] before its dropout, and the state after the chunk, not
    detached.

    An LSTM call cannot reset its state midway, so the chunk is cut at every place where any stream
    begins a piece.
    """
    width = batch.begins.shape[1]
    cuts = sorted({0, width, *np.flatnonzero(batch.begins.any(axis=0)).tolist()})
    h, c = state
    tops = []
    for left, right in zip(cuts[:-1], cuts[1:], strict=True):
        begins = batch.begins[:, left]
        if begins.any():
            keep = torch.from_numpy(~begins).to(h.device, h.dtype)[None, :, None]
            h, c = h * keep, c * keep
        top, h, c = model.hidden_sequence(batch.x[:, left:right], h, c)
        tops.append(top)
    return tops[0] if len(tops) == 1 else torch.cat(tops, dim=1), (h, c)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Mixed precision: matrix products in bf16 or fp16, weights and their updates in float32."""
    kind = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, kind, enabled=precision != "fp32")


def step_nats(logits: Tensor, y: Tensor) -> Tensor:
    """Nats of each step, float32 [batch, time]: of its token, or of all its keys together, each on
    or off."""
    logits = logits.float()
    if y.dim() == logits.dim():
        return binary_cross_entropy_with_logits(logits, y, reduction="none").sum(-1)
    return cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(y.shape)
