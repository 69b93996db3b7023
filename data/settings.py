"""Fields of settings: each with its default, what it means, and the option that sets it.

Settings are frozen dataclasses that check themselves. A field's sentence is its documentation, its
help on the command line, and nothing else needs to be written (ugen.data.cli.options).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, field
from typing import Any, NamedTuple


class Option(NamedTuple):
    """How a field is set on a command line. `default`: in words, where it is no constant."""

    help: str
    flag: str | None = None
    default: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: Sequence[str] | None = None
    panel: str | None = None


def setting(
    default: Any = MISSING,
    help: str = "",
    *,
    flag: str | None = None,
    default_text: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] | None = None,
    panel: str | None = None,
) -> Any:
    """A dataclass field with an option. `flag`: where it is not the field's name in dashes, as in
    `--no-guard` for a field that is true by default. Bounds are inclusive."""
    option = Option(help, flag, default_text, minimum, maximum, choices, panel)
    return field(default=default, metadata={"option": option})


def option_of(field: Field[Any]) -> Option | None:
    """How a field is set on a command line; None for one that is not."""
    return field.metadata.get("option")


def flag_of(field: Field[Any]) -> str:
    """The option that sets a field, as in `--top-p`."""
    option = option_of(field)
    return (option and option.flag) or "--" + field.name.replace("_", "-")
