"""The fixed choices of options, shared by all commands."""

from __future__ import annotations

from enum import Enum


class CodecName(str, Enum):
    """Codecs."""

    beats = "beats"
    events = "events"
    frames = "frames"
    khot = "khot"


class Arrangement(str, Enum):
    """Arrangements."""

    piano = "piano"
    band = "band"
