"""Which part of a file is to stay, as a user names it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from ugen.data import Score, UgenError, arrange
from ugen.data.analysis.bars import Bars
from ugen.data.analysis.hands import left_hand
from ugen.data.analysis.parts import bottom_line, top_line
from ugen.data.midi.general_midi import DRUMS, instrument, instruments_in
from ugen.data.midi.reader import Tracks
from ugen.data.text import printable
from ugen.runtime.inference.model import Model
from ugen.runtime.model_file.card import Card

from .kept import Bounds, Kept, bars_of, note_keys

Flags = NDArray[np.bool_]
_FLAG = "--keep"
_LINES = "all", "melody", "bass", "left", "right", "drums"
_MOST_NAMES = 12  # that a message lists


def kept_music(
    model: Model,
    music: Tracks,
    keep: str | None = None,
    bars: tuple[Bounds, ...] = (),
    *,
    rewrite: bool = False,
    much: float = 0.0,
) -> Kept:
    """Music that stays in a model's songs: the part that `keep` names, or all.

    `bars`: from 1 on, the first and the last of each stretch. With `rewrite` these are written
    anew, but for the part that is named, and all others stay; without it the part stays in these
    bars only. `much`: the fraction of bars that are written anew by chance. Raises UgenError.
    """
    score, total = music.score, bars_of(music.score)
    for first, last in bars:
        if not 1 <= first <= last <= total:
            reason = f"no such bars; the music has 1 to {total}"
            raise UgenError(reason, flag="--from-bar", value=f"{first} to {last}")
    part = np.zeros(len(score.notes), bool) if keep is None else part_of(music, keep)
    stretches = tuple((first - 1, last) for first, last in bars)
    if not rewrite and not much:
        if keep is None:
            reason = "say what of it stays: --keep melody, or --rewrite --from-bar 9 --to-bar 16"
            raise UgenError(reason, flag="--with")
        part &= _is_within(score, stretches) if stretches else True
        if not part.any():
            raise UgenError("no notes of it there", flag=_FLAG, value=printable(keep[:80]))
        stretches = ()
    return _arranged(model.card, score, part, stretches, much)


def _arranged(
    card: Card, score: Score, part: Flags, rewritten: tuple[Bounds, ...], much: float
) -> Kept:
    """The music as the model's training music is arranged. Of notes that become one the part's
    stays."""
    own = arrange(replace(score, notes=score.notes[part]), card.arrangement).notes
    all_of_it = arrange(score, card.arrangement)
    if not rewritten and not much:
        all_of_it = replace(score, notes=own)
    if not len(all_of_it.notes):
        raise UgenError("no notes in it for this model", flag=_FLAG)
    stays = np.isin(note_keys(all_of_it.notes), note_keys(own))
    closed = _closed(score, part) if card.arrangement == "band" else ()
    return Kept.of(all_of_it, stays, rewritten, much, closed, bars=bars_of(score))


def _closed(score: Score, part: Flags) -> tuple[int, ...]:
    """The instruments all of whose notes are in a part."""
    staying = instruments_in(replace(score, notes=score.notes[part]))
    others = instruments_in(replace(score, notes=score.notes[~part]))
    return tuple(each for each in staying if each not in others)


def _is_within(score: Score, stretches: tuple[Bounds, ...]) -> Flags:
    bars = Bars(score, score.ticks_per_beat)
    bar = bars.counted(bars.locate(score.notes["onset"])[0])
    found = np.zeros(len(bar), bool)
    for first, end in stretches:
        found |= (bar >= first) & (bar < end)
    return found


def part_of(music: Tracks, text: str) -> Flags:
    """Which notes are of the parts that a text names, separated by commas: all, melody (the top
    line), bass (the lowest), left or right (a hand), drums, a track's number or name, or an
    instrument. Raises UgenError."""
    parts = [_one_part(music, each.strip()) for each in text.split(",")]
    found: Flags = np.logical_or.reduce(parts)
    if not found.any():
        raise UgenError("no notes in it", flag=_FLAG, value=printable(text[:80]))
    return found


def _one_part(music: Tracks, name: str) -> Flags:
    notes, wanted = music.score.notes, name.lower()
    if wanted in _LINES:
        return _line(music.score, wanted)
    if wanted.isdecimal() and 1 <= int(wanted[:9]) <= len(music.names):
        return np.isin(music.track, int(wanted))
    titles = [title.strip().lower() for title in music.names]
    tracks = [n for n, title in enumerate(titles, 1) if title and title == wanted]
    tracks = tracks or [n for n, title in enumerate(titles, 1) if wanted and wanted in title]
    if tracks:
        return np.isin(music.track, tracks)
    try:
        number = instrument(name)
    except UgenError:
        named = [f"{n} {title}".strip() for n, title in enumerate(music.names, 1)]
        known = f"{', '.join(_LINES)}, an instrument, or a track: {', '.join(named[:_MOST_NAMES])}"
        reason = printable(f"no such part; known are {known}")
        raise UgenError(reason, flag=_FLAG, value=printable(name[:80])) from None
    return np.isin(np.where(notes["drum"], DRUMS, notes["program"]), number)


def _line(score: Score, name: str) -> Flags:
    notes = score.notes
    if name == "all":
        return np.ones(len(notes), bool)
    if name == "drums":
        return notes["drum"].copy()
    if name in ("left", "right"):
        left = left_hand(score)
        return left if name == "left" else ~left & ~notes["drum"]
    found = ~notes["drum"]
    pitched = notes[found]
    line = top_line if name == "melody" else bottom_line
    bars = Bars(score)  # what a person plays at once begins on one step of its grid
    onset, end = bars.steps(pitched["onset"]), bars.steps(pitched["end"])
    found[found] = line(onset, end, pitched["pitch"].astype(np.int64))
    return found
