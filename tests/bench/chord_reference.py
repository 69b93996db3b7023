"""How well found chords agree with published analyses.

    python tests/bench/chord_reference.py --pop909 FOLDER --chorales

Time that has the reference's root, and its root and quality where it is one of ugen's, as fractions
of the time that has a chord there. `best possible` has in each half bar the reference's own most
common chord. Baselines: the tonic triad all through, in the key that `key_of` finds; and on the
lowest note of each half bar a triad, minor if its minor third sounds longer. POP909 (Wang et al.
2020; github.com/music-x-lab/POP909-Dataset) are piano arrangements of pop songs, with chords by
half bars or longer: those in 4/4, placed on the beats that come with them. The chorales are Bach's
with analyses by Dmitri Tymoczko's group that come with music21 (which must be installed): as their
harmony changes with the beat, every beat counts as a half bar. Pieces to which the constants were
fitted are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.chord_symbols import NO_CHORD, QUALITIES, chord_at, parse_chord
from ugen.data.analysis.chords import find_chords
from ugen.data.analysis.key import key_of
from ugen.data.midi.reader import read_midi
from ugen.data.score import Score

TICKS = 480
GAP = TICKS // 4  # ticks from one point that is compared to the next
UNKNOWN = -1  # a chord that is none of ugen's
NAMES = {"maj": "", "maj6": "", "min": "m", "min6": "m", "dim": "dim", "aug": "aug", "7": "7"}
NAMES |= {"9": "7", "maj7": "maj7", "maj9": "maj7", "min7": "m7", "min9": "m7", "hdim7": "m7b5"}
NAMES |= {"dim7": "dim7", "sus4": "sus4", "sus4(b7)": "sus4"}
_TRIADS = {"major": "", "minor": "m", "diminished": "dim", "augmented": "aug"}
_SEVENTHS = {"dominant": "7", "major": "maj7", "minor": "m7", "half-diminished": "m7b5"}
COMMON = {f"{name} triad": quality for name, quality in _TRIADS.items()}
COMMON |= {f"{name} seventh chord": quality for name, quality in _SEVENTHS.items()}
COMMON |= {"diminished seventh chord": "dim7"}


class Label(NamedTuple):
    """What a reference says of a span of ticks: a root, and a chord or UNKNOWN."""

    start: float
    end: float
    root: int
    chord: int


Piece = tuple[Score, list[Label]]


def pop909(folder: Path) -> Iterator[Piece]:
    """Songs in 4/4, but for every twelfth."""
    for song in sorted(folder.glob("[0-9][0-9][0-9]")):
        rows = [line.split() for line in (song / "beat_midi.txt").read_text().splitlines()]
        beats = np.array(rows, np.float64)
        down = np.flatnonzero(beats[:, 2] == 1)
        if int(song.name) % 12 == 1 or len(down) < 8 or np.median(np.diff(down)) != 4:
            continue
        numbers = np.arange(len(beats)) + -int(down[0]) % 4

        def ticks(seconds: NDArray[np.float64], at=beats[:, 0], numbers=numbers):
            return np.rint(np.interp(seconds, at, numbers) * TICKS).astype(np.int64)

        score = read_midi(song / f"{song.name}.mid")
        notes = score.notes.copy()
        seconds = score.seconds_at(notes["onset"]), score.seconds_at(notes["end"])
        within = (seconds[0] > beats[0, 0] - 0.02) & (seconds[1] < beats[-1, 0] + 0.5)
        notes["onset"] = ticks(seconds[0])
        notes["end"] = np.maximum(ticks(seconds[1]), notes["onset"] + 1)
        labels = []
        for line in (song / "chord_midi.txt").read_text().splitlines():
            start, end, name = line.split()
            root, _, kind = name.partition("/")[0].partition(":")
            if name != "N":
                known = parse_chord(root + NAMES.get(kind, ""))[0]
                span = ticks(np.array([float(start), float(end)])).tolist()
                labels.append(Label(*span, (known - 1) % 12, known if kind in NAMES else UNKNOWN))
        yield Score.build(notes[within], TICKS), labels


def chorales() -> Iterator[Piece]:
    """Those of music21's twenty that are there, but for every second; in bars of two beats."""
    import music21

    folder = Path(music21.__file__).parent / "corpus" / "bach" / "choraleAnalyses"
    read = 0
    for file in sorted(folder.glob("riemenschneider*.rntxt")):
        text = file.read_text()
        number = next(line.split(":")[1].strip() for line in text.splitlines() if "BWV" in line)
        try:
            sung, analysis = (
                music21.corpus.parse(f"bach/bwv{number}"),
                music21.converter.parse(file),
            )
        except Exception:  # one that the corpus lacks
            continue
        read += 1
        if read % 2 == 0:
            continue
        notes = [
            (
                round(note.offset * TICKS),
                round((note.offset + note.quarterLength) * TICKS),
                pitch.midi,
                64,
                0,
                False,
            )
            for note in sung.flatten().notes
            for pitch in note.pitches
            if note.quarterLength
        ]
        labels = []
        for chord in analysis.flatten().getElementsByClass("RomanNumeral"):
            root, kind = chord.root().pitchClass, COMMON.get(chord.commonName)
            start, end = chord.offset * TICKS, (chord.offset + chord.quarterLength) * TICKS
            named = UNKNOWN if kind is None else 1 + 12 * [*QUALITIES].index(kind) + root
            labels.append(Label(float(start), float(end), root, named))
        yield Score.build(notes, TICKS, meters=[(0, 2, 4)]), labels


