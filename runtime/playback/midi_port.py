"""MIDI ports of this machine, found and opened by name. Needs rtmidi2: `pip install
'ugen-music[play]'`."""

from __future__ import annotations

import platform
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

from ugen.data import UgenError
from ugen.data.midi import messages
from ugen.data.optional_imports import require

from .quiet import without_stderr

NEW = "new"  # the name that opens a port for others to connect to
# status bytes, the channel in the lower half of the byte
NOTE_OFF, NOTE_ON = messages.NOTE_OFF.code, messages.NOTE_ON.code
CONTROL, PROGRAM = messages.CONTROL_CHANGE.code, messages.PROGRAM_CHANGE.code

_SYSTEMS = {"Darwin": ("API_MACOSX_CORE",), "Windows": ("API_WINDOWS_MM",)}
_ELSEWHERE = "API_LINUX_ALSA", "API_UNIX_JACK"
# seconds: JACK takes messages once a period, of 85 ms at most, and loses those of a closed port
_FLUSH = 0.1
Direction = Literal["out", "in"]
_FLAGS = {"out": "--midi-port", "in": "--midi-in"}


class Port:
    """An open MIDI port, in a `with` block. Closing it ends all notes that sound."""

    def __init__(self, device: Any, name: str):
        self._device, self._name = device, name
        self._sounding: set[tuple[int, int]] = set()  # channel and pitch
        self._channels: set[int] = set()

    def send(self, *message: int) -> None:
        """Send one channel message: its status byte and its data bytes. Raises UgenError when the
        port is gone."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == NOTE_ON:  # noted before it sounds, for Ctrl-C may come at any time
            self._channels.add(channel)
            self._sounding.add((channel, message[1]))
        try:
            self._device.send_raw(*message)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise UgenError(reason, flag="--midi-port", value=self._name) from None
        if kind == NOTE_OFF:
            self._sounding.discard((channel, message[1]))

    def silence(self) -> None:
        """End the notes that sound."""
        for channel, pitch in sorted(self._sounding):
            self.send(NOTE_OFF | channel, pitch, 0)

    def close(self) -> None:
        """End all notes, first those known to sound, and close."""
        with suppress(UgenError), without_stderr():  # a port that is gone sounds nothing
            self.silence()
            for channel in sorted(self._channels):
                self.send(CONTROL | channel, messages.ALL_NOTES_OFF, 0)
            if self._channels:
                time.sleep(_FLUSH)
            self._channels.clear()
        with without_stderr():
            self._device.close_port()

    def __enter__(self) -> Port:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class InputPort:
    """An open MIDI port that messages come from, in a `with` block."""

    def __init__(self, device: Any, clock: Callable[[], float]):
        self._device, self._clock = device, clock
        self._came: deque[tuple[float, tuple[int, ...]]] = deque()
        device.callback = self._take  # called on a thread of its own

    def messages(self) -> list[tuple[float, tuple[int, ...]]]:
        """The channel messages since the last call, each with its second by the clock."""
        return [self._came.popleft() for _ in range(len(self._came))]

    def _take(self, message: Sequence[int], _: float) -> None:
        if message and 0x80 <= message[0] < 0xF0:
            self._came.append((self._clock(), tuple(message)))

    def __enter__(self) -> InputPort:
        return self

    def __exit__(self, *error: object) -> None:
        with without_stderr():
            self._device.close_port()


def port_names(direction: Direction = "out") -> list[str]:
    """Names of the ports that notes can be sent to, or come from. Raises UgenError when rtmidi2 is
    not installed."""
    return [name for _, names in _devices(direction) for name in names if name]


def open_port(name: str) -> Port:
    """Open the port of that name, or the only one whose name has `name` in it, upper or lower case;
    `new` opens a port called ugen, for others to connect to. Raises UgenError when there is none,
    or more than one."""
    return Port(_opened(name, "out"), name)


def open_input(name: str, clock: Callable[[], float] = time.perf_counter) -> InputPort:
    """The same for a port that notes come from. `clock`: tells when they come."""
    return InputPort(_opened(name, "in"), clock)


def _opened(name: str, direction: Direction) -> Any:
    devices, flag = _devices(direction), _FLAGS[direction]
    if name == NEW:
        return _new_port(devices, flag)
    known = [each for _, names in devices for each in names if each]
    matches = [name] if name in known else [each for each in known if name.lower() in each.lower()]
    if len(matches) != 1:
        many = "more than one" if matches else "no"
        ports = ", ".join(matches or known) or "none"
        reason = f"{many} port has that in its name. Ports: {ports}"
        raise UgenError(reason, flag=flag, value=name)
    device, names = next((device, names) for device, names in devices if matches[0] in names)
    with without_stderr():
        device.open_port(names.index(matches[0]))
    return device


def _new_port(devices: list[tuple[Any, list[str]]], flag: str) -> Any:
    """A port for others to connect to, in the first MIDI system that is available."""
    import rtmidi2

    if platform.system() == "Windows":
        reason = "Windows cannot; loopMIDI makes a port whose name you can give"
        raise UgenError(reason, flag=flag, value=NEW)
    for device, names in devices:
        # JACK without a port may not be running, and opening one would then abort the process
        if names or device.get_current_api() != rtmidi2.API_UNIX_JACK:
            with without_stderr():
                device.open_virtual_port("ugen")
            return device
    reason = "this machine has no MIDI system (ALSA, or JACK with a port in it)"
    raise UgenError(reason, flag=flag, value=NEW)


def _devices(direction: Direction) -> list[tuple[Any, list[str]]]:
    """An unopened device for each of the MIDI systems here, and the names of its ports."""
    require("rtmidi2", "play")
    import rtmidi2

    devices = []
    for system in _SYSTEMS.get(platform.system(), _ELSEWHERE):
        api = getattr(rtmidi2, system)
        # rtmidi2 raises RuntimeError where there is no such system
        with without_stderr(), suppress(RuntimeError):
            make = rtmidi2.MidiOut if direction == "out" else rtmidi2.MidiIn
            device = make("ugen", api)
            if device.get_current_api() == api:  # and not another in its place
                devices.append((device, [name or "" for name in device.ports]))
    return devices
