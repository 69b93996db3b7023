"""Several processes that train one model together, as torchrun starts them; or one alone.

Every process reads the whole corpus, plays its own shard of the streams, and holds the same
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
        """Leave the other processes."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def shard(self, count: int) -> slice:
        """This process's part of `count` things, which divide evenly."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def sum(self, *tensors: Tensor) -> None:
        """Add each tensor up over all processes, in place."""
        if self.size > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def broadcast(self, value: float, device: torch.device) -> float:
        """The first process's value, in all processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def gather(self, tensor: Tensor, dim: int) -> Tensor:
        """The tensors of all processes, concatenated."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts, dim)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


def random_states(world: World, device: torch.device) -> dict[str, Tensor]:
    """torch's random states, those of all processes stacked."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":  # NCCL gathers only what is on the GPU
        states["cuda"] = torch.cuda.get_rng_state(device)
        states = {kind: state.to(device) for kind, state in states.items()}
    return {kind: world.gather(state[None], 0) for kind, state in states.items()}


def restore_random_states(world: World, device: torch.device, states: dict[str, Tensor]) -> None:
    """Restore what `random_states` gave. A world of another size keeps the states of its seed."""
    if states["cpu"].shape[0] != world.size:
        return
    torch.set_rng_state(states["cpu"][world.rank].cpu())
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"][world.rank].cpu(), device)
