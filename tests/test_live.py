"""Notes sent live: when, in which order, how far ahead, what a slow model does to them; MIDI ports
by name."""

from __future__ import annotations

import itertools
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import command, digest, finished, ugen_run
from ugen.data import Note, UgenError, read_midi
from ugen.data.midi.messages import ALL_NOTES_OFF
from ugen.runtime.playback import midi_player, midi_port
from ugen.runtime.playback.midi_player import AHEAD, MAX_AHEAD, NEAR, PAUSE, MidiPlayer, play
from ugen.runtime.playback.midi_port import (
    CONTROL,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    Port,
    open_port,
    port_names,
)

ON_TIME = 1e-4  # seconds: some readings of a made-up clock
AT_ONCE = itertools.repeat(0.0)


class Clock:
    """Made-up time: a reading takes a microsecond, sleep what it says, and all else nothing."""

    def __init__(self, tick: float = 1e-6):
        self.now, self.tick, self.readings = 100.0, tick, 0

    def __call__(self) -> float:
        self.now += self.tick
        self.readings += 1
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def making(self, notes: Iterable[Note | None], costs: Iterable[float]) -> Iterator[Note | None]:
        """Notes whose making takes time."""
        for note, cost in zip(notes, costs, strict=False):
            self.now += cost
            yield note


class Recorder:
    """A port that records what was sent, and when."""

    def __init__(self, clock: Clock):
        self.messages: list[tuple[float, tuple[int, ...]]] = []
        self._clock = clock

    def send(self, *message: int) -> None:
        self.messages.append((self._clock.now, message))

    def of(self, kind: int) -> list[tuple[float, int]]:
        """Time and pitch of all messages of a kind."""
        return [(when, sent[1]) for when, sent in self.messages if sent[0] & 0xF0 == kind]


def played(
    notes: Iterable[Note | None], costs: Iterable[float] = AT_ONCE
) -> tuple[MidiPlayer, Recorder]:
    """Notes, played; the record has the music's time, if there were no pauses."""
    clock = Clock()
    port = Recorder(clock)
    playing = MidiPlayer(clock.making(notes, costs), port, clock=clock, sleep=clock.sleep)
    playing.play()
    port.messages = [(when - playing.start, sent) for when, sent in port.messages]
    return playing, port


def steady(spacing: float) -> Iterator[Note]:
    """Endless notes, each half as long as the time to the next."""
    return (Note(i * spacing, (i + 0.5) * spacing, 40 + i % 40, 90) for i in itertools.count())


@st.composite
def tunes(draw: st.DrawFn, programs: int = 3, least: int = 1) -> list[Note]:
    """Notes on a coarse grid, so that many begin together, of few pitches, so that many begin
    while they sound."""
    number = st.integers
    row = st.tuples(
        number(0, 60), number(1, 12), number(60, 63), number(0, programs - 1), st.booleans()
    )
    rows = sorted(draw(st.lists(row, min_size=least, max_size=60)))
    return [
        Note(on / 4, (on + length) / 4, pitch, 64, program, drum)
        for on, length, pitch, program, drum in rows
    ]


def on_grid(when: float) -> float:
    """The place on the tunes' grid, which it must be at."""
    place = round(when * 4) / 4
    assert -1e-6 <= when - place <= ON_TIME
    return place


def check_pairs(port: Recorder) -> None:
    """Every on has one off, no note begins while its pitch sounds, and in the end all is silent."""
    sounding: set[tuple[int, int]] = set()
    for _, (status, pitch, *_) in port.messages:
        if status & 0xF0 == NOTE_ON:
            assert (status & 15, pitch) not in sounding
            sounding.add((status & 15, pitch))
        elif status & 0xF0 == NOTE_OFF:
            sounding.remove((status & 15, pitch))
    assert not sounding


