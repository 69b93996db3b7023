"""All codecs by name, and codecs from the descriptions that files hold.

To add a codec, write its module and put its class into CODECS.
"""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any

from ugen.data.codecs.beats.codec import BeatsCodec
from ugen.data.errors import CodecError
from ugen.data.json_values import from_json

from .base import Codec
from .events import EventsCodec
from .frames import FramesCodec
from .khot import KhotCodec

CODECS: dict[str, type[Codec]] = {
    codec.name: codec for codec in (BeatsCodec, EventsCodec, FramesCodec, KhotCodec)
}


def all_codecs() -> str:
    """The codecs in words, for help texts."""
    return ", ".join(f"{name} ({codec.about})" for name, codec in CODECS.items())


def make_codec(name: str, **options: Any) -> Codec:
    """A codec by name, as in CODECS. Raises CodecError for an unknown name or option."""
    try:
        return _class_of(name)(**options)
    except (TypeError, ValueError) as error:
        raise CodecError(f"codec {name}: {error}") from None


def codec_from_json(value: Any) -> Codec:
    """The codec that `to_json` described.

    Raises CodecError where a field or an option is of another type, or the event table is not the
    one that the options make.
    """
    try:
        stored = from_json(_Description, value)
        usual = _class_of(stored.name)().options()
        types = make_dataclass("options", [(name, type(usual[name])) for name in usual])
        options = vars(from_json(types, stored.options))
    except ValueError as error:
        raise CodecError(f"codec description: {error}") from None
    codec = make_codec(stored.name, **options)
    if (stored.events, stored.start, stored.end) != (list(codec.events), codec.start, codec.end):
        raise CodecError(f"codec {codec.name}: its event table is not the one its options make")
    return codec


@dataclass(frozen=True)
class _Description:
    """What `Codec.to_json` writes, before it is checked against the codec of that name."""

    name: str
    options: dict[str, Any]
    start: int
    end: int | None
    events: list[str]


def _class_of(name: str) -> type[Codec]:
    if name not in CODECS:
        raise CodecError(f"codec {name!r} is unknown; choose one of {', '.join(CODECS)}")
    return CODECS[name]
