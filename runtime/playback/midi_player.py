"""Notes sent in time while the song is still being made, in one thread.

Making notes takes some milliseconds at a time, and now and then many. So they are made ahead, in
gaps of the music that are longer than what any of that took lately, or in shorter ones when little
music is at hand. The rest of a gap is slept through, and its very end waited out awake.

When the music is late all the same, its clock stops until it is there: it pauses, and nothing is
rushed through.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import NamedTuple, Protocol

from ugen.data import Note
from ugen.data.midi.channels import Channels

from .midi_port import NOTE_OFF, NOTE_ON, PROGRAM

AHEAD = 10.0  # seconds of music that are made ahead at most
MOST_AHEAD = 2000  # notes, if so many are in them
FIRST = 4.0  # seconds of music made before it begins
# seconds of music at hand, with less of which notes are made in ever shorter gaps, with half of it
# in any
SAFE = 2.0
# how many times to remember what it took; most may have taken nothing, as notes come in bursts
LATELY = 500
PAUSE = 0.05  # seconds: lateness that stops the clock
# seconds: sleep ends some 0.1 ms late on Linux, so the last of a gap is waited out awake
NEAR = 0.0002
LONGEST_SLEEP = 0.25  # seconds, which is also how often progress is told


class MidiOut(Protocol):
    """Where channel messages go to."""

    def send(self, *message: int) -> None:
        """Send a status byte and its data bytes."""


class PlaybackStats(NamedTuple):
    """Music played so far: its length, pauses aside, and its notes. How late note ons and offs were
    sent, and how often and how long in all the music paused because it was not made in time."""

    seconds: float
    notes: int
    mean_late_ms: float
    worst_late_ms: float
    pauses: int
    paused_seconds: float


def perform(
    notes: Iterable[Note | None],
    port: MidiOut,
    on_progress: Callable[[float], None] = lambda seconds: None,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> PlaybackStats:
    """Play notes to their end, if there is one. Arguments as for `Playing`."""
    return Playing(notes, port, on_progress, clock, sleep).play()


class Playing:
    """Notes being played.

    `notes`: in order of onset, made as they are asked for; they may be endless, and a None among
    them says that there is no new one yet. `port`: what still sounds when `play` is left by an
    exception is for it to end. `on_progress` is called with the seconds of music played, four times
    a second where there is time for it. `clock`, `sleep`: seconds.
    """

    def __init__(
        self,
        notes: Iterable[Note | None],
        port: MidiOut,
        on_progress: Callable[[float], None] = lambda seconds: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._notes, self._port, self._on_progress = iter(notes), port, on_progress
        self._clock, self._sleep = clock, sleep
        self._ahead: deque[Note] = deque()
        self._all_made = False
        self._costs: deque[float] = deque(maxlen=LATELY)
        self._longest = 0.0  # of them
        self._channels, self._strikes = Channels(), count()
        self._ends: list[
            tuple[float, int, int, int]
        ] = []  # a heap: when, which strike, channel, pitch
        self._sounding: dict[
            tuple[int, int], int
        ] = {}  # channel and pitch to the strike that sounds there
        self.begun = 0.0  # by the clock, when the music's second 0 was; moved by pauses
        self._told = self._played = self._late = self._worst = self._paused = 0.0
        self._sent = self._struck = self._pauses = 0

    @property
    def so_far(self) -> PlaybackStats:
        """What has been played, for after Ctrl-C too."""
        mean = self._late / max(self._sent, 1)
        return PlaybackStats(
            self._played, self._struck, mean * 1e3, self._worst * 1e3, self._pauses, self._paused
        )

    def play(self) -> PlaybackStats:
        """Play to the end, if there is one."""
        while self._room(0.0) and (not self._ahead or self._ahead[-1].onset < FIRST):
            self._make()
        self.begun = self._clock()
        while self._ahead or self._ends or not self._all_made:
            now = self._clock() - self.begun
            gap = self._due() - now
            if gap <= 0:
                self._send(-gap)
            elif self._room(now) and gap > self._margin(now):
                self._make()
            elif gap > NEAR:
                self._rest(now, gap)
        self._on_progress(self._played)
        return self.so_far

    def _room(self, now: float) -> bool:
        """Whether more may be made ahead."""
        if self._all_made or len(self._ahead) >= MOST_AHEAD:
            return False
        return not self._ahead or self._ahead[-1].onset < now + AHEAD

    def _margin(self, now: float) -> float:
        """The least gap to make notes in."""
        at_hand = self._ahead[-1].onset - now if self._ahead else 0.0
        return self._longest * min(max(2 * at_hand / SAFE - 1, 0.0), 1.0)

    def _make(self) -> None:
        before = self._clock()
        try:
            note = next(self._notes)
        except StopIteration:
            note, self._all_made = None, True
        if note is not None:
            self._ahead.append(note)
        self._costs.append(self._clock() - before)
        self._longest = max(self._costs)

    def _due(self) -> float:
        """When the next event is to be sent; never, when none is known."""
        onset = self._ahead[0].onset if self._ahead else math.inf
        return min(onset, self._ends[0][0]) if self._ends else onset

    def _rest(self, now: float, gap: float) -> None:
        """Sleep, at most until just before the next event; tell progress first when it is time
        to."""
        if now - self._told >= LONGEST_SLEEP and gap > 10 * NEAR:
            self._told = now
            self._on_progress(now)
        else:
            self._sleep(min(gap - NEAR, LONGEST_SLEEP))

    def _send(self, late: float) -> None:
        """The next event."""
        due = self._due()
        if late > PAUSE:
            self.begun += late
            self._pauses, self._paused, late = self._pauses + 1, self._paused + late, 0.0
        self._played = max(self._played, due)
        self._sent, self._late, self._worst = (
            self._sent + 1,
            self._late + late,
            max(self._worst, late),
        )
        if self._ends and self._ends[0][0] <= due:
            _, strike, channel, pitch = heapq.heappop(self._ends)
            self._end(strike, channel, pitch)
        else:
            self._strike(self._ahead.popleft())

    def _strike(self, note: Note) -> None:
        """A note on, after what its channel and pitch need first."""
        channel, new_program = self._channels.of(note.program, note.drum)
        if new_program:
            self._port.send(PROGRAM | channel, note.program)
        key, strike = (channel, note.pitch), next(self._strikes)
        if key in self._sounding:
            self._end(self._sounding[key], *key)
        self._sounding[key] = strike
        heapq.heappush(self._ends, (note.end, strike, *key))
        self._port.send(NOTE_ON | channel, note.pitch, note.velocity)
        self._struck += 1

    def _end(self, strike: int, channel: int, pitch: int) -> None:
        """A note off, unless another strike sounds there by now."""
        if self._sounding.get((channel, pitch)) == strike:
            del self._sounding[channel, pitch]
            self._port.send(NOTE_OFF | channel, pitch, 0)
