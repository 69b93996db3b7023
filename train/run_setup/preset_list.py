"""The presets, with their speed on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ugen.data import make_codec
from ugen.train.device import choose_device
from ugen.train.presets import PRESETS

from .request import Request, RunOptions


def list_presets(say: Callable[[str], None]) -> None:
    """One line for each preset: its size, and its training speed on this machine, measured now."""
    from ugen.train.learning.speed import tokens_per_second
    from ugen.train.model import LstmModel

    device, codec = choose_device("auto"), make_codec("beats")
    lines = []
    for name, preset in PRESETS.items():
        request = Request(Path(), Path(), RunOptions(preset=name), {}, {}, {})
        model, training = request.configs(codec)
        speed = tokens_per_second(model, training, device, updates=2)
        weights = LstmModel(model).parameters_count()
        size = f"{model.layers:6} {model.hidden:6} {weights:11,}"
        lines.append(f"{name:12} {size} {speed:9,.0f}   {preset.about}")
    say(
        f"{'preset':12} {'layers':>6} {'hidden':>6} {'weights':>11} {'tokens/s':>9}   "
        f"(measured now: codec beats, {device}, {training.precision})"
    )
    for line in lines:
        say(line)
