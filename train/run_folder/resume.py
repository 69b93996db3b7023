"""resume.safetensors: the state of a trainer, from which a run continues as if never stopped.

A state is a nested dict of tensors and plain values. What is in it is the trainer's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from .checkpoint import load_tensors, save_tensors

RESUME_FILE = "resume.safetensors"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write a trainer's state, atomically."""
    leaves = dict(_leaves(state))
    tensors = {name: leaf for name, leaf in leaves.items() if isinstance(leaf, Tensor)}
    values = {name: leaf for name, leaf in leaves.items() if name not in tensors}
    save_tensors(folder / RESUME_FILE, tensors, values)


def load_state(folder: Path) -> dict[str, Any]:
    """The state that `save_state` wrote, tensors on the CPU. Raises UgenError that names the
    file."""
    tensors, values = load_tensors(folder / RESUME_FILE)
    state: dict[str, Any] = {}
    for name, leaf in {**values, **tensors}.items():
        *parents, last = name.split("/")
        inner = state
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = leaf
    return state


def _leaves(state: dict[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in nested dicts, by names such as `optimizer/0/exp_avg`."""
    for name, value in state.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value
