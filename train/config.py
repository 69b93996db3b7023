"""What a model is and how it is trained, as data that checks itself."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from ugen.data import UgenError

OBJECTIVES = ("likelihood", "professor-forcing")
PRECISIONS = ("fp32", "bf16", "fp16")


def _require(flag: str, value: float, low: float, high: float) -> None:
    if not (low <= value <= high and math.isfinite(value)):
        raise UgenError(f"{flag} {value}: must be {low} to {high}")


def _choose(flag: str, value: str, among: tuple[str, ...]) -> None:
    if value not in among:
        raise UgenError(f"{flag} {value}: must be one of {', '.join(among)}")


@dataclass(frozen=True)
class ModelConfig:
    """An embedding, layers of LSTM, and an output head over `vocabulary` tokens or the keys of a
    vector.

    `input`: what a step is fed, a `token` or a `frame` (a vector of zeros and ones); the codec says
    which. `skip`: each layer's input is normalised, and its output added to its input. `tied`: the
    head uses the embedding's weights. `learn_initial_state`: the state that a piece begins with is
    learned, too.
    """

    vocabulary: int
    input: str = "token"
    embedding: int = 256
    layers: int = 1
    hidden: int = 320
    dropout: float = 0.4
    skip: bool = False
    tied: bool = False
    learn_initial_state: bool = False

    def __post_init__(self) -> None:
        _choose("input", self.input, ("token", "frame"))
        _require("vocabulary", self.vocabulary, 1, 65536)
        _require("--embedding", self.embedding, 1, 8192)
        _require("--layers", self.layers, 1, 64)
        _require("--hidden", self.hidden, 1, 8192)
        _require("--dropout", self.dropout, 0, 0.95)
        if self.tied and self.input == "frame":
            raise UgenError("--tied: a khot model has no token embedding that its head could share")


@dataclass(frozen=True)
class TrainConfig:
    """How long, how fast and on what. Either limit ends a run; with `minutes` the schedule follows
    the clock.

    `batch`: streams learned side by side. `bptt_length`: steps between weight updates, through which
    gradients flow. `patience`: evaluations without a better held-out loss before the run ends
    early. `transpose`: whether each playing of a piece is moved by -5 to +6 semitones. `tempo_jitter`:
    up to which share it is played faster or slower. `velocity_jitter`: by up to how much, in MIDI
    velocity, it is played louder or softer. `class_weights`: 0 counts every token alike, 1 every
    kind of token alike, between them a bit of both. `objective`: `likelihood`, or
    `professor-forcing` on top of it. `precision`: what matrix products compute in.
    """

    batch: int = 16
    bptt_length: int = 96
    lr: float = 5e-3
    weight_decay: float = 0.05
    warmup: int = 100
    grad_clip: float = 1.0
    epochs: float = 40.0
    minutes: float = 0.0
    patience: int = 6
    transpose: bool = True
    tempo_jitter: float = 0.1
    velocity_jitter: int = 8
    class_weights: float = 0.0
    objective: str = "likelihood"
    precision: str = "fp32"
    seed: int = 1

    def __post_init__(self) -> None:
        _require("--batch", self.batch, 1, 65536)
        _require("--bptt-length", self.bptt_length, 2, 65536)
        _require("--lr", self.lr, 1e-8, 10)
        _require("--weight-decay", self.weight_decay, 0, 10)
        _require("warmup", self.warmup, 0, 1e6)
        _require("--grad-clip", self.grad_clip, 1e-6, 1e6)
        _require("--epochs", self.epochs, 0, 1e6)
        _require("--minutes", self.minutes, 0, 1e6)
        _require("--patience", self.patience, 1, 1_000_000)
        _require("--tempo-jitter", self.tempo_jitter, 0, 1)
        _require("--velocity-jitter", self.velocity_jitter, 0, 64)
        _require("--class-weights", self.class_weights, 0, 1)
        _require("--seed", self.seed, 0, 2**63 - 1)
        _choose("--objective", self.objective, OBJECTIVES)
        _choose("--precision", self.precision, PRECISIONS)


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
        raise UgenError(
            f"config.json: {kind.__name__} has missing or unknown entries: {', '.join(odd)}"
        )
    return value