@given(tunes(programs=1))
def test_every_note_begins_and_ends_exactly_when_it_should(notes: list[Note]) -> None:
    melody = [note._replace(drum=False) for note in notes]
    playing, port = played(melody)
    assert [(on_grid(when), pitch) for when, pitch in port.of(NOTE_ON)] == [
        (n.onset, n.pitch) for n in melody
    ]
    ends = [
        (
            min(
                [note.end, *(later.onset for later in melody[i + 1 :] if later.pitch == note.pitch)]
            ),
            note.pitch,
        )
        for i, note in enumerate(melody)
    ]
    assert Counter((on_grid(when), pitch) for when, pitch in port.of(NOTE_OFF)) == Counter(ends)
    done = playing.stats
    assert (done.notes, done.gaps, done.gap_seconds) == (len(melody), 0, 0.0)
    assert 0 <= done.mean_late_ms <= done.worst_late_ms < ON_TIME * 1e3
    assert done.seconds == max(n.end for n in melody)


@given(tunes())
def test_what_ends_goes_before_what_begins(notes: list[Note]) -> None:
    _, port = played(notes)
    check_pairs(port)
    messages = [(on_grid(when), sent) for when, sent in port.messages if sent[0] & 0xF0 != PROGRAM]
    last_on = -1.0
    for (when, (status, pitch, _)), following in zip(messages, [*messages[1:], None], strict=True):
        if status & 0xF0 == NOTE_ON:
            last_on = when
        elif last_on == when:  # only a repeated pitch ends after another note has begun
            assert following is not None and following == (
                when,
                (status - NOTE_OFF + NOTE_ON, pitch, 64),
            )


def test_a_repeated_note_outlives_the_end_of_the_first() -> None:
    _, port = played([Note(0, 2, 60, 64), Note(1, 3, 60, 64), Note(4, 5, 60, 64)])
    kinds = [(sent[0] & 0xF0, round(when)) for when, sent in port.messages]
    assert kinds[0] == (PROGRAM, 0)
    assert kinds[1:] == [
        (NOTE_ON, 0),
        (NOTE_OFF, 1),
        (NOTE_ON, 1),
        (NOTE_OFF, 3),
        (NOTE_ON, 4),
        (NOTE_OFF, 5),
    ]


@settings(max_examples=30)
@given(tunes(programs=20, least=30))
def test_notes_play_with_their_program(notes: list[Note]) -> None:
    """Twenty programs: more than there are channels, so that channels change hands."""
    _, port = played(notes)
    check_pairs(port)
    programs: dict[int, int] = {}
    onsets = []
    for _, (status, value, *_) in port.messages:
        if status & 0xF0 == PROGRAM:
            programs[status & 15] = value
        elif status & 0xF0 == NOTE_ON:
            onsets.append((value, programs[status & 15], status & 15 == 9))
    assert onsets == [(n.pitch, n.program, n.drum) for n in notes]


@given(tunes(), st.floats(1e-5, 0.005))
def test_making_that_always_takes_the_same_delays_nothing(notes: list[Note], cost: float) -> None:
    playing, port = played(notes, itertools.repeat(cost))
    check_pairs(port)
    assert playing.stats.worst_late_ms < ON_TIME * 1e3


@given(tunes(), st.lists(st.floats(0, 0.04), min_size=60, max_size=60))
def test_nothing_is_later_than_one_note_takes_to_make(
    notes: list[Note], costs: list[float]
) -> None:
    playing, port = played(notes, costs)
    check_pairs(port)
    assert playing.stats.worst_late_ms <= (max(costs) + ON_TIME) * 1e3
    assert playing.stats.gaps == 0


