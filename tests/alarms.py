"""Alarms of the guard in real music, which it must leave alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ugen.data.codecs.base import Codec, Tokens
from ugen.runtime.generation.guard.faults import FaultDetector, find_fault
from ugen.runtime.generation.guarded_stream import CHECK_SECONDS

SHORTEST = 15.0  # seconds; no fault takes less
MOST_ALARMS = 0.01  # fraction of pieces; one alarm is always allowed


def alarm(codec: Codec, tokens: Tokens) -> str | None:
    """The first fault that the guard would find in a piece, with a check every CHECK_SECONDS; None
    for none."""
    items = codec.to_inputs(tokens)
    fed = [0] * len(items) if codec.input == "frame" else items.tolist()
    cursor, detector, seconds, checked = codec.cursor(), FaultDetector(codec), [], 0.0
    for at, token in enumerate(fed, 1):
        cursor.feed(token)
        seconds.append(cursor.seconds)
        if cursor.seconds - checked >= CHECK_SECONDS:
            checked = cursor.seconds
            if fault := find_fault(detector.observe(items[:at], seconds)):
                return f"{fault.text} at {checked:.0f} s"
    return None


def check_alarms(tallies: Mapping[tuple[str, str], Counter[str]]) -> int:
    """Print a row per codec, all folders together; give the number of codecs with too many alarms.
    A tally, of a folder and a codec, counts the pieces `heard` and the `alarms` among them."""
    totals: dict[str, Counter[str]] = {}
    for (_, name), tally in tallies.items():
        totals.setdefault(name, Counter()).update(tally)
    print(
        f"\npieces of {SHORTEST:.0f} seconds and more in which the guard raises an alarm, "
        "without odd folders"
    )
    failures = 0
    for name, total in totals.items():
        share = total["alarms"] / max(total["heard"], 1)
        verdict = "  TOO MANY" if total["alarms"] > max(1, MOST_ALARMS * total["heard"]) else ""
        failures += bool(verdict)
        print(f"{name:13} {total['alarms']:6} of {total['heard']:6,} {share:8.3%}{verdict}")
    return failures
