"""AdamW (Loshchilov and Hutter 2019), a linear warm-up, then a cosine to a twentieth of the peak
rate."""

from __future__ import annotations

import math
from typing import Any

import torch
from ugen.train.config import TrainConfig
from ugen.train.model import LstmModel

FINAL_RATE = 0.05  # of the peak learning rate


def make_optimizer(model: LstmModel, config: TrainConfig) -> torch.optim.AdamW:
    """The optimizer of a model: weight decay for matrices, none for biases."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), fused=True)


def learning_rate(config: TrainConfig, update: int, fraction_done: float) -> float:
    """The rate of an update, counted from 0, in a run of which a fraction is done."""
    warm = min(1.0, (update + 1) / max(config.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(fraction_done, 1.0)))
    return config.lr * warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let the next update go by this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """What an optimizer remembers, by the index of a parameter."""
    state: dict[int, Any] = optimizer.state_dict()["state"]
    return {str(index): values for index, values in state.items()}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Restore what `optimizer_state` gave. Raises ValueError where it is of others."""
    own = {int(index): values for index, values in state.items()}
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    if own and sorted(own) != list(range(len(parameters))):
        raise ValueError("an optimizer of other parameters")
    for index, values in own.items():
        averages = values["exp_avg"], values["exp_avg_sq"]
        if any(each.shape != parameters[index].shape for each in averages) or values["step"].dim():
            raise ValueError("an optimizer of other parameters")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": own})