def test_making_that_takes_long_now_and_then_waits_for_a_long_gap() -> None:
    """A burst of thirty notes that take nothing, after six times 70 ms without one: of the gaps
    between two events some are 50 ms, some 150 ms."""
    notes: list[Note | None] = [
        note for i, note in enumerate(itertools.islice(steady(0.1), 1200)) if i % 4
    ]
    costs = [0.0] * len(notes)
    for i in range(len(notes) // 30 * 30, 0, -30):
        notes[i:i], costs[i:i] = [None] * 6, [0.07] * 6
    playing, port = played(notes, costs)
    check_pairs(port)
    assert playing.stats.worst_late_ms < ON_TIME * 1e3


@pytest.mark.parametrize("spacing", [0.02, 0.1, 0.7, 3.0, 40.0])
@pytest.mark.parametrize("cost", [0.0, 0.002])
def test_little_is_made_ahead_of_endless_music(spacing: float, cost: float) -> None:
    clock = Clock()
    port, ahead = Recorder(clock), [0.0]

    def making() -> Iterator[Note]:
        for note in steady(spacing):
            if playing.stats.seconds > 15 + spacing:
                return
            ahead.append(note.onset - (clock.now - (playing.start or clock.now)))
            clock.now += cost
            yield note

    playing = MidiPlayer(making(), port, clock=clock, sleep=clock.sleep)
    playing.play()
    assert max(ahead) <= AHEAD + spacing
    assert max(ahead) >= AHEAD - 0.1
    check_pairs(port)


def test_of_endless_notes_at_one_time_few_are_made_ahead() -> None:
    clock = Clock()
    port, ahead = Recorder(clock), [0]

    def making() -> Iterator[Note]:
        for i in range(3 * MAX_AHEAD):
            ahead.append(i - len(port.of(NOTE_ON)) if i % 100 == 0 else 0)
            yield Note(0.0, 1.0, i % 128, 64)

    play(making(), port, clock=clock, sleep=clock.sleep)
    assert max(ahead) <= MAX_AHEAD


def test_music_made_slower_than_it_plays_pauses_and_is_not_rushed() -> None:
    """Made half as fast as it plays: it lasts twice as long, but for what was made before it
    began."""
    playing, port = played(itertools.islice(steady(0.1), 300), itertools.repeat(0.2))
    check_pairs(port)
    onsets = [when for when, _ in port.of(NOTE_ON)]
    gaps = [after - before for before, after in itertools.pairwise(onsets)]
    assert min(gaps) > 0.1 - PAUSE - ON_TIME
    assert max(gaps) < 0.1 + 0.2 + PAUSE
    done = playing.stats
    assert done.gaps > 50
    assert done.gap_seconds == pytest.approx(onsets[-1] - onsets[0] - 29.9, abs=PAUSE)
    assert done.worst_late_ms <= PAUSE * 1e3
    assert done.seconds == pytest.approx(29.95)


def test_a_long_stop_is_one_pause_and_then_all_goes_on() -> None:
    """The machine stands still for a minute while a note is made. What comes after may take half a
    millisecond in spite of that, before there is nothing left to play."""
    costs = [0.0005] * 400
    costs[200] = 60.0
    legato = (Note(i / 10, (i + 1) / 10, 60, 64) for i in range(400))
    playing, port = played(legato, costs)
    check_pairs(port)
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(port.of(NOTE_ON))]
    assert sorted(gaps)[:-1] == pytest.approx([0.1] * 398, abs=ON_TIME)
    assert max(gaps) == pytest.approx(60, abs=0.1)
    done = playing.stats
    assert (done.gaps, done.worst_late_ms) == (1, pytest.approx(0, abs=ON_TIME * 1e3))
    assert done.gap_seconds == pytest.approx(60, abs=0.1)


@given(tunes(), st.randoms(use_true_random=False))
def test_none_is_no_note_and_no_end(notes: list[Note], random: Random) -> None:
    mixed: list[Note | None] = [*notes]
    for _ in range(20):
        mixed.insert(random.randrange(len(mixed) + 1), None)
    port = [
        [(on_grid(when), sent) for when, sent in played(made)[1].messages]
        for made in (notes, mixed)
    ]
    assert port[0] == port[1]


def test_waiting_is_mostly_sleep_and_progress_is_reported() -> None:
    clock = Clock()
    reports: list[float] = []
    notes = clock.making(itertools.islice(steady(0.1), 600), AT_ONCE)
    done = play(notes, Recorder(clock), reports.append, clock, clock.sleep)
    assert clock.readings * clock.tick < 2 * 600 * (NEAR + ON_TIME)
    assert reports == sorted(reports) and reports[-1] == done.seconds == pytest.approx(59.95)
    assert min(b - a for a, b in itertools.pairwise(reports[:-1])) > 0.2
    assert max(b - a for a, b in itertools.pairwise(reports)) < 0.4


