"""What a model is and how it is trained, as data that checks itself."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from ugen.data import UgenError


def _require(flag: str, value: float, low: float, high: float) -> None:
    if not (low <= value <= high and math.isfinite(value)):
        raise UgenError(f"{flag} {value}: must be {low} to {high}")


@dataclass(frozen=True)
class ModelConfig:
    """An embedding, layers of LSTM, and an output head over `vocabulary` tokens."""

    vocabulary: int
    embedding: int = 256
    layers: int = 1
    hidden: int = 320
    dropout: float = 0.4

    def __post_init__(self) -> None:
        _require("--embedding", self.embedding, 1, 8192)
        _require("--layers", self.layers, 1, 64)
        _require("--hidden", self.hidden, 1, 8192)
        _require("--dropout", self.dropout, 0, 0.95)


@dataclass(frozen=True)
class TrainConfig:
    """How long, how fast and on what. Either limit ends a run; with `minutes` the schedule follows the clock.

    `batch`: streams learned side by side. `chunk`: steps between weight updates, through which gradients flow.
    `patience`: evaluations without a better held-out loss before the run ends early.
    `transpose`: whether each playing of a piece is moved by -5 to +6 semitones. `stretch`: up to which share it is
    played faster or slower. `loudness`: by up to how much, in MIDI velocity, it is played louder or softer.
    """

    batch: int = 16
    chunk: int = 96
    lr: float = 5e-3
    weight_decay: float = 0.05
    warmup: int = 100
    clip: float = 1.0
    epochs: float = 40.0
    minutes: float = 0.0
    patience: int = 6
    transpose: bool = True
    stretch: float = 0.1
    loudness: int = 8
    seed: int = 1

    def __post_init__(self) -> None:
        _require("--batch", self.batch, 1, 65536)
        _require("--chunk", self.chunk, 2, 65536)
        _require("--lr", self.lr, 1e-8, 10)
        _require("--weight-decay", self.weight_decay, 0, 10)
        _require("--clip", self.clip, 1e-6, 1e6)
        _require("--epochs", self.epochs, 0, 1e6)
        _require("--minutes", self.minutes, 0, 1e6)
        _require("--patience", self.patience, 1, 1_000_000)
        _require("--stretch", self.stretch, 0, 1)
        _require("--loudness", self.loudness, 0, 64)
        _require("--seed", self.seed, 0, 2**63 - 1)


def to_json(config: ModelConfig | TrainConfig) -> dict[str, Any]:
    """A config as plain JSON."""
    return asdict(config)


def model_config(value: dict[str, Any]) -> ModelConfig:
    """A ModelConfig from JSON. Raises UgenError that names the entry at fault."""
    return ModelConfig(**_known(value, ModelConfig))


def train_config(value: dict[str, Any]) -> TrainConfig:
    """A TrainConfig from JSON. Raises UgenError that names the entry at fault."""
    return TrainConfig(**_known(value, TrainConfig))


def _known(value: dict[str, Any], kind: type[ModelConfig] | type[TrainConfig]) -> dict[str, Any]:
    wanted = {field.name for field in fields(kind)}
    if not isinstance(value, dict) or set(value) != wanted:
        odd = sorted(set(value) ^ wanted) if isinstance(value, dict) else [type(value).__name__]
        raise UgenError(f"config.json: {kind.__name__} has missing or unknown entries: {', '.join(odd)}")
    return value
