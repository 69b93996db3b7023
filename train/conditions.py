"""What a model is told of a piece in one playing, where the codec knows bars: its key, density and
polyphony from here on, and a part of it that stands already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.key import MAJOR, MINOR
from ugen.data.analysis.parts import bottom_line, top_line
from ugen.data.codecs.beats.notes import NoteTable
from ugen.data.codecs.beats.table import DRUMS, GRID

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW = 8  # bars, of which the key and the levels are those told at their first
LOCAL = "key", "density", "polyphony"
_PROFILES = np.array([np.roll(each, tonic) for each in (MAJOR, MINOR) for tonic in range(12)])


def local_ids(notes: NoteTable, bounds: Mapping[str, Sequence[float]]) -> dict[str, Ints]:
    """Ids of LOCAL columns after each token: those of the WINDOW bars from there on, or of the last
    so many. `bounds`: between the levels, by name; without them there are none of it."""
    bars = int(notes.bar.max(initial=0)) + 1
    lengths = np.zeros(bars)
    lengths[notes.bar] = notes.bar_steps
    pitched = notes.program != DRUMS
    found = {"key": _keys(notes, pitched, bars)}
    if "density" in bounds:
        onsets = np.bincount(notes.bar[notes.at], minlength=bars)
        found["density"] = _levels(onsets, lengths / GRID, bounds["density"])
    if "polyphony" in bounds:
        sounding = _sounding(notes, pitched)
        edges = np.minimum(np.cumsum(np.append(0, lengths)).astype(np.int64), len(sounding))
        whole = np.append(0, np.cumsum(sounding))[edges]
        some = np.append(0, np.cumsum(sounding > 0))[edges]
        found["polyphony"] = _levels(np.diff(whole), np.diff(some), bounds["polyphony"])
    return {name: ids[notes.bar] for name, ids in found.items()}


def _windows(of_bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over WINDOW bars from each on."""
    bars = len(of_bars)
    sums = np.concatenate([np.zeros((1, *of_bars.shape[1:])), np.cumsum(of_bars, axis=0)])
    first = np.maximum(np.minimum(np.arange(bars), bars - WINDOW), 0)
    windows: NDArray[np.float64] = sums[np.minimum(first + WINDOW, bars)] - sums[first]
    return windows


def _levels(amounts: Ints, of: NDArray[Any], bounds: Sequence[float]) -> Ints:
    whole, parts = _windows(np.asarray(amounts, float)), _windows(np.asarray(of, float))
    values = whole / np.maximum(parts, 1e-9)
    return np.where(whole > 0, 1 + np.searchsorted(bounds, values, side="left"), 0)


def _keys(notes: NoteTable, pitched: Flags, bars: int) -> Ints:
    """The key whose profile correlates best with how long each pitch class sounds."""
    sounding = np.zeros((bars, 12))
    onset_bar = notes.bar[notes.at][pitched]
    lengths = (notes.end - notes.onset)[pitched]
    np.add.at(sounding, (onset_bar, notes.pitch[pitched] % 12), lengths)
    windows = _windows(sounding)
    centered = windows - windows.mean(axis=1, keepdims=True)
    profiles = _PROFILES - _PROFILES.mean(axis=1, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    best = (centered @ profiles.T).argmax(axis=1)
    return np.where(np.abs(centered).sum(axis=1) > 0, 1 + best, 0)


def _sounding(notes: NoteTable, pitched: Flags) -> Ints:
    """How many notes sound in each step."""
    last = int(max(notes.end.max(initial=0), notes.now.max(initial=0))) + 1
    change = np.bincount(notes.onset[pitched], minlength=last + 1)
    change -= np.bincount(notes.end[pitched], minlength=last + 1)
    return np.cumsum(change)


def random_part(notes: NoteTable, rng: np.random.Generator) -> Flags:
    """Some of a piece's notes that could stand already: a part of it, or all but some bars, and of
    these perhaps a part. Each as likely as what people ask for might be."""
    is_region = rng.random() < 0.4
    part = _random_line(notes, rng)
    if not is_region:
        return part
    bar = notes.bar[notes.at]
    rewritten = _random_bars(int(notes.bar.max(initial=0)) + 1, rng)[bar]
    return ~rewritten | part if rng.random() < 0.3 else ~rewritten


def _random_bars(bars: int, rng: np.random.Generator) -> Flags:
    """Stretches of bars to write anew, between stretches that stay."""
    rewritten = np.zeros(bars, bool)
    at = int(rng.integers(0, 9))
    while at < bars:
        end = at + int(rng.integers(1, 13))
        rewritten[at:end] = True
        at = end + int(rng.integers(2, 17))
    return rewritten


def _random_line(notes: NoteTable, rng: np.random.Generator) -> Flags:
    """The top line, the lowest, the notes on one side of a pitch, or some instruments."""
    programs = np.unique(notes.program)
    if len(programs) > 1 and rng.random() < 0.6:
        count = int(rng.integers(1, len(programs)))
        return np.isin(notes.program, rng.permutation(programs)[:count])
    pitched = notes.program != DRUMS
    places = notes.onset[pitched], notes.end[pitched], notes.pitch[pitched]
    lines: list[Callable[[], Flags]] = [
        lambda: top_line(*places),
        lambda: bottom_line(*places),
        lambda: places[2] >= _split(places[2], rng),
        lambda: places[2] < _split(places[2], rng),
    ]
    found = np.zeros(len(notes.at), bool)
    found[pitched] = lines[int(rng.integers(len(lines)))]()
    return found


def _split(pitch: Ints, rng: np.random.Generator) -> int:
    return int(np.median(pitch) + rng.integers(-5, 6)) if len(pitch) else 60
