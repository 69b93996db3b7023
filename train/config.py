"""What a model is and how it is trained, as data that checks itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ugen.data import UgenError
from ugen.data.codecs.columns import GIVEN_NAMES, WISH_NAMES, Column
from ugen.data.json_values import from_json
from ugen.data.settings import check_settings, setting

OBJECTIVES = ("likelihood", "professor-forcing")
PRECISIONS = ("fp32", "bf16", "fp16")

_model = partial(setting, panel="Model")
_optimization = partial(setting, panel="Optimization")
_augmentation = partial(setting, panel="Augmentation")
_length = partial(setting, panel="Length of the run")
_machine = partial(setting, panel="Machine")


@dataclass(frozen=True)
class ModelConfig:
    """An embedding, layers of LSTM, and an output head. The codec says what goes in and out:
    `vocabulary` tokens or keys, whether an `input` is a `token` or a `frame`, which is a vector of
    zeros and ones, and the `columns` that stand beside a token."""

    vocabulary: int
    input: str = "token"
    columns: tuple[Column, ...] = ()
    embedding: int = _model(256, "Size of a token's vector.", minimum=1, maximum=8192)
    layers: int = _model(1, "LSTM layers.", minimum=1, maximum=64)
    hidden: int = _model(320, "Units per layer.", minimum=1, maximum=8192)
    dropout: float = _model(
        0.4,
        "Fraction of units that are dropped in training; more for small folders.",
        minimum=0,
        maximum=0.95,
    )
    skip: bool = _model(
        False,
        "Normalize each layer's input, and add its output to its input.",
        flag="--skip/--no-skip",
    )
    tied: bool = _model(
        False, "Predict with the weights of the embedding.", flag="--tied/--no-tied"
    )
    pointer: bool = _model(
        True, "Let the model point at what came some bars before.", flag="--pointer/--no-pointer"
    )
    learn_initial_state: bool = _model(
        False,
        "Learn the state that a piece begins with.",
        flag="--learn-initial-state/--no-learn-initial-state",
    )

    @property
    def rows(self) -> tuple[int, ...]:
        """The number of ids of each part of a row, the token first."""
        return self.vocabulary, *(each.size for each in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(each.name for each in self.columns)

    @property
    def pointers(self) -> tuple[int, ...]:
        """The places in a row of the columns whose tokens the model may point at. What stands
        already is not drawn."""
        return tuple(
            place
            for place, each in enumerate(self.columns, 1)
            if self.pointer and each.holds_token and each.name not in GIVEN_NAMES
        )

    @property
    def wishes(self) -> tuple[int, ...]:
        """The places in a row of what is wished of a piece."""
        places = enumerate(self.columns, 1)
        return tuple(place for place, each in places if each.name in WISH_NAMES)

    def __post_init__(self) -> None:
        if self.input not in ("token", "frame"):
            raise UgenError(f"input {self.input}: must be token or frame")
        if not 1 <= self.vocabulary <= 65536:
            raise UgenError(f"vocabulary {self.vocabulary}: must be 1 to 65536")
        sizes = [each.size for each in self.columns]
        if self.columns and (self.input == "frame" or not all(1 <= n <= 65537 for n in sizes)):
            raise UgenError("columns: of 1 to 65537 ids, and beside tokens only")
        if any(each.holds_token and each.size != self.vocabulary + 1 for each in self.columns):
            raise UgenError("columns: one that holds tokens has one id more than there are tokens")
        check_settings(self)
        if self.tied and self.input == "frame":
            reason = "a khot model has no token embedding that its head could share"
            raise UgenError(reason, flag="--tied")


@dataclass(frozen=True)
class TrainConfig:
    """How long a model is trained, how fast, and on which variations of the music."""

    batch: int = _optimization(
        16, "Streams of music that are learned in parallel.", minimum=1, maximum=65536
    )
    bptt_length: int = _optimization(
        96, "Steps between updates, through which gradients flow.", minimum=2, maximum=65536
    )
    lr: float = _optimization(5e-3, "Peak learning rate.", minimum=1e-8, maximum=10)
    weight_decay: float = _optimization(0.05, "AdamW's weight decay.", minimum=0, maximum=10)
    warmup: int = _optimization(
        100, "Updates until the learning rate reaches its peak.", minimum=0, maximum=1_000_000
    )
    grad_clip: float = _optimization(
        1.0, "Norm that gradients are clipped to.", minimum=1e-6, maximum=1e6
    )
    epochs: float = _length(40.0, "Times to play through the music.", minimum=0, maximum=1e6)
    minutes: float = _length(
        0.0, "Stop by the clock instead of by epochs; 0 turns this off.", minimum=0, maximum=1e6
    )
    patience: int = _length(
        6,
        "Stop after this many evaluations without a better held-out loss.",
        minimum=1,
        maximum=1_000_000,
    )
    transpose: bool = _augmentation(
        True,
        "Transpose each piece by -5 to +6 semitones each time it is played.",
        flag="--transpose/--no-transpose",
    )
    tempo_jitter: float = _augmentation(
        0.1, "Play each piece up to this fraction faster or slower.", minimum=0, maximum=1
    )
    velocity_jitter: int = _augmentation(
        8, "Play each piece up to this much louder or softer, of 127.", minimum=0, maximum=64
    )
    wish_dropout: float = _augmentation(
        0.3,
        "Fraction of playings in which nothing is wished of a piece, so that it need not be.",
        minimum=0,
        maximum=1,
    )
    given: float = _augmentation(
        0.35,
        "Fraction of playings in which a part of a piece counts as standing already, for ugen-run "
        "--with.",
        minimum=0,
        maximum=1,
    )
    class_weights: float = _optimization(
        0.0,
        "Count rare tokens for more: 0 is off, 1 gives each kind of token the same weight.",
        minimum=0,
        maximum=1,
    )
    objective: str = _optimization(
        "likelihood",
        "professor-forcing adds an adversary that judges free-running music.",
        choices=OBJECTIVES,
    )
    precision: str = _machine(
        "fp32",
        "Of matrix products. auto: bf16 or fp16 where the hardware multiplies in it.",
        choices=("auto", *PRECISIONS),
        default_text="auto",
    )
    seed: int = _optimization(
        1, "The same seed trains the same model on the same machine.", minimum=0, maximum=2**63 - 1
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.precision not in PRECISIONS:
            raise UgenError(f"precision {self.precision}: must be one of {', '.join(PRECISIONS)}")


def model_config(value: object) -> ModelConfig:
    """A ModelConfig from JSON. Raises UgenError that names the entry at fault."""
    try:
        return from_json(ModelConfig, value)
    except ValueError as error:
        raise UgenError(f"ModelConfig: {error}") from None
