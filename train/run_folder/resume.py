"""What a run needs to go on as if it had never stopped: written at every evaluation, atomically.

Weights, optimizer, discriminator, random states, carried state and data position; read back, the
next update is the one the run would have made, bit for bit on a CPU.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from ugen.data import UgenError
from ugen.data.files import replacing

from .checkpoint import (
    load_tensors,
    load_weights,
    optimizer_tensors,
    restore_optimizer,
    save_tensors,
)

if TYPE_CHECKING:
    from ugen.train.learning.trainer import Trainer


def save(trainer: Trainer) -> None:
    """Write resume.safetensors and metrics.jsonl. Every process of a world calls this; the first
    writes."""
    h, c = (trainer.world.gather(part, 1) for part in trainer.state)
    random = {
        f"rng.{kind}": trainer.world.gather(state[None], 0)
        for kind, state in _random(trainer.device).items()
    }
    if trainer.world.rank:
        return
    tensors = {f"model.{name}": tensor for name, tensor in trainer.model.state_dict().items()}
    tensors |= {**optimizer_tensors(trainer.optimizer), **random, "state.h": h, "state.c": c}
    progress = {name: value for name, value in vars(trainer.progress).items() if name != "loss"}
    header: dict[str, Any] = {
        "progress": progress,
        "data": trainer.streams.state(),
        "scaler": trainer.scaler.state_dict(),
    }
    if trainer.forcing is not None:
        tensors |= {f"forcing.{name}": tensor for name, tensor in trainer.forcing.tensors().items()}
        header["forcing_accuracy"] = trainer.forcing.accuracy
    save_tensors(trainer.path / "resume.safetensors", tensors, header)
    lines = "".join(json.dumps(row) + "\n" for row in trainer.progress.history)
    with replacing(trainer.path / "metrics.jsonl") as partial:
        partial.write_text(lines, "utf-8")


def restore(trainer: Trainer) -> None:
    """Put a fresh trainer where `save` was called. Raises UgenError that names the file when it
    does not fit."""
    from ugen.train.progress import Progress

    file, world = trainer.path / "resume.safetensors", trainer.world
    tensors, header = load_tensors(file)
    try:
        load_weights(trainer.model, _under("model.", tensors), file)
        restore_optimizer(trainer.optimizer, tensors)
        rows = world.shard(trainer.config.batch)
        trainer.state = (
            tensors["state.h"][:, rows].to(trainer.device),
            tensors["state.c"][:, rows].to(trainer.device),
        )
        _set_random(trainer.device, _under("rng.", tensors), world.rank, world.size)
        trainer.streams.restore(header["data"])
        trainer.scaler.load_state_dict(header["scaler"])
        trainer.progress = Progress(**header["progress"])
        if trainer.forcing is not None:
            trainer.forcing.restore(_under("forcing.", tensors), header["forcing_accuracy"])
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise UgenError(f"{file}: cannot be resumed from ({error!r})") from None


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _random(device: torch.device) -> dict[str, Tensor]:
    """torch's random states, where a world of this device can gather them."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return (
        {kind: state.to(device) for kind, state in states.items()}
        if device.type == "cuda"
        else states
    )


def _set_random(device: torch.device, states: dict[str, Tensor], rank: int, size: int) -> None:
    """A world of another size has no states to go on with; it keeps the ones its seed gave."""
    if states["cpu"].shape[0] != size:
        return
    torch.set_rng_state(states["cpu"][rank].cpu())
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"][rank].cpu(), device)
