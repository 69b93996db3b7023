"""Notes to events of the `beats` codec.

Every event gets a row (point of time, rank there, token); one sort puts them in order. Rows take
much memory, so the music is encoded part by part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Encoded, Tokens, require_notes
from ugen.data.errors import CodecError
from ugen.data.score import Score, together

from .table import (
    DRUMS,
    DURATIONS,
    GRID,
    LONGEST_SHIFT,
    MAX_BARS,
    METERS,
    TEMPOS,
    VELOCITY_STEP,
    bar_steps,
)


class BeatsEncoder:
    """Encodes scores. `ids`: of the events, by name. `band`: keep programs and drums."""

    def __init__(self, ids: Mapping[str, int], band: bool):
        self.band = band
        self._ids = ids
        self._pitch = ids["pitch:0"]
        self._shift = ids["shift:1"]
        self._velocity = ids[f"velocity:{VELOCITY_STEP // 2}"]
        self._duration = ids[f"duration:{DURATIONS[0]}"]
        self._tempo = ids[f"tempo:{TEMPOS[0]}"]

    def encode(self, score: Score) -> Encoded:
        parts = self._on_grid(score)
        count = sum(map(len, parts))
        if not count:
            return Encoded(
                np.array([self._meter_id(4, 4), self._ids["piece"]], np.uint16), 0, len(score.notes)
            )
        bars, meters = self._bar_lines(score, int(parts[-1]["onset"][-1]), count)
        starts = np.array([notes["onset"][0] for notes in parts[1:]], np.int64)
        bars_of = np.split(bars, np.searchsorted(bars, starts))
        meters_of = np.split(meters, np.searchsorted(meters[:, 0], starts))
        before = _Before(_round_div(score.tempos["tick"] * GRID, score.ticks_per_beat))
        tokens = []
        for number, notes in enumerate(parts):
            own = bars_of[number], meters_of[number]
            tokens.append(self._encode_part(score, notes, *own, before))
        tokens.append(np.array([self._ids["piece"]], np.uint16))
        return Encoded(np.concatenate(tokens), count, len(score.notes) - count)

    def _encode_part(
        self,
        score: Score,
        notes: NDArray[np.void],
        bars: NDArray[np.int64],
        meters: NDArray[np.int64],
        before: _Before,
    ) -> Tokens:
        """The tokens of some notes, and of the bar lines and meters up to the next."""
        points = np.unique(np.concatenate([bars, meters[:, 0], notes["onset"]]))
        rows = [
            *self._time_rows(points, bars, before),
            *self._change_rows(score, notes, meters, before),
            *self._note_rows(notes, before),
        ]
        at = np.concatenate([row.at for row in rows])
        rank = np.concatenate([np.broadcast_to(row.rank, row.at.shape) for row in rows])
        token = np.concatenate([np.broadcast_to(row.token, row.at.shape) for row in rows])
        return token[np.lexsort((rank, at))].astype(np.uint16)

    def _on_grid(self, score: Score) -> list[NDArray[np.void]]:
        """Notes in steps, without equal ones at one point; `end` holds the index of the duration.
        In parts, none of them empty, that share no point."""
        onset = _round_div(score.notes["onset"] * GRID, score.ticks_per_beat)
        parts = []
        for part in together(onset):
            notes = score.notes[part].copy()
            end = _round_div(notes["end"] * GRID, score.ticks_per_beat)
            notes["onset"] = onset[part]
            notes["end"] = _nearest(DURATIONS, np.maximum(end - onset[part], 1))
            if self.band:
                notes["program"][notes["drum"]] = 0
            else:
                notes = notes[~notes["drum"]]
                notes["program"] = 0
            order = np.lexsort(
                (-notes["end"], notes["pitch"], notes["program"], notes["drum"], notes["onset"])
            )
            notes = notes[
                order
            ]  # of equal notes the longest comes first, and is the one that stays
            same = np.zeros(len(notes), bool)
            same[1:] = np.logical_and.reduce(
                [notes[f][1:] == notes[f][:-1] for f in ("onset", "drum", "program", "pitch")]
            )
            parts += [notes[~same]] if len(notes) else []
        return parts

    def _bar_lines(
        self, score: Score, last: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where bar lines are, up to the last onset, and rows of where a meter token stands and the
        token. `count`: of notes. Raises CodecError, before memory is taken, when they are too few
        for the bars."""
        starts = _round_div(score.meters["tick"] * GRID, score.ticks_per_beat)
        changes = {
            int(at): _known_meter(n, d)
            for at, (_, n, d) in zip(starts, score.meters.tolist(), strict=True)
            if at <= last
        }
        bars: list[range] = []
        meters: list[tuple[int, int]] = []
        previous: tuple[int, tuple[int, int]] | None = None
        for at, following in zip(changes, [*list(changes)[1:], last + 1], strict=True):
            meter = changes[at]
            on_bar_line = previous is not None and (at - previous[0]) % bar_steps(previous[1]) == 0
            if previous is None or meter != previous[1] or not on_bar_line:
                meters.append((at, self._meter_id(*meter)))
                previous = (at, meter)
            first = at if on_bar_line else at + bar_steps(meter)
            bars.append(range(first, following, bar_steps(meter)))
        total = sum(map(len, bars)) + len(meters)
        require_notes(count, bars=total)
        if total > MAX_BARS:
            raise CodecError(f"has {total:,} bars; {MAX_BARS:,} are the most")
        lines = np.concatenate([np.array(each, np.int64) for each in bars])
        return lines, np.array(meters, np.int64)

    def _time_rows(
        self, points: NDArray[np.int64], bars: NDArray[np.int64], before: _Before
    ) -> list[_Rows]:
        """`bar` at every bar line; at any other point, the shift from the point before it."""
        gaps = np.diff(points, prepend=before.point)
        before.point = int(points[-1])
        shifted = ~np.isin(points, bars) & (gaps > 0)
        at, gap = points[shifted], gaps[shifted]
        whole, rest = np.divmod(gap, LONGEST_SHIFT)
        longest = np.repeat(at, whole)
        return [
            _Rows(bars, _Rank.BAR, np.array(self._ids["bar"])),
            _Rows(longest, _Rank.SHIFT, np.array(self._shift + LONGEST_SHIFT - 1)),
            _Rows(at[rest > 0], _Rank.SHIFT + 1, self._shift + rest[rest > 0] - 1),
        ]

    def _change_rows(
        self, score: Score, notes: NDArray[np.void], meters: NDArray[np.int64], before: _Before
    ) -> list[_Rows]:
        """Meters where they stand; tempos at the first notes for which they hold."""
        onsets = np.unique(notes["onset"])
        in_force = np.searchsorted(before.tempo_starts, onsets, side="right") - 1
        tempo = _nearest(TEMPOS, 60e6 / score.tempos["usec"][in_force])
        changed = np.diff(tempo, prepend=before.tempo) != 0
        before.tempo = int(tempo[-1])
        return [
            _Rows(meters[:, 0], _Rank.METER, meters[:, 1]),
            _Rows(onsets[changed], _Rank.TEMPO, self._tempo + tempo[changed]),
        ]

    def _note_rows(self, notes: NDArray[np.void], before: _Before) -> list[_Rows]:
        at, drum = notes["onset"], notes["drum"]
        program = np.where(drum, DRUMS, notes["program"]).astype(np.int64)
        rank = _Rank.NOTES + _Rank.PER_NOTE * (program * 128 + notes["pitch"])
        velocity = notes["velocity"].astype(np.int64) // VELOCITY_STEP
        louder = before.louder(program, velocity)
        pitch = self._pitch + notes["pitch"].astype(np.int64)
        rows = [
            _Rows(at[louder], rank[louder] + 1, self._velocity + velocity[louder]),
            _Rows(at[~drum], rank[~drum] + 2, pitch[~drum]),
            _Rows(at[~drum], rank[~drum] + 3, self._duration + notes["end"][~drum]),
        ]
        if self.band:
            named = (np.diff(at, prepend=-1) != 0) | (np.diff(program, prepend=-1) != 0)
            rows.append(_Rows(at[named], rank[named], self._ids["program:0"] + program[named]))
            rows.append(
                _Rows(
                    at[drum],
                    rank[drum] + 2,
                    self._ids["drum:0"] + notes["pitch"][drum].astype(np.int64),
                )
            )
        return rows

    def _meter_id(self, numerator: int, denominator: int) -> int:
        return self._ids[f"meter:{numerator}/{denominator}"]


