"""Music that stays in a song, exactly, while a model writes the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, Score, UgenError
from ugen.data.analysis.bars import Bars
from ugen.data.codecs.beats.table import METERS
from ugen.data.codecs.columns import GIVEN_NAMES, Given
from ugen.data.errors import CodecError
from ugen.data.midi.general_midi import DRUMS
from ugen.data.score import METER, NOTE, TEMPO
from ugen.runtime.generation.packing import packed_array
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng

MOST_NOTES = 1 << 15
MOST_CHANGES = 1 << 12
MOST_TICK = (1 << 31) - 1
_FINEST = 32_767  # ticks per beat that a MIDI file can have
_PLACE = 1 << 55  # in the random stream of a seed: far from the numbers that a song takes
_LONGEST_VARIED = 4  # bars in a row that are rewritten by chance

Bounds = tuple[int, int]


def _numbers(dtype: str, most: int) -> Any:
    return packed_array(dtype, most, bound=MOST_TICK, is_compressed=False)


@dataclass(frozen=True, eq=False)
class Kept:
    """Music, and what of it stays. `times`: of each note onset and end, one note after the other;
    `sounds`: its pitch, velocity, program, whether it is a drum, and whether it stays in bars that
    are rewritten, too. `rewritten`: from one bar to before another, counted from 0. `much`: the
    fraction of bars that are rewritten besides, by chance. `closed`: instruments all of whose notes
    stay, and which get no others. `bars`: of the music."""

    ticks_per_beat: int
    bars: int
    times: NDArray[np.int64] = _numbers("<i4", 2 * MOST_NOTES)
    sounds: NDArray[np.int64] = _numbers("<u1", 5 * MOST_NOTES)
    tempos: NDArray[np.int64] = _numbers("<i4", 2 * MOST_CHANGES)
    meters: NDArray[np.int64] = _numbers("<i4", 3 * MOST_CHANGES)
    rewritten: tuple[Bounds, ...] = ()
    much: float = 0.0
    closed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.ticks_per_beat <= _FINEST or not 1 <= self.bars <= 20_000:
            raise UgenError("kept: ticks per beat, or bars, are out of range")
        if len(self.times) % 2 or 5 * len(self.times) != 2 * len(self.sounds):
            raise UgenError("kept: no notes")
        rows = self._rows
        fit = (rows >= 0).all() and (rows[:, 2:] < (128, 128, 128, 2, 2)).all()
        if not fit or (rows[:, 1] <= rows[:, 0]).any():
            raise UgenError("kept: no notes")
        for changes, width in ((self.tempos, 2), (self.meters, 3)):
            if len(changes) % width or (changes < 0).any():
                raise UgenError("kept: no tempos or meters")
        if not all(0 <= first < end <= self.bars for first, end in self.rewritten):
            raise UgenError("kept: bars that the music has not")
        if not 0 <= self.much <= 1:
            raise UgenError("kept: a fraction beyond 0 to 1")

    @classmethod
    def of(
        cls,
        score: Score,
        stays: NDArray[np.bool_],
        rewritten: tuple[Bounds, ...] = (),
        much: float = 0.0,
        closed: tuple[int, ...] = (),
        *,
        bars: int,
    ) -> Kept:
        """Of a score of so many bars, the notes that stay in bars that are rewritten, too."""
        changes = max(len(score.tempos), len(score.meters))
        if len(score.notes) > MOST_NOTES or changes > MOST_CHANGES or score.end_tick > MOST_TICK:
            most = f"{MOST_NOTES:,} notes and {MOST_CHANGES:,} tempos or meters"
            raise UgenError(f"too much music to keep: {most} are the most")
        rows = np.column_stack([_flat(score.notes).reshape(-1, 6), stays])
        return cls(
            ticks_per_beat=score.ticks_per_beat,
            bars=bars,
            times=rows[:, :2].reshape(-1),
            sounds=rows[:, 2:].reshape(-1),
            tempos=_flat(score.tempos),
            meters=_flat(score.meters),
            rewritten=rewritten,
            much=much,
            closed=closed,
        )

    @property
    def _rows(self) -> NDArray[np.int64]:
        """Of each note its times and sounds, [notes, 7]."""
        return np.hstack([self.times.reshape(-1, 2), self.sounds.reshape(-1, 5)]).astype(np.int64)

    @property
    def score(self) -> Score:
        """All of the music."""
        notes = _records(self._rows[:, :6], NOTE)
        tempos = _records(self.tempos.reshape(-1, 2), TEMPO)
        meters = _records(self.meters.reshape(-1, 3), METER)
        return Score.build(notes, self.ticks_per_beat, tempos, meters)

    @property
    def tempo(self) -> float | None:
        """Beats a minute, where it is the same all through."""
        usec = np.unique(self.tempos.reshape(-1, 2)[:, 1])
        return 60e6 / int(usec[0]) if len(usec) == 1 else None

    def open_bars(self, seed: int) -> tuple[Bounds, ...]:
        """The bars in which a song of this seed may have other notes."""
        chosen = set(_varied(self.bars, self.much, seed))
        chosen.update(bar for bounds in self.rewritten for bar in range(*bounds))
        if not self.rewritten and not self.much:
            return ((0, self.bars),)
        return tuple((bar, bar + 1) for bar in sorted(chosen))

    def staying(self, seed: int) -> Score:
        """The part of the music that stays in a song of this seed."""
        score = self.score
        bars = Bars(score, score.ticks_per_beat)
        bar = bars.counted(bars.locate(score.notes["onset"])[0])
        is_open = np.zeros(self.bars + 1, bool)
        for first, end in self.open_bars(seed):
            is_open[first:end] = True
        stays = (self._rows[:, 6] == 1) | ~is_open[np.minimum(bar, self.bars)]
        return replace(score, notes=score.notes[stays])

    def given(self, codec: Codec, seed: int, instruments: tuple[int, ...] | None = None) -> Given:
        """The same as a model is told it. `instruments`: the only ones that are to play more."""
        closed = frozenset(self.closed)
        if instruments is not None:
            closed = frozenset(range(DRUMS + 1)) - set(instruments)
        try:
            tokens = codec.encode(self.staying(seed)).tokens[:-1]
        except CodecError as error:
            raise UgenError(f"what stays {error.reason}", flag="--with") from None
        return Given(tokens, self.open_bars(seed), closed)

    def restored(self, codec: Codec, song: Score, seed: int, *, tempos: bool) -> Score:
        """A song with the notes that stay exactly as they were, where its grid had moved them; and
        with their `tempos`."""
        staying = self.staying(seed)
        fine = math.lcm(song.ticks_per_beat, staying.ticks_per_beat)
        if fine > _FINEST:
            return song
        moved = codec.decode(codec.encode(staying).tokens)
        is_kept = np.isin(note_keys(song.notes), note_keys(moved.notes))
        written = song.at(fine).notes[~is_kept]
        staying = staying.at(fine)
        notes = np.concatenate([written, staying.notes])
        song = song.at(fine)
        return Score.build(
            notes, fine, staying.tempos if tempos else song.tempos, staying.meters, song.warnings
        )


def _flat(rows: NDArray[np.void]) -> NDArray[np.int64]:
    return np.array(rows.tolist(), np.int64).reshape(-1)


def _records(rows: NDArray[np.int64], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    return np.array([tuple(row) for row in rows.tolist()], dtype)


def note_keys(notes: NDArray[np.void]) -> NDArray[np.int64]:
    """A number for each place and sound."""
    keys: NDArray[np.int64] = notes["onset"].astype(np.int64)
    for field, size in (("pitch", 128), ("program", 128), ("drum", 2)):
        keys = keys * size + notes[field]
    return keys


def bars_of(score: Score) -> int:
    """The bars of a score, to the end of its last note."""
    bars = Bars(score, score.ticks_per_beat)
    last = bars.locate(np.array([max(score.end_tick - 1, 0)]))[0]
    return int(bars.counted(last)[0]) + 1


def _varied(bars: int, much: float, seed: int) -> list[int]:
    """So many bars of all, some in a row: those of a seed."""
    rng, chosen = Rng(seed, _PLACE), set[int]()
    wanted = max(round(much * bars), 1) if much else 0
    while len(chosen) < wanted:
        first, length = int(rng.uniform() * bars), 1 + int(rng.uniform() * _LONGEST_VARIED)
        chosen.update(range(first, min(first + min(length, wanted - len(chosen)), bars)))
    return sorted(chosen)


def require_given(card: Card) -> None:
    """Raise UgenError unless a model knows of music that stands already."""
    if GIVEN_NAMES[0] not in card.column_names:
        reason = f"the model has no column {GIVEN_NAMES[0]}; train-ugen with --codec beats makes "
        raise UgenError(f"{reason}one that has it", flag="--with")


def check_kept(card: Card, kept: Kept) -> None:
    """Raise UgenError where a model cannot write around the music."""
    require_given(card)
    for _, numerator, denominator in kept.score.meters.tolist():
        if (numerator, denominator) not in METERS:
            reason = f"it has a bar of {numerator}/{denominator}, which the model cannot write"
            raise UgenError(reason, flag="--with")
