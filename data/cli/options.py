"""Typer options made from the fields of settings, so that each is written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from enum import Enum
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, get_type_hints

import typer
from ugen.data.errors import UgenError
from ugen.data.settings import bounds_of, check_setting, flag_of, option_of

Command = Callable[..., None]


def with_options(**groups: type) -> Callable[[Command], Command]:
    """Add to a command one option for each field of some settings.

    `groups`: the command's own parameter, and the dataclass whose fields it stands for. The command
    gets a dict of the fields that were given on the command line, and only those: what holds
    otherwise is its own to say (the dataclass's defaults, a model's, a resumed run's). `--help`
    shows them under the dataclass's PANEL, if it has one.
    """

    def decorate(function: Command) -> Command:
        hints = get_type_hints(function, include_extras=True)
        own = [
            each.replace(annotation=hints[each.name])
            for each in inspect.signature(function).parameters.values()
            if each.name not in groups
        ]
        wants_context = any(each.annotation is typer.Context for each in own)
        members = {group: _settable(cls) for group, cls in groups.items()}
        extra = [
            _parameter(each, get_type_hints(cls)[each.name], getattr(cls, "PANEL", None))
            for cls in groups.values()
            for each in _settable(cls)
        ]

        @wraps(function)
        def command(context: typer.Context, **values: Any) -> None:
            given = given_flags(context)
            for group, settable in members.items():
                found = [(each, values.pop(each.name)) for each in settable]
                values[group] = {
                    each.name: _checked(each, value) for each, value in found if each.name in given
                }
            function(**({"context": context} if wants_context else {}), **values)

        others = [each for each in own if each.annotation is not typer.Context]
        return _signed(command, [_CONTEXT, *others, *extra])

    return decorate


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


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


def given_flags(context: typer.Context) -> dict[str, str]:
    """The parameters that stand on the command line: their names, and their flags as in `--top-p`,
    arguments in capitals."""
    given = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            flag = max((*parameter.opts, *parameter.secondary_opts), key=len)
            given[str(parameter.name)] = flag if flag.startswith("-") else flag.upper()
    return given


def refuse_others(given: Mapping[str, str], flag: str, allowed: Container[str]) -> None:
    """Raise UgenError for an option that would do nothing beside `flag`. `allowed`: the names of
    those that do something."""
    for name, each in given.items():
        if name not in allowed:
            raise UgenError(f"not with {flag}", flag=each)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ugen {version('ugen-music')}")
        raise typer.Exit


def _settable(cls: type) -> list[Field[Any]]:
    return [each for each in fields(cls) if option_of(each)]


def _parameter(field: Field[Any], hint: Any, panel: str | None) -> inspect.Parameter:
    """A field as the parameter of a command."""
    option = option_of(field)
    assert option is not None
    default = None if field.default is MISSING else field.default
    flag = flag_of(field)
    flags = option.flag.split() if option.flag else [flag]
    bounds = bounds_of(option)
    kind: Any = _without_none(hint)
    if option.choices is not None:  # an Enum, which every version of typer knows
        kind = _choices(field.name, option.choices)
        default = None if default is None else kind(default)
    shown: bool | str = option.default or (kind is not bool and default is not None)
    accepted: Any = kind if default is not None else kind | None
    annotation = Annotated[
        accepted,
        typer.Option(
            # a field that is true by default has a flag that turns it off
            *([f" /{flag}"] if default is True and "/" not in flag else flags),
            help=f"{option.help.rstrip('.')} ({bounds})." if bounds else option.help,
            show_default=shown,
            rich_help_panel=option.panel or panel,
        ),
    ]
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _checked(field: Field[Any], value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    check_setting(field, value)
    return value


def _choices(name: str, choices: Sequence[str]) -> type[Enum]:
    make: Any = Enum  # mypy knows no enumerations made while running
    made: type[Enum] = make(name, {choice: choice for choice in choices}, type=str)
    return made


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
