"""The device to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugen.data import UgenError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """A device by name; `auto` takes a GPU where there is one. Raises UgenError that says what
    there is."""
    import os

    import torch

    found = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, there in found.items() if there and kind != "mps")
    if not found[name]:
        there = ", ".join(kind for kind, here in found.items() if here)
        raise UgenError(f"--device {name}: not on this machine, which has {there}")
    if name == "cuda":  # torchrun gives each process a GPU of its own
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device(name)
