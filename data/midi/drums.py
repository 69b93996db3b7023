"""Which channels are drums: channel 10, and what GS, XG and General MIDI 2 make of the others.

- GS: the exclusive message "use for rhythm part" (address 40 1x 15).
- XG, from its first exclusive message on: banks 126 and 127, and the part mode (address 08 nn 07).
- GM2: bank 120 is drums, and bank 121 is not. Bank 120 is drums without GM2 as well, but not in GS,
  where banks are variations of a sound.

Sources: owner's manuals of the Roland SC-55 and the Yamaha MU80; General MIDI 2 (MMA, 1999).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .messages import DRUM_CHANNEL
from .table import Table, tuples

NO_CHANNEL = 0xFFFF
_PARTS = (DRUM_CHANNEL, *range(DRUM_CHANNEL), *range(DRUM_CHANNEL + 1, 16))  # channels of GS parts
_PLAIN, _GS, _XG, _GM2 = range(4)
_MODES = {
    bytes.fromhex("09 01"): _PLAIN,
    bytes.fromhex("09 02"): _PLAIN,
    bytes.fromhex("09 03"): _GM2,
}


class DrumEvent(NamedTuple):
    """An event that can change what is drums. -1 stands for what it does not name.

    `channel`: that of `bank`, which is selected, or of `part`, which says whether it is drums.
    `mode`: that of the file from here on, if it has none yet, or with `reset`, which also makes all
    channels what they were at first.
    """

    tick: int
    channel: int = NO_CHANNEL
    bank: int = -1
    part: int = -1
    mode: int = -1
    reset: bool = False


def drum_events() -> Table:
    """A table of events."""
    return Table(tick="q", channel="H", bank="h", part="b", mode="b", reset="?")


def exclusive_event(message: bytes, tick: int, port: int) -> DrumEvent | None:
    """What a system exclusive message, without its first byte, says of drums. `port`: as in
    channels."""
    if message[0:1] == b"\x7e" and (mode := _MODES.get(message[2:4])) is not None:
        return DrumEvent(tick, mode=mode, reset=True)
    if message[0:1] == b"\x43" and message[2:3] == b"\x4c" and message[1] >> 4 == 1:
        address, value = message[3:6], message[6:7]
        if address[0:1] == b"\x08" and address[2:3] == b"\x07" and address[1] < 16 and value:
            return DrumEvent(tick, port | address[1], part=value[0] > 0, mode=_XG)
        return DrumEvent(tick, mode=_XG, reset=address == b"\x00\x00\x7e")
    if message[0:1] == b"\x41" and message[2:4] == b"\x42\x12":
        address, value = message[4:7], message[7:8]
        if address[0:1] == b"\x40" and address[2:3] == b"\x15" and address[1] >> 4 == 1 and value:
            return DrumEvent(tick, port | _PARTS[address[1] & 15], part=value[0] > 0)
        return DrumEvent(tick, mode=_GS, reset=address == b"\x40\x00\x7f")
    return None


def drum_changes(
    events: NDArray[np.void],
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """By channel, ticks in rising order, and whether the channel is drums from there on."""
    mode = _PLAIN
    parts: dict[int, bool] = {}
    banks: dict[int, int] = {}
    changes: dict[int, tuple[array[int], bytearray]] = defaultdict(
        lambda: (array("q"), bytearray())
    )
    order = np.lexsort((~events["reset"], events["tick"]))
    for tick, channel, bank, part, new_mode, reset in tuples(events, order):
        touched = {channel} if channel != NO_CHANNEL else set[int]()
        if reset or (new_mode >= 0 and not mode):
            touched |= parts.keys() | banks.keys()
            mode = new_mode
        if reset:
            parts.clear()
            banks.clear()
        if part >= 0:
            parts[channel] = part > 0
            banks.pop(channel, None)
        elif bank >= 0:
            banks[channel] = bank
        for each in touched:
            of_part = parts.get(each, each & 15 == DRUM_CHANNEL)
            ticks, flags = changes[each]
            ticks.append(tick)
            flags.append(_is_drum(mode, of_part, banks.get(each)))
    return {
        channel: (np.frombuffer(ticks, np.int64), np.frombuffer(flags, bool))
        for channel, (ticks, flags) in changes.items()
    }


def _is_drum(mode: int, part: bool, bank: int | None) -> bool:
    if mode == _GS:
        return part
    if mode == _XG:
        return part or bank in (126, 127)
    return bank == 120 or (part and not (mode == _GM2 and bank == 121))