class Device:
    """What rtmidi2 opens: `sent` is all that reached it."""

    def __init__(self, api: int = 0, ports: Iterable[str | None] = ()):
        self.ports, self._api = list(ports), api
        self.sent: list[tuple[int, ...]] = []
        self.opened: int | str | None = None
        self.closed = False

    def get_current_api(self) -> int:
        return self._api

    def open_port(self, number: int) -> None:
        os.write(2, b"noise of opening\n")
        self.opened = number

    def open_virtual_port(self, name: str) -> None:
        self.opened = name

    def send_raw(self, *message: int) -> None:
        self.sent.append(message)

    def close_port(self) -> None:
        os.write(2, b"noise of closing\n")
        self.closed = True

    def sounding(self) -> set[tuple[int, int]]:
        """What note ons and offs, without a control's help, have left."""
        left = set()
        for status, pitch, *_ in self.sent:
            if status & 0xF0 == NOTE_ON:
                left.add((status & 15, pitch))
            elif status & 0xF0 == NOTE_OFF:
                left.discard((status & 15, pitch))
        return left


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports that close without waiting."""
    monkeypatch.setattr(midi_port, "_FLUSH", 0.0)


def interrupted(after: int) -> tuple[Device, bool]:
    """A short song with Ctrl-C after a number of steps of our code, and whether it came before the
    end."""
    clock, device, steps = Clock(NEAR / 3), Device(), itertools.count()
    notes = [
        Note(0, 1, 60, 64),
        Note(0, 2, 64, 64, 5),
        Note(1, 2, 60, 64),
        Note(1.5, 2, 64, 64, 5),
        Note(3, 4, 36, 9, 0, True),
    ]

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename not in (midi_player.__file__, midi_port.__file__):
            return None
        frame.f_trace_opcodes = frame.f_code is Port.send.__code__
        if event in ("line", "opcode") and next(steps) == after:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    with Port(device, "a") as port:
        try:
            sys.settrace(trace)
            play(clock.making(notes, AT_ONCE), port, clock=clock, sleep=clock.sleep)
        except KeyboardInterrupt:
            return device, True
        finally:
            sys.settrace(before)
    return device, False


@pytest.mark.usefixtures("at_once")
def test_ctrl_c_at_any_moment_leaves_nothing_sounding() -> None:
    left = 0
    for after in itertools.count():
        device, came = interrupted(after)
        assert device.closed and not device.sounding()
        used = {status & 15 for status, *_ in device.sent if status & 0xF0 == NOTE_ON}
        controls = list(
            itertools.takewhile(lambda sent: sent[0] & 0xF0 == CONTROL, reversed(device.sent))
        )
        assert used <= {status & 15 for status, *_ in controls}
        assert all(sent[1:] == (ALL_NOTES_OFF, 0) for sent in controls)
        left += len(device.sent) > 0
        if not came:
            break
    assert left > 200
    assert len(device.sent) == 3 + 5 + 5 + 3


def test_a_port_closes_when_its_last_messages_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """JACK loses what a port that closes has not handed on."""
    slept: list[tuple[float, int]] = []
    device = Device()
    monkeypatch.setattr(
        midi_port, "time", SimpleNamespace(sleep=lambda s: slept.append((s, len(device.sent))))
    )
    with Port(device, "a") as port:
        port.send(NOTE_ON, 60, 64)
    port.close()
    assert slept == [(midi_port._FLUSH, 3)] and len(device.sent) == 3
    assert midi_port._FLUSH > 4096 / 48_000


@pytest.mark.usefixtures("at_once")
def test_a_port_that_is_gone_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device()

    def gone(*message: int) -> None:
        raise RuntimeError("MidiOutWinMM::sendMessage:\nerror sending MIDI message.")

    port = Port(device, "a")
    port.send(NOTE_ON, 60, 64)
    monkeypatch.setattr(device, "send_raw", gone)
    with pytest.raises(UgenError) as caught:
        port.send(NOTE_OFF, 60, 0)
    port.close()
    assert (
        str(caught.value) == "--midi-port a: MidiOutWinMM::sendMessage: error sending MIDI message."
    )
    assert device.closed


ALSA, JACK, MAC, WINDOWS = 2, 3, 1, 4
THROUGH, SYNTH, PIANO = (
    "Midi Through:Midi Through Port-0 14:0",
    "FLUID Synth (1):Synth input port 128:0",
    "Digital Piano 20:0",
)


class Machine:
    """A made-up rtmidi2: the systems that are there, and their ports. `devices`: what was made of
    it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, system: str, **ports: list[str | None]):
        monkeypatch.setattr(platform, "system", lambda: system)
        names = {
            "API_LINUX_ALSA": ALSA,
            "API_UNIX_JACK": JACK,
            "API_MACOSX_CORE": MAC,
            "API_WINDOWS_MM": WINDOWS,
        }
        monkeypatch.setitem(
            sys.modules,
            "rtmidi2",
            SimpleNamespace(MidiOut=self._device, MidiIn=self._device, **names),
        )
        self._ports = {names[f"API_{name}"]: there for name, there in ports.items()}
        self.devices: dict[int, Device] = {}

    def _device(self, client: str, api: int) -> Device:
        assert client == "ugen"
        if api not in self._ports and ALSA in self._ports:
            api = ALSA  # what RtMidi does
        if api not in self._ports:
            os.write(2, b"ALSA lib seq_hw.c:529:(snd_seq_hw_open) open /dev/snd/seq failed\n")
            raise RuntimeError(
                "MidiOutAlsa::initialize: error creating ALSA sequencer client object."
            )
        return self.devices.setdefault(api, Device(api, self._ports[api]))


