"""Models by name: those the first author tried, and the one measured best on a small folder.

A new preset is one entry of PRESETS; options given beside --preset override it."""

from __future__ import annotations

from typing import Any, NamedTuple

DEFAULT = "small"


class Preset(NamedTuple):
    """`about`: when to choose it. `model`, `training`: entries of ModelConfig and TrainConfig that
    differ from the defaults."""

    about: str
    model: dict[str, Any]
    training: dict[str, Any]


PRESETS = {
    "small": Preset("the default: best on some sixty pieces", {}, {}),
    "lstm-1x300": Preset("one layer, plain", {"hidden": 300}, {}),
    "lstm-3x300": Preset(
        "three layers", {"layers": 3, "hidden": 300, "dropout": 0.3}, {"lr": 3e-3}
    ),
    "lstm-3x700": Preset(
        "three wide layers, for hundreds of pieces and a GPU",
        {"layers": 3, "hidden": 700, "dropout": 0.4},
        {"batch": 32, "lr": 2e-3},
    ),
    "skip-3x300": Preset(
        "three layers, normalised, with skip connections",
        {"layers": 3, "hidden": 300, "embedding": 300, "skip": True, "dropout": 0.3},
        {"lr": 3e-3},
    ),
    "deep-8x300": Preset(
        "eight layers, slow to begin: give it hours",
        {"layers": 8, "hidden": 300, "dropout": 0.2},
        {"batch": 32, "lr": 2e-3, "warmup": 500},
    ),
    "deep-10x256": Preset(
        "ten layers over long chunks, small embedding",
        {"layers": 10, "hidden": 256, "embedding": 64, "dropout": 0.2, "skip": True},
        {"batch": 8, "bptt_length": 384, "lr": 2e-3, "warmup": 500},
    ),
}
