"""Several processes that train one model together, as torchrun starts them; or one process, which
needs nothing of it.

Every process reads the whole corpus, plays its own share of the streams, and holds the same
weights.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class World:
    """This process's `rank` among `size`."""

    rank: int = 0
    size: int = 1

    @classmethod
    def init(cls, device: str) -> World:
        """The world that torchrun's environment describes: gloo between CPUs, NCCL between GPUs."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device == "cuda" else "gloo")
        return cls(int(os.environ.get("RANK", "0")), size)

    def destroy(self) -> None:
        """Part from the others."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def shard(self, count: int) -> slice:
        """This process's part of `count` things, which divides evenly."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def sum(self, *tensors: Tensor) -> None:
        """Add each tensor up over all processes, in place."""
        if self.size > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def broadcast(self, value: float, device: torch.device) -> float:
        """The first process's value, for all: clocks differ."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def gather(self, tensor: Tensor, dim: int) -> Tensor:
        """All processes' tensors side by side."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts, dim)

    def wait(self) -> None:
        """Wait until all have come this far."""
        if self.size > 1:
            dist.barrier()
