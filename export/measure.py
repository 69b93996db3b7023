"""What a file is like to use: its size, its speed for one listener, and how well it predicts
held-out music."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ugen.data.analysis.scores import step_nats
from ugen.runtime import Model, load
from ugen.runtime.inference.model import State, Step
from ugen.runtime.model_file.format import SHARED_SCALES
from ugen.train.model import LstmModel

from .parity import Runner, step_of, targets_of

_ROUNDS, _TIMED, _WARM = 5, 100, 20
# a file must be this much faster than a more exact one to be worth its loss: times wander by less
_CLEARLY = 0.97


@dataclass(frozen=True)
class Measured:
    """What a file is like to use."""

    precision: str

    megabytes: float
    """Size of the file."""

    us_per_token: float
    """Microseconds per step of one stream on one thread."""

    nats_per_token: float
    """Mean loss on held-out music."""

    loss_change: float
    """How much more that is than the checkpoint's: 0.005 for half a per cent."""

    def row(self) -> str:
        """A line of export-ugen's table."""
        return (
            f"{self.precision:12} {self.megabytes:9.2f} MB {self.us_per_token:9.0f} "
            f"{self.nats_per_token:12.4f} {self.loss_change:+9.2%}"
        )


HEADER = f"{'':12} {'size':>12} {'µs/token':>9} {'nats/token':>12} {'change':>9}"


def measure(
    files: Mapping[str, Path],
    excerpt: Step,
    reference_nats: float,
    on_step: Callable[[], None] = lambda: None,
) -> list[Measured]:
    """All files by precision, timed in turns so that the machine's drift falls on each alike."""
    models = {name: load(file) for name, file in files.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_ROUNDS):
        for name, model in models.items():
            times[name].append(microseconds(model, excerpt[0]))
    found = []
    for name, model in models.items():
        loss = held_out_nats(model, excerpt, on_step)
        found.append(
            Measured(
                precision=name,
                megabytes=files[name].stat().st_size / 1e6,
                us_per_token=float(np.median(times[name])),
                nats_per_token=loss,
                loss_change=loss / reference_nats - 1,
            )
        )
    return found


def microseconds(model: Model, piece: Step) -> float:
    """Median time of one step of one stream, as ugen-run takes it, fed int64 [steps, 1 + columns]
    or float32 [steps, keys]."""
    stream = model.stream()

    def step(t: int) -> None:
        stream.x[0] = piece[t % len(piece)]
        stream.advance()

    return _median(step)


def microseconds_of(runner: Runner, piece: Step, state: State) -> float:
    """The same of anything that takes steps, from a state [layers, 1, hidden] on."""

    def step(t: int) -> None:
        nonlocal state
        _, state = runner.step(step_of(piece[None], t % len(piece)), state)

    return _median(step)


def _median(step: Callable[[int], None]) -> float:
    times = []
    for t in range(_WARM + _TIMED):
        before = time.perf_counter()
        step(t)
        times.append(time.perf_counter() - before)
    return float(np.median(times[_WARM:]) * 1e6)


def held_out_nats(model: Model, excerpt: Step, on_step: Callable[[], None] = lambda: None) -> float:
    """Mean loss per token over excerpts of held-out music, int64 [excerpts, steps + 1, 1 + columns]
    or float32 [excerpts, steps + 1, keys].

    Excerpts go one by one where the activations of a batch are rounded with one scale: a listener's
    stream is alone.
    """
    alone = model.card.precision in SHARED_SCALES
    losses = []
    for batch in [excerpt[k : k + 1] for k in range(len(excerpt))] if alone else [excerpt]:
        stream, expected = model.stream(len(batch)), targets_of(batch)
        for t in range(expected.shape[1]):
            stream.x[:] = step_of(batch, t)
            losses.append(step_nats(stream.advance()[:, 0], expected[:, t]).mean())
            on_step()
    return float(np.mean(losses))


@torch.no_grad()
def checkpoint_nats(model: LstmModel, excerpt: Step) -> float:
    """The same of the checkpoint itself."""
    logits, _, _ = model(torch.from_numpy(excerpt[:, :-1]), *model.state(len(excerpt)))
    vocabulary = logits.shape[-1]
    targets = targets_of(excerpt)
    flat = targets.reshape(-1, *targets.shape[2:])
    return float(step_nats(logits.numpy().reshape(-1, vocabulary), flat).mean())


def calls(precisions: list[str], excerpt: Step) -> int:
    """How often `measure` calls `on_step`."""
    rows = sum(len(excerpt) if name in SHARED_SCALES else 1 for name in precisions)
    return rows * int(excerpt.shape[1] - 1)


def fastest(found: list[Measured], most_change: float) -> Measured:
    """The fastest whose loss grew by no more than `most_change`; of two about as fast the more
    exact.

    `found`: from the most exact on, which is always allowed. Half precision is for graphics cards,
    not for what can be timed here: it has to be asked for.
    """
    best = found[0]
    for other in found[1:]:
        if other.precision == "fp16":
            continue
        if other.loss_change <= most_change and other.us_per_token < _CLEARLY * best.us_per_token:
            best = other
    return best


def as_json(found: list[Measured], chosen: str) -> dict[str, Any]:
    """What a model file says of its own choice, for its provenance."""
    rows = [
        {
            name: round(value, 5) if isinstance(value, float) else value
            for name, value in asdict(each).items()
        }
        for each in found
    ]
    return {
        "precisions": [{**row, "chosen": row["precision"] == chosen} for row in rows],
        "measured_on": f"{_processor()}, 1 thread, onnxruntime {version('onnxruntime')}",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
