"""A trained model with other columns than those it learned with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from ugen.data.codecs.columns import Column
from ugen.train.config import ModelConfig

Weights = dict[str, Tensor]


def with_columns(
    config: ModelConfig, weights: Weights, columns: Sequence[Column]
) -> tuple[ModelConfig, Weights]:
    """The model keeps what it knows of the columns that it has. The new ones begin at zero: they
    say nothing yet."""
    other = replace(config, columns=tuple(columns))
    wanted = _rows_by_column(other)
    moved = {name: value for name, value in weights.items() if name not in _rows_by_column(config)}
    for name, (sizes, width) in wanted.items():
        if sizes:
            known = _known(weights.get(name), _rows_by_column(config)[name][0])
            blocks = [known.get(each, torch.zeros(n, *width)) for each, n in sizes.items()]
            moved[name] = torch.cat(blocks)
    return other, moved


def _rows_by_column(
    config: ModelConfig,
) -> dict[str, tuple[dict[Column | None, int], tuple[int, ...]]]:
    """Of each weight that has rows for columns: how many for each, and their shape. The token's
    rows are those of None."""
    if config.input == "frame":
        return {}
    parts: dict[int, Column | None] = {0: None, **dict(enumerate(config.columns, 1))}
    sizes = {parts[place]: size for place, size in enumerate(config.rows)}
    wishes = {parts[place]: config.rows[place] for place in config.wishes}
    pointers = {parts[place]: 1 for place in config.pointers}
    return {
        "embedding.weight": (sizes, (config.embedding,)),
        "wishes.weight": (wishes, (config.hidden,)),
        "gates.weight": (pointers, (config.hidden,)),
        "gates.bias": (pointers, ()),
    }


def _known(weight: Tensor | None, sizes: dict[Column | None, int]) -> dict[Column | None, Tensor]:
    """A weight's rows by column."""
    if weight is None:
        return {}
    return dict(zip(sizes, torch.split(weight, list(sizes.values())), strict=True))
