"""How fast a model trains on this machine: a few timed updates on random music."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.forward import Batch, autocast
from ugen.train.model import LstmModel

from .objective import Likelihood

_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def tokens_per_second(
    model: ModelConfig, config: TrainConfig, device: torch.device, updates: int = 3
) -> float:
    """Tokens learned per second, by the fastest of `updates` after one to warm up. Leaves torch's
    random state alone."""
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
    return config.batch * config.bptt_length / min(times[1:])


def choose_precision(device: torch.device) -> str:
    """What `--precision auto` stands for: bf16 where the hardware multiplies in it, else fp16 on
    GPUs and fp32 on CPUs.

    The hardware decides, not a measurement, so that the same seed trains the same model every
    time.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    fast = device.type == "cpu" and _BF16_FLAGS & _cpu_flags() and trains_in("bf16", device)
    return "bf16" if fast else "fp32"


def trains_in(precision: str, device: torch.device) -> bool:
    """Whether a device can train an LSTM in a precision at all: bf16 needs a newer processor, fp16
    a GPU. Leaves torch's random state alone."""
    if precision == "fp32" or device.type == "cpu" and precision == "fp16":
        return precision == "fp32"
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        lstm = torch.nn.LSTM(8, 8, batch_first=True).to(device)
        try:
            with autocast(device, precision):
                lstm(torch.zeros(1, 2, 8, device=device))[0].sum().backward()
        except RuntimeError:
            return False
    return True


def _cpu_flags() -> set[str]:
    """The processor's instruction sets, on Linux; elsewhere none are known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def _noise(model: ModelConfig, config: TrainConfig, device: torch.device) -> Batch:
    shape = config.batch, config.bptt_length
    begins, live = np.zeros(shape, bool), torch.ones(shape, dtype=torch.bool, device=device)
    if model.input == "frame":
        x = (torch.rand(*shape, model.vocabulary, device=device) < 0.03).float()
    else:
        ids = [torch.randint(size, shape, device=device) for size in model.rows]
        return Batch(torch.stack(ids, dim=-1), ids[0], live, begins)
    return Batch(x, x, live, begins)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
