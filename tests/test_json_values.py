"""JSON checked against dataclasses: what is read back, and everything that is refused by name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ugen.data import UgenError
from ugen.data.json_values import from_json, parse_json, to_json


@dataclass(frozen=True)
class Inner:
    """A dataclass inside another, which checks itself."""

    level: int = 0

    def __post_init__(self) -> None:
        if self.level < 0:
            raise UgenError("must be 0 or more", flag="--level", value=self.level)


@dataclass(frozen=True)
class Outer:
    """A field of every kind."""

    name: str
    count: int
    share: float
    is_on: bool
    inner: Inner
    mode: Literal["piano", "band"] = "piano"
    sizes: tuple[int, ...] = ()
    words: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    maybe: float | None = None
    packed: bytes = field(
        default=b"", metadata={"from_json": bytes.fromhex, "to_json": lambda value: value.hex()}
    )


FULL = Outer("a", 2, 0.5, True, Inner(3), "band", (1, 2), ["x"], {"c": 4}, 1.5, b"\x01\xff")


def test_what_is_written_is_read_back() -> None:
    assert from_json(Outer, json.loads(json.dumps(to_json(FULL)))) == FULL
    least = {"name": "b", "count": 1, "share": 1, "is_on": False, "inner": {}}
    assert from_json(Outer, least) == Outer("b", 1, 1, False, Inner())


WRONG: list[Any] = [None, True, 1, 1.5, "text", [], [None], {}, {"x": 1}, -1]
# values of another type that a field takes all the same
FITTING = {
    "name": ["text"],
    "count": [1, -1],
    "share": [1, 1.5, -1],
    "is_on": [True],
    "inner": [{}],
    "sizes": [[]],
    "words": [[]],
    "counts": [{}, {"x": 1}],
    "maybe": [None, 1, 1.5, -1],
}


@pytest.mark.parametrize("name", to_json(FULL))
def test_a_field_of_another_type_is_refused_by_name(name: str) -> None:
    for wrong in WRONG:
        fits = any(type(wrong) is type(each) and wrong == each for each in FITTING.get(name, []))
        value = {**to_json(FULL), name: wrong}
        if fits:
            from_json(Outer, value)
        else:
            with pytest.raises(ValueError, match=name):
                from_json(Outer, value)


def test_missing_unknown_and_inner_fields_are_named() -> None:
    value = to_json(FULL)
    with pytest.raises(ValueError, match="count is missing"):
        from_json(Outer, {name: each for name, each in value.items() if name != "count"})
    with pytest.raises(ValueError, match="colour is unknown"):
        from_json(Outer, {**value, "colour": 1})
    with pytest.raises(ValueError, match="inner.level is true, and must be a whole number"):
        from_json(Outer, {**value, "inner": {"level": True}})
    with pytest.raises(ValueError, match=r"sizes\[1\] is 2.0, and must be a whole number"):
        from_json(Outer, {**value, "sizes": [1, 2.0]})
    with pytest.raises(ValueError, match="inner: --level -1: must be 0 or more"):
        from_json(Outer, {**value, "inner": {"level": -1}})


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "1e999", "9" * 5000, "[" * 100_000, '"' + "x" * 2000 + '"', "{"]
)
def test_json_that_no_file_of_ours_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_json(text, most=1000 if text.startswith('"') else 1 << 20)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_whatever_stands_there_ends_in_an_outer_or_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match="must be an object"):
        from_json(Outer, value)