def refused(name: str) -> str:
    with pytest.raises(UgenError) as caught:
        open_port(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_ports_of_all_systems_have_names(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Machine(monkeypatch, "Linux", LINUX_ALSA=[THROUGH, None], UNIX_JACK=["system:midi_playback_1"])
    assert port_names() == [THROUGH, "system:midi_playback_1"]
    Machine(monkeypatch, "Linux", LINUX_ALSA=[THROUGH])  # RtMidi without JACK gives ALSA again
    assert port_names() == [THROUGH]
    Machine(monkeypatch, "Linux", UNIX_JACK=["system:midi_playback_1"])
    assert port_names() == ["system:midi_playback_1"]
    Machine(monkeypatch, "Darwin", MACOSX_CORE=["IAC Driver Bus 1"])
    assert port_names() == ["IAC Driver Bus 1"]
    Machine(monkeypatch, "Windows", WINDOWS_MM=["Microsoft GS Wavetable Synth 0"])
    assert port_names() == ["Microsoft GS Wavetable Synth 0"]
    Machine(monkeypatch, "Linux")
    assert port_names() == []
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("at_once")
def test_a_port_opens_by_name(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(
        monkeypatch, "Linux", LINUX_ALSA=[None, THROUGH, SYNTH, "Synth"], UNIX_JACK=["a", PIANO]
    )
    for name, api, number in (
        (SYNTH, ALSA, 2),
        ("Synth", ALSA, 3),
        ("fluid", ALSA, 2),
        ("PIANO", JACK, 1),
    ):
        with open_port(name) as port:
            assert machine.devices[api].opened == number
            port.send(NOTE_ON | 3, 60, 64)
        device = machine.devices.pop(api)
        assert device.sent == [
            (NOTE_ON | 3, 60, 64),
            (NOTE_OFF | 3, 60, 0),
            (CONTROL | 3, ALL_NOTES_OFF, 0),
        ]
        assert device.closed
    assert capfd.readouterr().err == ""


def test_a_port_by_no_or_many_names_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, "Linux", LINUX_ALSA=[THROUGH, SYNTH], UNIX_JACK=[PIANO])
    assert (
        refused("organ")
        == f"--midi-port organ: no port has that in its name. Ports: {THROUGH}, {SYNTH}, {PIANO}"
    )
    assert (
        refused("port")
        == f"--midi-port port: more than one port has that in its name. Ports: {THROUGH}, {SYNTH}"
    )
    Machine(monkeypatch, "Linux")
    assert refused("organ") == "--midi-port organ: no port has that in its name. Ports: none"


def test_a_new_port_is_for_others_to_connect_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """JACK that may not be running is not asked for one: it would abort the process."""
    for system, ports, api in (
        ("Linux", {"LINUX_ALSA": [], "UNIX_JACK": ["a"]}, ALSA),
        ("Linux", {"UNIX_JACK": ["a"]}, JACK),
        ("Darwin", {"MACOSX_CORE": []}, MAC),
    ):
        machine = Machine(monkeypatch, system, **ports)
        open_port("new").close()
        assert {
            number: device.opened for number, device in machine.devices.items() if device.opened
        } == {api: "ugen"}
    machine = Machine(monkeypatch, "Linux", UNIX_JACK=[])
    assert refused("new").startswith("--midi-port new: this machine has no MIDI system")
    assert machine.devices[JACK].opened is None
    Machine(monkeypatch, "Windows", WINDOWS_MM=["Microsoft GS Wavetable Synth 0"])
    assert refused("new").startswith("--midi-port new: Windows")


def test_without_rtmidi2_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi2", None)
    assert "pip install 'ugen-music[play]'" in refused("new")


def test_rtmidi2_has_what_is_asked_of_it() -> None:
    rtmidi2 = pytest.importorskip("rtmidi2")
    assert (
        len(
            {
                getattr(rtmidi2, f"API_{name}")
                for name in ("LINUX_ALSA", "UNIX_JACK", "MACOSX_CORE", "WINDOWS_MM")
            }
        )
        == 4
    )
    for name in (
        "open_port",
        "open_virtual_port",
        "send_raw",
        "close_port",
        "get_current_api",
        "ports",
    ):
        assert hasattr(rtmidi2.MidiOut, name)


# the command

FAKE = """
import os, time
API_LINUX_ALSA, API_UNIX_JACK, API_MACOSX_CORE, API_WINDOWS_MM = range(4)
class MidiOut:
    def __init__(self, name, api):
        self._api, self.ports = api, ["Synth 1"]
        if api == API_UNIX_JACK:
            raise RuntimeError("no JACK")
    def get_current_api(self): return self._api
    def open_port(self, number): self._file = open(os.environ["HEARD"], "w")
    def close_port(self): self._file.close()
    def send_raw(self, *message): print(time.monotonic(), *message, file=self._file)
class MidiIn(MidiOut):
    def __init__(self, name, api): self._api, self.ports = api, []
"""


def test_the_command_plays_on_a_port_and_writes_what_it_played(
    model_file: Path, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "rtmidi2.py").write_text(FAKE)
    monkeypatch.setenv(
        "PYTHONPATH", f"{tmp_path / 'lib'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    )
    monkeypatch.setenv("HEARD", str(tmp_path / "heard.txt"))
    assert finished(command("ugen-run", model_file, "--list-ports")) == "Synth 1\n"
    song = tmp_path / "song.mid"
    words = ["--midi-port", "synth", "-o", song, "--seconds", 3, "--seed", 1]
    said = finished(command("ugen-run", model_file, *words, "--transpose", 1, "--exact"))
    assert "seed 1" in said and re.search(r"played [23]\.\d s", said)
    rows = [line.split() for line in (tmp_path / "heard.txt").read_text().splitlines()]
    sent = [
        (float(at), int(pitch)) for at, status, pitch, *_ in rows if int(status) & 0xF0 == NOTE_ON
    ]
    notes = read_midi(song).notes
    assert sorted(pitch for _, pitch in sent) == sorted(notes["pitch"].tolist())
    assert sum(int(row[1]) & 0xF0 == NOTE_OFF for row in rows) == len(sent)
    onsets = read_midi(song).seconds_at(notes["onset"])
    assert sent[-1][0] - sent[0][0] == pytest.approx(onsets[-1] - onsets[0], abs=0.2), (
        "in its own time"
    )
    again = ugen_run(model_file, "--replay", song, "-o", tmp_path / "again.mid")
    assert again.returncode == 0 and digest(tmp_path / "again.mid") == digest(song)
