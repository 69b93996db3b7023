"""Send notes in time while the song is still being made, in one thread.

Making notes takes some milliseconds at a time, and now and then many. So they are made ahead, in
gaps of the music that are longer than what any of that took lately, or in shorter ones when little
music is in stock. The rest of a gap is slept through, and its very end spent in a busy loop.

When the music is late all the same, its clock stops until it is there: it pauses, and is not rushed
through.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Protocol

from ugen.data import Note
from ugen.data.midi.channels import Channels

from .midi_port import NOTE_OFF, NOTE_ON, PROGRAM
from .stats import PlaybackStats

AHEAD = 10.0  # seconds of music made ahead at most
MAX_AHEAD = 2000  # notes made ahead at most
FIRST = 4.0  # seconds of music made before it starts
# seconds of music in stock: with less, notes are made in ever shorter gaps; with half of it, in any
SAFE = 2.0
# how many costs to remember; most are nothing, as notes come in bursts
RECENT_COSTS = 500
PAUSE = 0.05  # seconds: lateness that stops the clock
# seconds: sleep ends some 0.1 ms late on Linux, so the last of a gap is a busy loop
NEAR = 0.0002
LONGEST_SLEEP = 0.25  # seconds, which is also how often progress is reported


class MidiOut(Protocol):
    """Where channel messages go."""

    def send(self, *message: int) -> None:
        """Send a status byte and its data bytes."""


def play(
    notes: Iterable[Note | None],
    port: MidiOut,
    on_progress: Callable[[float], None] = lambda seconds: None,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> PlaybackStats:
    """Play notes to their end, if there is one. Arguments as for `MidiPlayer`."""
    return MidiPlayer(notes, port, on_progress, clock, sleep).play()


class MidiPlayer:
    """Plays notes on a port.

    `notes`: in order of onset, made as they are asked for; they may be endless, and a None among
    them means that there is no new one yet. `port`: when an exception leaves `play`, it must end
    what still sounds. `on_progress` gets the seconds of music played, four times a second where
    there is time for it. `clock`, `sleep`: in seconds.
    """

    def __init__(
        self,
        notes: Iterable[Note | None],
        port: MidiOut,
        on_progress: Callable[[float], None] = lambda seconds: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._notes = iter(notes)
        self._port = port
        self._on_progress = on_progress
        self._clock = clock
        self._sleep = sleep
        self._stock: deque[Note] = deque()
        self._all_made = False
        self._costs: deque[float] = deque(maxlen=RECENT_COSTS)
        self._highest_cost = 0.0  # of those
        self._channels = Channels()
        self._numbers = count()  # of onsets
        # a heap: when a note ends, and its number, channel and pitch
        self._ends: list[tuple[float, int, int, int]] = []
        # by channel and pitch: the number of the note that sounds there
        self._sounding: dict[tuple[int, int], int] = {}
        self.start = 0.0  # by the clock, when second 0 of the music was; moved by pauses
        self._reported = 0.0
        self._late = 0.0  # in all
        self._sent = 0
        self._stats = PlaybackStats(0.0, 0, 0.0)

    @property
    def stats(self) -> PlaybackStats:
        """What has been played so far, also after Ctrl-C."""
        return self._stats._replace(mean_late_ms=self._late / max(self._sent, 1) * 1e3)

    def play(self) -> PlaybackStats:
        """Play to the end, if there is one."""
        while self._has_room(0.0) and (not self._stock or self._stock[-1].onset < FIRST):
            self._make()
        self.start = self._clock()
        while self._stock or self._ends or not self._all_made:
            now = self._clock() - self.start
            gap = self._due() - now
            if gap <= 0:
                self._send(-gap)
            elif self._has_room(now) and gap > self._least_gap(now):
                self._make()
            elif gap > NEAR:
                self._rest(now, gap)
        self._on_progress(self._stats.seconds)
        return self.stats

    def _has_room(self, now: float) -> bool:
        """Whether more may be made ahead."""
        if self._all_made or len(self._stock) >= MAX_AHEAD:
            return False
        return not self._stock or self._stock[-1].onset < now + AHEAD

    def _least_gap(self, now: float) -> float:
        """The least gap to make notes in."""
        in_stock = self._stock[-1].onset - now if self._stock else 0.0
        return self._highest_cost * min(max(2 * in_stock / SAFE - 1, 0.0), 1.0)

    def _make(self) -> None:
        before = self._clock()
        try:
            note = next(self._notes)
        except StopIteration:
            note, self._all_made = None, True
        if note is not None:
            self._stock.append(note)
        self._costs.append(self._clock() - before)
        self._highest_cost = max(self._costs)

    def _due(self) -> float:
        """When the next event is to be sent; never, when none is known."""
        onset = self._stock[0].onset if self._stock else math.inf
        return min(onset, self._ends[0][0]) if self._ends else onset

    def _rest(self, now: float, gap: float) -> None:
        """Sleep, at most until just before the next event, or report progress when it is time."""
        if now - self._reported >= LONGEST_SLEEP and gap > 10 * NEAR:
            self._reported = now
            self._on_progress(now)
        else:
            self._sleep(min(gap - NEAR, LONGEST_SLEEP))

    def _send(self, late: float) -> None:
        """Send the next event."""
        due, stats = self._due(), self._stats
        if late > PAUSE:
            self.start += late
            stats = stats._replace(gaps=stats.gaps + 1, gap_seconds=stats.gap_seconds + late)
            late = 0.0
        self._late += late
        self._sent += 1
        self._stats = stats._replace(
            seconds=max(stats.seconds, due), worst_late_ms=max(stats.worst_late_ms, late * 1e3)
        )
        if self._ends and self._ends[0][0] <= due:
            _, number, channel, pitch = heapq.heappop(self._ends)
            self._end(number, channel, pitch)
        else:
            self._begin(self._stock.popleft())

    def _begin(self, note: Note) -> None:
        """A note on, after what its channel and pitch need first."""
        channel, new_program = self._channels.of(note.program, note.drum)
        if new_program:
            self._port.send(PROGRAM | channel, note.program)
        key, number = (channel, note.pitch), next(self._numbers)
        if key in self._sounding:
            self._end(self._sounding[key], *key)
        self._sounding[key] = number
        heapq.heappush(self._ends, (note.end, number, *key))
        self._port.send(NOTE_ON | channel, note.pitch, note.velocity)
        self._stats = self._stats._replace(notes=self._stats.notes + 1)

    def _end(self, number: int, channel: int, pitch: int) -> None:
        """A note off, unless a later note sounds there by now."""
        if self._sounding.get((channel, pitch)) == number:
            del self._sounding[channel, pitch]
            self._port.send(NOTE_OFF | channel, pitch, 0)
