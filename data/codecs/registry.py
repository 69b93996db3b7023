"""All codecs by name, and codecs from the descriptions that files hold."""

from __future__ import annotations

from typing import Any

from ugen.data.codecs.beats.codec import BeatsCodec
from ugen.data.errors import CodecError

from .base import Codec
from .events import EventsCodec
from .frames import FramesCodec
from .khot import KhotCodec

CODECS: dict[str, type[Codec]] = {
    codec.name: codec for codec in (BeatsCodec, EventsCodec, FramesCodec, KhotCodec)
}


def make_codec(name: str, **options: Any) -> Codec:
    """A codec by name (`frames`, `beats`). Raises CodecError for an unknown name or option."""
    if name not in CODECS:
        raise CodecError(f"codec {name!r} is unknown; choose one of {', '.join(CODECS)}")
    try:
        return CODECS[name](**options)
    except (TypeError, ValueError) as error:
        raise CodecError(f"codec {name}: {error}") from None


def codec_from_json(value: Any) -> Codec:
    """The codec that `to_json` described. Raises CodecError where the description and its event
    table disagree."""
    try:
        codec = make_codec(value["name"], **value["options"])
        stored = tuple(value["events"]), value["start"], value["end"]
    except (TypeError, KeyError) as error:
        raise CodecError(
            f"codec description: entry {error} is missing or of the wrong kind"
        ) from None
    if stored != (codec.events, codec.start, codec.end):
        raise CodecError(f"codec {codec.name}: its event table is not the one its options make")
    return codec
