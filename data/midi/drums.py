"""Which channels are drums: channel 10, and what GS, XG and General MIDI 2 make of the others.

- GS: the exclusive message "use for rhythm part" (address 40 1x 15).
- XG, from its first exclusive message on: banks 126 and 127, and the part mode (address 08 nn 07).
- GM2: bank 120 is drums, and bank 121 is not. Bank 120 is drums without GM2 as well, but not in GS,
  where banks are variations of a sound.

Sources: owner's manuals of the Roland SC-55 and the Yamaha MU80; General MIDI 2 (MMA, 1999).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .messages import DRUM_CHANNEL

_PARTS = (DRUM_CHANNEL, *range(DRUM_CHANNEL), *range(DRUM_CHANNEL + 1, 16))  # channels of GS parts
_MODES = {bytes.fromhex("09 01"): "", bytes.fromhex("09 02"): "", bytes.fromhex("09 03"): "GM2"}


class DrumEvent(NamedTuple):
    """An event that can change what is drums.

    `channel`: the channel key of `bank`, which is selected, or of `part`, which says whether it is
    drums. `mode`: that of the file from here on, if it has none yet, or with `reset`, which also
    makes all channels what they were at first.
    """

    tick: int
    channel: int = -1
    bank: int | None = None
    part: bool | None = None
    mode: str | None = None
    reset: bool = False


def exclusive_event(message: bytes, tick: int, port: int) -> DrumEvent | None:
    """What a system exclusive message, without its first byte, says of drums. `port`: as in channel
    keys."""
    if message[0:1] == b"\x7e" and (mode := _MODES.get(message[2:4])) is not None:
        return DrumEvent(tick, mode=mode, reset=True)
    if message[0:1] == b"\x43" and message[2:3] == b"\x4c" and message[1] >> 4 == 1:
        address, value = message[3:6], message[6:7]
        if address[0:1] == b"\x08" and address[2:3] == b"\x07" and address[1] < 16 and value:
            return DrumEvent(tick, port | address[1] << 7, part=value[0] > 0, mode="XG")
        return DrumEvent(tick, mode="XG", reset=address == b"\x00\x00\x7e")
    if message[0:1] == b"\x41" and message[2:4] == b"\x42\x12":
        address, value = message[4:7], message[7:8]
        if address[0:1] == b"\x40" and address[2:3] == b"\x15" and address[1] >> 4 == 1 and value:
            return DrumEvent(tick, port | _PARTS[address[1] & 15] << 7, part=value[0] > 0)
        return DrumEvent(tick, mode="GS", reset=address == b"\x40\x00\x7f")
    return None


def drum_changes(
    events: Iterable[DrumEvent],
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """By channel key, ticks in rising order, and whether the channel is drums from there on."""
    mode = ""
    parts: dict[int, bool] = {}
    banks: dict[int, int] = {}
    changes: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event.tick, not event.reset)):
        touched = {event.channel} if event.channel >= 0 else parts.keys() | banks.keys()
        if event.reset:
            parts.clear()
            banks.clear()
        if event.mode is not None and (event.reset or not mode):
            mode = event.mode
        if event.part is not None:
            parts[event.channel] = event.part
            banks.pop(event.channel, None)
        elif event.bank is not None:
            banks[event.channel] = event.bank
        for key in touched:
            part = parts.get(key, key >> 7 & 15 == DRUM_CHANNEL)
            changes[key].append((event.tick, _is_drum(mode, part, banks.get(key))))
    return {
        key: (np.array([tick for tick, _ in rows]), np.array([drum for _, drum in rows]))
        for key, rows in changes.items()
    }


def _is_drum(mode: str, part: bool, bank: int | None) -> bool:
    if mode == "GS":
        return part
    if mode == "XG":
        return part or bank in (126, 127)
    return bank == 120 or (part and not (mode == "GM2" and bank == 121))