class Points(NamedTuple):
    """Points of time in a piece: the half bar of each, and what the reference says there."""

    half: NDArray[np.int64]
    root: NDArray[np.int64]
    chord: NDArray[np.int64]


def points_of(piece: Piece) -> Points:
    """Those at which the reference has a chord."""
    score, labels = piece
    times = np.arange(GAP // 2, score.end_tick, GAP)
    at = np.searchsorted([label.start for label in labels], times, side="right") - 1
    there = (at >= 0) & (times < np.array([label.end for label in labels])[at])
    root = np.array([label.root for label in labels])[at[there]]
    chord = np.array([label.chord for label in labels])[at[there]]
    numerator = int(score.meters["numerator"][0])
    length = TICKS * 4 * numerator // int(score.meters["denominator"][0])
    return Points(times[there] // (length // 2), root, chord)


def found(score: Score, halves: NDArray[np.int64]) -> NDArray[np.int64]:
    """The finder's chords."""
    bars = find_chords(score)
    return np.array(
        [chord_at(bars.get(half // 2, (NO_CHORD,)), half % 2, 2) for half in halves.tolist()]
    )


def tonic(score: Score, halves: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tonic triad everywhere."""
    root, minor = key_of(score)
    return np.full(len(halves), 1 + 12 * minor + root)


def on_lowest(score: Score, halves: NDArray[np.int64]) -> NDArray[np.int64]:
    """A triad on the lowest note of each half bar."""
    numerator = int(score.meters["numerator"][0])
    half = TICKS * 2 * numerator // int(score.meters["denominator"][0])
    notes, chords = score.notes, dict[int, int]()
    for number in {*halves.tolist()}:
        start, end = number * half, (number + 1) * half
        here = notes[(notes["onset"] < end) & (notes["end"] > start)]
        if not len(here):
            chords[number] = NO_CHORD
            continue
        time = np.minimum(here["end"], end) - np.maximum(here["onset"], start)
        root = int(here["pitch"].min()) % 12
        minor, major = (time[here["pitch"] % 12 == (root + n) % 12].sum() for n in (3, 4))
        chords[number] = 1 + 12 * (minor > major) + root
    return np.array([chords[number] for number in halves.tolist()])


def best(points: Points) -> NDArray[np.bool_]:
    """Where a half bar's most common chord is right."""
    right = np.zeros(len(points.half), bool)
    for number in np.unique(points.half):
        here = points.half == number
        pairs = points.root[here] * 1000 + points.chord[here]
        values, counts = np.unique(pairs, return_counts=True)
        right[here] = pairs == values[counts.argmax()]
    return right


def show(name: str, pieces: Sequence[Piece]) -> None:
    """Print a row for each way."""
    ways = {"found": found, "on the lowest note": on_lowest, "tonic": tonic}
    all_points = [points_of(piece) for piece in pieces]
    time = sum(len(points.half) for points in all_points)
    known = sum(int((points.chord != UNKNOWN).sum()) for points in all_points)
    for way, chords_of in ways.items():
        roots = chords = 0
        for (score, _), points in zip(pieces, all_points, strict=True):
            said = chords_of(score, points.half)
            roots += int(((said - 1) % 12 == points.root)[said != NO_CHORD].sum())
            chords += int((said == points.chord)[points.chord != UNKNOWN].sum())
        print(f"| {name}, {len(pieces)} | {way} | {roots / time:.3f} | {chords / known:.3f} |")
    right = sum(int(best(points).sum()) for points in all_points)
    print(f"| {name}, {len(pieces)} | best possible | | {right / time:.3f} |")


def main() -> None:
    """Entry point."""
    options = argparse.ArgumentParser()
    options.add_argument("--pop909", type=Path)
    options.add_argument("--chorales", action="store_true")
    given = options.parse_args()
    print("| pieces | way | root | root and quality |\n|---|---|---|---|")
    if given.pop909:
        show("POP909", [*pop909(given.pop909)])
    if given.chorales:
        show("Bach chorales", [*chorales()])


if __name__ == "__main__":
    main()
