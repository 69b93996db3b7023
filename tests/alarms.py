"""What the guard says of real music, which it must leave alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ugen.data.codecs.base import Codec, Tokens
from ugen.runtime.generation.faults import FaultDetector, find_fault
from ugen.runtime.generation.guarded_stream import CHECKED

SHORTEST = 15.0  # seconds; nothing that the guard listens for takes less
MOST_ALARMS = 0.01  # share of pieces; one alarm may always be


def alarm(codec: Codec, tokens: Tokens) -> str | None:
    """What the guard would say first of a piece in the making, with a look every CHECKED seconds;
    None when nothing."""
    items = codec.to_inputs(tokens)
    fed = [0] * len(items) if codec.input == "frame" else items.tolist()
    cursor, ear, seconds, checked = codec.cursor(), FaultDetector(codec), [], 0.0
    for at, token in enumerate(fed, 1):
        cursor.feed(token)
        seconds.append(cursor.seconds)
        if cursor.seconds - checked >= CHECKED:
            checked = cursor.seconds
            if words := find_fault(ear.observe(items[:at], seconds)):
                return f"at {checked:.0f} s {words}"
    return None


def check_alarms(tallies: Mapping[tuple[str, str], Counter[str]]) -> int:
    """Print a row a codec, all folders together; give the number of codecs with too many alarms. A
    tally, of a folder and a codec: pieces `heard`, and `alarms` among them."""
    totals: dict[str, Counter[str]] = {}
    for (_, name), tally in tallies.items():
        totals.setdefault(name, Counter()).update(tally)
    print(
        f"\npieces of {SHORTEST:.0f} seconds and more in which the guard raises an alarm, odd folders aside"
    )
    failures = 0
    for name, total in totals.items():
        share = total["alarms"] / max(total["heard"], 1)
        verdict = "  TOO MANY" if total["alarms"] > max(1, MOST_ALARMS * total["heard"]) else ""
        failures += bool(verdict)
        print(f"{name:13} {total['alarms']:6} of {total['heard']:6,} {share:8.3%}{verdict}")
    return failures