@dataclass
class _Before:
    """What holds where the next part begins. `tempo_starts`: the steps at which tempos begin."""

    tempo_starts: NDArray[np.int64]
    point: int = 0
    tempo: int = -1
    velocities: NDArray[np.int64] = field(default_factory=lambda: np.full(DRUMS + 1, -1))

    def louder(self, program: NDArray[np.int64], velocity: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which notes change the velocity of their program."""
        order = np.argsort(program, kind="stable")
        program, velocity = program[order], velocity[order]
        first = np.diff(program, prepend=-1) != 0
        held = np.append(-1, velocity[:-1])
        held[first] = self.velocities[program[first]]
        last = np.append(first[1:], True)
        self.velocities[program[last]] = velocity[last]
        changed = np.zeros(len(order), bool)
        changed[order] = velocity != held
        return changed


class _Rank:
    """The order of events at one point of time."""

    SHIFT, BAR, METER, TEMPO, NOTES, PER_NOTE = 0, 2, 3, 4, 5, 4


class _Rows(NamedTuple):
    """Events to sort into a piece: step, rank at that step, token."""

    at: NDArray[np.int64]
    rank: NDArray[np.int64] | int
    token: NDArray[np.int64]


def _round_div(value: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    """value / by, rounded to the nearest, halves up."""
    return (2 * value + by) // (2 * by)


def _nearest(table: tuple[int, ...], values: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the nearest entry of an ascending table, the lower of two equally near."""
    entries = np.array(table)
    return np.searchsorted((entries[1:] + entries[:-1]) / 2, values, side="left")


def _known_meter(numerator: int, denominator: int) -> tuple[int, int]:
    """The meter itself, or the one in quarters whose bar is nearest in length."""
    if (numerator, denominator) in METERS:
        return numerator, denominator
    quarters = tuple(n for n, d in METERS if d == 4)
    return quarters[int(_nearest(quarters, np.array(numerator * 4 / denominator)))], 4
