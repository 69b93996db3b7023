"""MIDI ports of this machine, found and opened by name. rtmidi2 knows them: `pip install
'ugen-music[play]'`."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from typing import Any

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
_LAST_WORDS = 0.1


class Port:
    """An open MIDI port, in a `with` block. Closing it ends all that it let sound."""

    def __init__(self, device: Any, name: str):
        self._device, self._name = device, name
        self._sounding: set[tuple[int, int]] = set()  # channel and pitch
        self._channels: set[int] = set()

    def send(self, *message: int) -> None:
        """Send one channel message: its status byte and its data bytes. Raises UgenError when the
        port is gone."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if (
            kind == NOTE_ON
        ):  # written down before it sounds, and crossed out after, as Ctrl-C may come at any time
            self._channels.add(channel)
            self._sounding.add((channel, message[1]))
        try:
            self._device.send_raw(*message)
        except RuntimeError as error:
            raise UgenError(f"--midi-port {self._name}: {' '.join(str(error).split())}") from None
        if kind == NOTE_OFF:
            self._sounding.discard((channel, message[1]))

    def close(self) -> None:
        """End all notes, first those known to sound, and close."""
        with suppress(UgenError), without_stderr():  # gone already: nothing sounds
            for channel, pitch in sorted(self._sounding):
                self.send(NOTE_OFF | channel, pitch, 0)
            for channel in sorted(self._channels):
                self.send(CONTROL | channel, messages.ALL_NOTES_OFF, 0)
            if self._channels:
                time.sleep(_LAST_WORDS)
            self._channels.clear()
        with without_stderr():
            self._device.close_port()

    def __enter__(self) -> Port:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def port_names() -> list[str]:
    """Names of the ports that notes can be sent to. Raises UgenError when rtmidi2 is not
    installed."""
    return [name for _, names in _devices() for name in names if name]


def open_port(name: str) -> Port:
    """Open the port of that name, or the only one whose name has `name` in it, in capitals or not;
    `new` opens a port called ugen, for others to connect to. Raises UgenError when there is none or
    more than one."""
    devices = _devices()
    if name == NEW:
        return _new_port(devices)
    there = [each for _, names in devices for each in names if each]
    found = [name] if name in there else [each for each in there if name.lower() in each.lower()]
    if len(found) != 1:
        many = "more than one" if found else "no"
        ports = ", ".join(found or there) or "none"
        raise UgenError(f"--midi-port {name}: {many} port has that in its name. Ports: {ports}")
    device, names = next((device, names) for device, names in devices if found[0] in names)
    with without_stderr():
        device.open_port(names.index(found[0]))
    return Port(device, name)


def _new_port(devices: list[tuple[Any, list[str]]]) -> Port:
    """A port for others to connect to, in the first system that is there."""
    import rtmidi2

    if platform.system() == "Windows":
        raise UgenError(
            f"--midi-port {NEW}: Windows cannot; loopMIDI makes a port whose name you can give"
        )
    for device, names in devices:
        # with no port in it, JACK may not be running, and opening one would then abort the process
        if names or device.get_current_api() != rtmidi2.API_UNIX_JACK:
            with without_stderr():
                device.open_virtual_port("ugen")
            return Port(device, NEW)
    raise UgenError(
        f"--midi-port {NEW}: this machine has no MIDI system (ALSA, or JACK with a port in it)"
    )


def _devices() -> list[tuple[Any, list[str]]]:
    """An unopened device for each of the MIDI systems here, and the names of its ports."""
    require("rtmidi2", "play")
    import rtmidi2

    devices = []
    for system in _SYSTEMS.get(platform.system(), _ELSEWHERE):
        api = getattr(rtmidi2, system)
        with (
            without_stderr(),
            suppress(RuntimeError),
        ):  # what it raises when there is no such system
            device = rtmidi2.MidiOut("ugen", api)
            if device.get_current_api() == api:  # and not another, for want of it
                devices.append((device, [name or "" for name in device.ports]))
    return devices
