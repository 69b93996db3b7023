"""A learning rate by trial: the range test of Smith 2017. The rate rises with every update until
the loss does."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from ugen.train.batches import Streams
from ugen.train.forward import autocast, to_batch

from .learner import Learner
from .optimizer import set_rate

LOWEST = 1e-4
HIGHEST = 0.3
UPDATES = 120
_MEMORY = 0.9  # of the running mean
_DIVERGED = 4.0  # times the best loss: the rate is too high
_SETTLED = 20  # updates before which the running mean is mostly noise
_SAFE = 10.0  # a run is steady at the rate of the lowest loss, divided by this (Smith 2017)


@dataclass(frozen=True)
class Trial:
    """`rates`, `losses`: the rates tried, and the running mean of nats at each. `chosen`: the rate
    to train with."""

    rates: list[float]
    losses: list[float]
    chosen: float


def find_lr(learner: Learner, on_update: Callable[[float], None] = lambda done: None) -> Trial:
    """Try rising rates on a copy of a new model. The learner itself, and torch's random
    state, stay as they are. `on_update` gets the fraction done."""
    config, device = learner.config, learner.device
    objective = copy.deepcopy(learner.objective)
    optimizer = torch.optim.AdamW(
        objective.parameters(), weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
    streams = copy.deepcopy(learner.streams)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        return _ramp(objective, optimizer, streams, learner, on_update)


def _ramp(
    objective: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    streams: Streams,
    learner: Learner,
    on_update: Callable[[float], None],
) -> Trial:
    rates: list[float] = []
    losses: list[float] = []
    state, mean = learner.model.state(learner.config.batch), 0.0
    for update in range(UPDATES):
        rate = LOWEST * (HIGHEST / LOWEST) ** (update / (UPDATES - 1))
        set_rate(optimizer, rate)
        with autocast(learner.device, learner.config.precision):
            outcome = objective(to_batch(streams.next(), learner.device), state)
        optimizer.zero_grad(set_to_none=True)
        outcome.loss.backward()
        torch.nn.utils.clip_grad_norm_(objective.parameters(), learner.config.grad_clip)
        optimizer.step()
        h, c = outcome.state
        state = h.detach().float(), c.detach().float()
        mean = _MEMORY * mean + (1 - _MEMORY) * float(outcome.nats)
        rates.append(rate)
        losses.append(mean / (1 - _MEMORY ** (update + 1)))
        on_update((update + 1) / UPDATES)
        if not math.isfinite(losses[-1]) or (
            update > _SETTLED and losses[-1] > _DIVERGED * min(losses[_SETTLED:])
        ):
            break
    best = min(range(min(_SETTLED, len(losses) - 1), len(losses)), key=losses.__getitem__)
    return Trial(rates, losses, float(f"{rates[best] / _SAFE:.1g}"))
