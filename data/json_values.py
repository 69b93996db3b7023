"""JSON from files that may be damaged or lie: parsed strictly, then checked against dataclasses.

Every file of ours that holds JSON (a model file's metadata, a song's record, a state, a manifest, a
run's configuration) is read through `from_json`, so that all are equally strict: a field of another
type, a missing field and an unknown one are each refused by name.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ugen.data.errors import UgenError
from ugen.data.text import line

T = TypeVar("T")

MAX_CHARACTERS = 1 << 20  # JSON can take 25 times as much memory once it is read


def parse_json(text: str, most: int = MAX_CHARACTERS) -> Any:
    """Decode JSON of finite numbers, not nested too deeply for Python.

    Raises ValueError, also for NaN, infinities and numbers of more digits than an int64 has.
    """
    if len(text) > most:
        raise ValueError(f"{len(text)} characters; {most} are the most")
    try:
        return json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def from_json(cls: type[T], value: Any, complete: bool = False) -> T:
    """An instance of a dataclass from decoded JSON, each field checked against its annotation.

    Understood are bool, int, float, str, None, Any, Literal, X | None, list[X], tuple[X, ...],
    dict[str, X] and other dataclasses. true is no number here, and 2.0 is no whole number. A field
    whose metadata has `from_json` is decoded by that function. `complete`: fields that have a
    default must be given, too. Raises ValueError that names the field at fault and shows its value.
    """
    found = _dataclass(cls, value, "")
    if complete:
        _require_all(value, to_json(found), "")
    return found  # type: ignore[no-any-return]


def to_json(value: Any) -> Any:
    """What `from_json` reads: dataclasses as objects, tuples as lists. A field whose metadata has
    `to_json` is encoded by that function."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: (each.metadata.get("to_json") or to_json)(getattr(value, each.name))
            for each in fields(value)
        }
    if isinstance(value, (list, tuple)):
        return [to_json(each) for each in value]
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in value.items()}
    return value


def _require_all(value: Any, whole: Any, place: str) -> None:
    if isinstance(whole, dict):
        for name, each in whole.items():
            if name not in value:
                raise ValueError(f"{_inside(place, name)} is missing")
            _require_all(value[name], each, _inside(place, name))


def _dataclass(cls: type, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(place, value, "an object")
    members = {each.name: each for each in fields(cls) if each.init}
    if unknown := sorted(set(value) - set(members)):
        raise ValueError(f"{_inside(place, unknown[0])} is unknown")
    hints = _hints(cls)
    decoded = {}
    for name, member in members.items():
        if name in value:
            decoded[name] = _field(member, hints[name], value[name], _inside(place, name))
        elif member.default is MISSING and member.default_factory is MISSING:
            raise ValueError(f"{_inside(place, name)} is missing")
    try:
        return cls(**decoded)
    except UgenError as error:  # a dataclass that checks itself
        raise ValueError(f"{place}: {error}" if place else str(error)) from None


@lru_cache(64)  # evaluated once, not for each row of a manifest
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _field(member: Field[Any], hint: Any, value: Any, place: str) -> Any:
    decode = member.metadata.get("from_json")
    if decode is None:
        return _decoded(hint, value, place)
    try:
        return decode(value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{place}: {line(error)}") from None
    except UgenError as error:
        raise ValueError(f"{place}: {error}") from None


def _decoded(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _dataclass(hint, value, place)  # type: ignore[arg-type]
    if origin in (Union, types.UnionType):
        return _union(arguments, value, place)
    if origin is Literal:
        if not any(value == each and type(value) is type(each) for each in arguments):
            raise _wrong(place, value, " or ".join(str(each) for each in arguments))
        return value
    if origin in (list, tuple, Sequence):
        if not isinstance(value, list):
            raise _wrong(place, value, "a list")
        members = [_decoded(arguments[0], each, f"{place}[{n}]") for n, each in enumerate(value)]
        return members if origin is list else tuple(members)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise _wrong(place, value, "an object")
        return {
            name: _decoded(arguments[1], each, _inside(place, name)) for name, each in value.items()
        }
    return _plain(hint, value, place)


def _union(members: Sequence[Any], value: Any, place: str) -> Any:
    if value is None and type(None) in members:
        return None
    others = [each for each in members if each is not type(None)]
    for each in others[:-1]:
        try:
            return _decoded(each, value, place)
        except ValueError:
            continue
    return _decoded(others[-1], value, place)


def _plain(hint: Any, value: Any, place: str) -> Any:
    hint = {dict: dict, list: list}.get(hint, hint)
    if hint is float and type(value) is int:
        return value
    if type(value) is not hint:
        raise _wrong(place, value, _KINDS.get(hint, str(hint)))
    return value


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


def _wrong(place: str, value: Any, wanted: str) -> ValueError:
    # lists and objects are shown by their kind, for they may nest
    shown = _KINDS[type(value)] if isinstance(value, (list, dict)) else line(json.dumps(value))
    return ValueError(f"{place + ' ' if place else ''}is {shown}, and must be {wanted}")


def _inside(place: str, name: str) -> str:
    return line(f"{place}.{name}" if place else name)


def _number(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"{line(text)} is no number")
    return float(text)


def _integer(text: str) -> int:
    if len(text) > 20:  # the longest int64 has 20; Python takes its time over thousands of digits
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)
