"""The events of the `beats` codec, and what their values may be."""

from __future__ import annotations

from typing import Any

from ugen.data.codecs.base import split_event

GRID = 24  # steps per beat
LONGEST_SHIFT = 4 * GRID
# steps: exact up to a bar, coarser up to 64 beats
DURATIONS = (*range(1, 97), *range(108, 385, 12), *range(480, 1537, 96))
VELOCITY_STEP = 4  # 32 velocity bins, named by their middle
DEFAULT_VELOCITY = 64 + VELOCITY_STEP // 2  # of notes before any velocity event
# 24 to 381 beats per minute, 6% apart
TEMPOS = tuple(round(120 * 2 ** (k / 12)) for k in range(-28, 21))
# bars of at most 8 beats
METERS = tuple((n, d) for d in (2, 4, 8, 16) for n in range(1, 17) if n * 4 <= d * 8)
DRUMS = 128  # the value of `program` that stands for the drum kit
DRUM_STEPS = GRID // 4  # a drum hit is written as a sixteenth
MAX_BARS = 200_000  # four days of 4/4 at 120; bounds memory


def event_names(band: bool) -> list[str]:
    """The table: the names of all events, in order of token id."""
    names = ["piece", "bar"]
    names += [f"shift:{n}" for n in range(1, LONGEST_SHIFT + 1)]
    names += [f"meter:{n}/{d}" for n, d in METERS]
    names += [f"tempo:{bpm}" for bpm in TEMPOS]
    names += [f"velocity:{v + VELOCITY_STEP // 2}" for v in range(0, 128, VELOCITY_STEP)]
    names += [f"pitch:{p}" for p in range(128)]
    names += [f"duration:{n}" for n in DURATIONS]
    if band:
        names += [f"program:{p}" for p in range(DRUMS + 1)] + [f"drum:{p}" for p in range(128)]
    return names


def parse_event(event: str) -> tuple[str, Any]:
    """An event's kind and value; a meter's value is (numerator, denominator)."""
    kind, value = split_event(event)
    if kind == "meter":
        numerator, denominator = event.removeprefix("meter:").split("/")
        return kind, (int(numerator), int(denominator))
    return kind, value


def bar_steps(meter: tuple[int, int]) -> int:
    """Length of a bar in grid steps."""
    return GRID * 4 * meter[0] // meter[1]
