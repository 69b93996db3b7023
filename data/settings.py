"""Fields of settings: each with its default, what it means, and the option that sets it.

Settings are frozen dataclasses that check themselves. A field's sentence is its documentation, its
help on the command line, and nothing else needs to be written (ugen.data.cli.options).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import MISSING, Field, field, fields
from typing import Any, NamedTuple

from ugen.data.errors import UgenError


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
    `--no-guard` for a field that is true by default, `--skip/--no-skip` for one that can be turned
    on and off, or `-o --output`. Bounds are inclusive."""
    option = Option(help, flag, default_text, minimum, maximum, choices, panel)
    return field(default=default, metadata={"option": option})


def option_of(field: Field[Any]) -> Option | None:
    """How a field is set on a command line; None for one that is not."""
    return field.metadata.get("option")


def flag_of(field: Field[Any]) -> str:
    """The option that sets a field, as in `--top-p`."""
    option = option_of(field)
    flags = option.flag.split() if option and option.flag else ["--" + field.name.replace("_", "-")]
    return flags[-1]


def check_settings(settings: Any) -> None:
    """Raise UgenError that names the first field that is out of its bounds or no choice of it."""
    for each in fields(settings):
        check_setting(each, getattr(settings, each.name))


def check_setting(field: Field[Any], value: Any) -> None:
    """Raise UgenError when a value is out of a field's bounds or no choice of it."""
    option = option_of(field)
    if option is None or value is None:
        return
    flag = flag_of(field).partition("/")[0]
    if option.choices is not None and value not in option.choices:
        reason = f"must be one of {', '.join(option.choices)}"
        raise UgenError(reason, flag=flag, value=value)
    low, high = option.minimum, option.maximum
    # written so that NaN fails
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise UgenError(f"must be {bounds_of(option)}", flag=flag, value=_number(value))
    if low is not None and value == math.inf:
        raise UgenError("must be a finite number", flag=flag, value=value)


def bounds_of(option: Option) -> str:
    """The bounds of a field in words; nothing where it has none."""
    low, high = (
        None if each is None else _number(each) for each in (option.minimum, option.maximum)
    )
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"at most {high}" if high else ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
