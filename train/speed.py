"""How fast a model trains on this machine: a few updates on made-up music, timed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from .config import ModelConfig, TrainConfig
from .forward import Batch
from .model import LstmModel
from .objective import Likelihood

CLEARLY_FASTER = 1.2  # bf16 must gain so much, or the same seed would not choose the same precision twice


def tokens_per_second(model: ModelConfig, config: TrainConfig, device: torch.device, updates: int = 3) -> float:
    """Tokens learned a second, by the fastest of `updates` after one that warms up. Leaves torch's random state alone."""
    from .trainer import autocast

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        objective = Likelihood(LstmModel(model)).to(device)
        optimizer = torch.optim.AdamW(objective.parameters(), lr=1e-6, fused=True)
        batch, state = _noise(model, config, device), objective.model.state(config.batch)
        times = []
        for _ in range(updates + 1):
            before = _now(device)
            with autocast(device, config.precision):
                loss = objective(batch, state).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            times.append(_now(device) - before)
    return config.batch * config.chunk / min(times[1:])


def choose_precision(model: ModelConfig, config: TrainConfig, device: torch.device) -> str:
    """What `--precision auto` stands for: bf16 on GPUs that have it, else fp16; on CPUs bf16 where it is clearly faster."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type != "cpu":
        return "fp32"
    speeds = {kind: tokens_per_second(model, replace(config, precision=kind), device) for kind in ("fp32", "bf16")}
    return "bf16" if speeds["bf16"] > CLEARLY_FASTER * speeds["fp32"] else "fp32"


def _noise(model: ModelConfig, config: TrainConfig, device: torch.device) -> Batch:
    shape = config.batch, config.chunk
    begins, live = np.zeros(shape, bool), torch.ones(shape, dtype=torch.bool, device=device)
    if model.input == "frame":
        x = (torch.rand(*shape, model.vocabulary, device=device) < 0.03).float()
    else:
        x = torch.randint(model.vocabulary, shape, device=device)
    return Batch(x, x, live, begins)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
