"""The presets: what each is for, its size, and, if asked for, its speed on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ugen.data import make_codec
from ugen.train.device import choose_device
from ugen.train.presets import PRESETS

from .request import Request, RunOptions


def list_presets(say: Callable[[str], None], measured: bool = False) -> None:
    """A line for each preset: its size, when to choose it, and the speed of its training, measured
    now."""
    from ugen.train.learning.speed import tokens_per_second
    from ugen.train.model import LstmModel

    device, codec = choose_device("auto"), make_codec("beats")
    heads = f"{'preset':12}{'layers':>7}{'hidden':>7}{'weights':>12}"
    say(heads + f"{'tokens/s':>10}" * measured + "  choose it for")
    for name, preset in PRESETS.items():
        request = Request(Path(), Path(), RunOptions(preset=name), {}, {}, {})
        model, training = request.configs(codec)
        weights = LstmModel(model).parameters_count()
        line = f"{name:12}{model.layers:7}{model.hidden:7}{weights:12,}"
        if measured:
            line += f"{tokens_per_second(model, training, device, updates=1):10,.0f}"
        say(f"{line}  {preset.about}")
    if measured:
        say(f"measured now, on {device} in {training.precision}, for the codec beats")
    else:
        say("--list-presets --measure: their speed on this machine, in a minute or more")
