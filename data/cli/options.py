"""Typer options made from the fields of settings, so that each is written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from enum import Enum
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, get_type_hints

import typer
from ugen.data.settings import flag_of, option_of

Command = Callable[..., None]


def with_options(**groups: type) -> Callable[[Command], Command]:
    """Add to a command one option for each field of some settings.

    `groups`: the command's own parameter, and the dataclass whose fields it stands for. The command
    gets a dict of the fields that were given on the command line, and only those: what holds
    otherwise is its own to say (the dataclass's defaults, a model's, a resumed run's).
    """

    def decorate(function: Command) -> Command:
        hints = get_type_hints(function, include_extras=True)
        own = [
            each.replace(annotation=hints[each.name])
            for each in inspect.signature(function).parameters.values()
            if each.name not in groups
        ]
        names = {group: [each.name for each in _settable(cls)] for group, cls in groups.items()}
        extra = [
            _parameter(each, get_type_hints(cls)[each.name])
            for cls in groups.values()
            for each in _settable(cls)
        ]

        @wraps(function)
        def command(**values: Any) -> None:
            given = {
                group: {
                    name: value.value if isinstance(value, Enum) else value
                    for name in members
                    if (value := values.pop(name)) is not None and value != []
                }
                for group, members in names.items()
            }
            function(**values, **given)

        return _signed(command, [*own, *extra])

    return decorate


def with_version(function: Command) -> Command:
    """Add `--version` to a command."""
    hints = get_type_hints(function, include_extras=True)
    parameters = [
        each.replace(annotation=hints.get(each.name, each.annotation))
        for each in inspect.signature(function).parameters.values()
    ]
    shown = typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
    )
    parameters.append(
        inspect.Parameter(
            "version",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, shown],
        )
    )

    @wraps(function)
    def command(**values: Any) -> None:
        del values["version"]
        function(**values)

    return _signed(command, parameters)


def given_flags(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    sources = ((name, context.get_parameter_source(name)) for name in context.params)
    return {name for name, source in sources if source is not None and source.name == "COMMANDLINE"}


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ugen {version('ugen-music')}")
        raise typer.Exit


def _settable(cls: type) -> list[Field[Any]]:
    return [each for each in fields(cls) if option_of(each)]


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    """A field as a parameter that is None unless it is given."""
    option = option_of(field)
    assert option is not None
    constant = None if field.default in (MISSING, None) else field.default
    flag = flag_of(field)
    kind: Any = _without_none(hint)
    if kind is bool:
        # a field that is true by default has a flag that turns it off
        declared = f" /{flag}" if constant is True else flag
        shown: bool | str = False
    else:
        declared = flag
        shown = option.default or ("" if constant is None else _text(constant)) or False
    if option.choices is not None:  # an Enum, which every version of typer knows
        kind = _choices(field.name, option.choices)
    optional: Any = kind | None
    annotation = Annotated[
        optional,
        typer.Option(
            declared,
            help=option.help,
            min=option.minimum,
            max=option.maximum,
            show_default=shown,
            rich_help_panel=option.panel,
        ),
    ]
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _choices(name: str, choices: Sequence[str]) -> type[Enum]:
    make: Any = Enum  # mypy knows no enumerations made while running
    return make(name, {choice: choice for choice in choices}, type=str)  # type: ignore[no-any-return]


def _text(constant: Any) -> str:
    return f"{constant:g}" if isinstance(constant, float) else str(constant)


def _without_none(hint: Any) -> Any:
    """The type of an option that may be left out: X of `X | None`."""
    members = [each for each in getattr(hint, "__args__", ()) if each is not type(None)]
    is_optional = type(None) in getattr(hint, "__args__", ())
    return members[0] if is_optional and len(members) == 1 else hint


def _signed(command: Command, parameters: list[inspect.Parameter]) -> Command:
    ordered = sorted(parameters, key=lambda each: each.kind)
    command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in ordered}
    return command
