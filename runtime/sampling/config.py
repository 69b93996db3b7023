"""How the next token is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ugen.data.errors import UgenError
from ugen.data.settings import check_settings, setting


@dataclass(frozen=True)
class Sampling:
    """How the next token is sampled. The defaults here are those of a model file that names none;
    `ugen-run` shows them as the model's own."""

    PANEL: ClassVar[str] = "Sampling"

    temperature: float = setting(
        1.0,
        "Below 1 is safer, above 1 more varied; 0 always takes the likeliest token.",
        default_text="the model's",
        minimum=0,
        maximum=10,
    )
    top_k: int = setting(
        0,
        "Sample only from the k likeliest tokens; 0 is off.",
        default_text="the model's",
        minimum=0,
    )
    top_p: float = setting(
        0.98,
        "Sample only from the likeliest tokens that together reach this probability; 1 is off.",
        default_text="the model's",
    )
    min_p: float = setting(
        0.0,
        "Drop tokens below this fraction of the likeliest token's probability; 0 is off.",
        default_text="the model's",
    )
    repetition_penalty: float = setting(
        1.0,
        "Divide the probability of pitches among the last 32 notes by this; 1 is off.",
        default_text="the model's",
        minimum=1,
        maximum=10,
    )

    key_strength: float = setting(
        0.5,
        "How strongly pitches that are rare in the song's key are avoided, by a model that knows "
        "keys; 0 is off.",
        default_text="the model's",
        minimum=0,
        maximum=10,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not 0 < self.top_p <= 1:
            raise UgenError("must be more than 0 and at most 1", flag="--top-p", value=self.top_p)
        if not 0 <= self.min_p < 1:
            raise UgenError("must be 0 (off) or more, below 1", flag="--min-p", value=self.min_p)
