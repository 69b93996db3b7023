"""What export-ugen is asked for, and the formats that it can write."""

from __future__ import annotations

from dataclasses import dataclass

from ugen.data import UgenError
from ugen.data.settings import setting
from ugen.runtime.model_file.format import PRECISIONS
from ugen.runtime.sampling.config import Sampling

# each format's module in this package. To add one, write its module (onnx_file.py is an example),
# and put it here
FORMATS = {"onnx": "onnx_file", "torchscript": "torchscript", "triton": "triton", "web": "web"}


@dataclass(frozen=True)
class ExportSettings:
    """How a run is exported. A float32 format takes no `precision` and no `max_loss`."""

    format: str = setting(
        "onnx",
        "onnx for ugen-run; torchscript for programs with PyTorch; triton to serve many listeners; "
        "web for a page that plays the model in a browser.",
        choices=tuple(FORMATS),
    )
    precision: str = setting(
        "auto",
        "onnx and web only. auto: the fastest here that costs no more than --max-loss, and for "
        "web the smallest; fp16: for GPUs.",
        choices=("auto", *PRECISIONS),
    )
    max_loss: float = setting(
        0.5,
        "onnx and web only. How much worse a smaller precision may predict held-out music, in per "
        "cent.",
        minimum=0,
    )
    single_file: bool = setting(
        False, "web only. The page as one .html file, which opens from disk, too."
    )
    licence: str = setting(
        "not stated", "Licence and credits of the music, stored in what is written."
    )
    temperature: float | None = setting(
        None, "Temperature of songs, unless ugen-run is given another.", default_text="1"
    )
    top_p: float | None = setting(
        None, "Top-p of songs, unless ugen-run is given another.", default_text="0.98"
    )

    def __post_init__(self) -> None:
        for flag, value, choices in (
            ("--format", self.format, tuple(FORMATS)),
            ("--precision", self.precision, ("auto", *PRECISIONS)),
        ):
            if value not in choices:
                raise UgenError(f"choose one of {', '.join(choices)}", flag=flag, value=value)
        if not self.max_loss >= 0:
            raise UgenError("must be 0 or more", flag="--max-loss", value=self.max_loss)
        _ = self.sampling  # raises UgenError that names the flag

    @property
    def sampling(self) -> Sampling:
        """The sampling that the file names as its own."""
        usual = Sampling()
        return Sampling(
            temperature=usual.temperature if self.temperature is None else self.temperature,
            top_p=usual.top_p if self.top_p is None else self.top_p,
        )


DEFAULTS = ExportSettings()
