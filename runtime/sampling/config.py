"""How the next token is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ugen.data import UgenError

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. `top_k` 0, `top_p` 1 and `min_p` 0 leave all tokens in;
    temperature 0 takes the likeliest; `repetition_penalty` 1 is none."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.98
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10:
            raise UgenError(f"--temperature {self.temperature}: must be 0 to 10")
        if self.top_k < 0:
            raise UgenError(f"--top-k {self.top_k}: must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise UgenError(f"--top-p {self.top_p}: must be more than 0 and at most 1")
        if not 0 <= self.min_p < 1:
            raise UgenError(f"--min-p {self.min_p}: must be 0 (off) or more, and less than 1")
        if not 1 <= self.repetition_penalty <= 10:
            raise UgenError(
                f"--repetition-penalty {self.repetition_penalty}: must be 1 (off) to 10"
            )
