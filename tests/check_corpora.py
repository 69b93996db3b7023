"""`make check-corpora CORPORA=folder`: every MIDI file there goes through every codec and the
guard.

Exits with 1 when a file crashes something, a codec is not a fixed point or loses too many notes, or
the guard raises too many false alarms.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from alarms import SHORTEST, alarm, check_alarms
from support import same_notes
from ugen.data import CodecError, MidiError, Score, arrange, make_codec, read_midi
from ugen.data.corpus.prepare import LONGEST_HOURS
from ugen.data.midi.smf import MIDI_SUFFIXES

# codec, arrangement, and the fraction of notes that a set may lose before this check fails
CODECS = {
    "beats, piano": (make_codec("beats"), "piano", 0.02),
    "beats, band": (make_codec("beats", band=True), "band", 0.005),
    "events": (make_codec("events"), "piano", 0.05),
    "frames": (make_codec("frames"), "piano", 0.05),
    "frames, fold": (make_codec("frames", fold=True), "piano", 0.05),
}
GRIDS = (8, 12, 16, 24, 32, 48, 96)  # steps per beat

Tallies = dict[tuple[str, str], Counter[str]]  # by folder and codec


def onsets_lost(score: Score) -> Counter[str]:
    """For each grid, notes of a piano arrangement that would begin with another of their pitch in
    one step, and notes that would be moved by more than 10 ms."""
    notes = arrange(score, "piano").notes
    found = Counter(notes=len(notes))
    for grid in GRIDS:
        step = np.rint(notes["onset"] * grid / score.ticks_per_beat)
        distinct = len(np.unique(np.stack([step, notes["pitch"]], axis=1), axis=0))
        at = score.seconds_at(step * score.ticks_per_beat / grid)
        moved = at - score.seconds_at(notes["onset"])
        found[f"lost {grid}"] = len(notes) - distinct
        found[f"moved {grid}"] = int((np.abs(moved) > 0.010).sum())
    return found


def check(root: Path) -> int:
    """Print a row per folder and codec; return the number of failures."""
    tallies: Tallies = defaultdict(Counter)
    grids: dict[str, Counter[str]] = defaultdict(Counter)
    failures, refused, began = 0, 0, time.monotonic()
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES)
    for path in files:
        folder = "/".join(path.relative_to(root).parts[:-1][:2]) or "."
        try:
            score = read_midi(path)
            if score.seconds > LONGEST_HOURS * 3600:
                continue  # an odd file of centuries; prepare drops it too
            failures += tally(path, score, folder, tallies)
        except (MidiError, CodecError) as error:
            refused += 1
            if "odd" not in path.parts:
                print(f"refused: {path}: {error.reason}")
            continue
        grids[folder] += onsets_lost(score)
    failures += print_codecs(tallies)
    print_grids(grids)
    failures += check_alarms(tallies)
    took = time.monotonic() - began
    print(f"{len(files)} files in {took:.0f} s, {refused} refused, {failures} failures")
    return failures


def tally(path: Path, score: Score, folder: str, tallies: Tallies) -> int:
    """Take a score through every codec; return the number of failures."""
    failures = 0
    for name, (codec, arrangement, _) in CODECS.items():
        arranged = arrange(score, arrangement)
        encoded = codec.encode(arranged)
        decoded = codec.decode(encoded.tokens)
        if not same_notes(codec.decode(codec.encode(decoded).tokens), decoded):
            print(f"not a fixed point of {name}: {path}")
            failures += 1
        heard = arranged.seconds >= SHORTEST and not folder.startswith("odd")
        words = alarm(codec, encoded.tokens) if heard else None
        if words:
            print(f"alarm, {name}: {path}: {words}", flush=True)
        tallies[folder, name] += Counter(
            files=1,
            heard=int(heard),
            alarms=int(words is not None),
            notes=len(arranged.notes),
            lost=encoded.lost,
            tokens=len(encoded.tokens),
            milliseconds=round(arranged.seconds * 1000),
        )
    return failures


def print_codecs(tallies: Tallies) -> int:
    """Print what each codec lost and took; return how many lost too much."""
    failures = 0
    print(
        f"{'folder':34} {'codec':13} {'files':>6} {'notes':>9} {'lost':>7} {'fraction':>8} "
        f"{'tokens/note':>11} {'tokens/s':>9} {'alarms':>6}"
    )
    for (folder, name), row in sorted(tallies.items()):
        lost = row["lost"] / max(row["notes"], 1)
        verdict = "" if lost <= CODECS[name][2] else "  TOO MANY"
        failures += bool(verdict) and not folder.startswith("odd")
        print(
            f"{folder:34} {name:13} {row['files']:6} {row['notes']:9,} {row['lost']:7,} "
            f"{lost:8.3%} {row['tokens'] / max(row['notes'], 1):11.2f} "
            f"{row['tokens'] * 1000 / max(row['milliseconds'], 1):9.1f} {row['alarms']:6}{verdict}"
        )
    return failures


def print_grids(grids: dict[str, Counter[str]]) -> None:
    """Print what `onsets_lost` counted, as fractions of the notes."""
    print("\nnotes lost to a grid of n steps per beat, and moved by more than 10 ms (piano)")
    print(f"{'folder':34}" + "".join(f"{grid:>15}" for grid in GRIDS))
    for folder, row in sorted(grids.items()):
        notes = max(row["notes"], 1)
        cells = (f"{row[f'lost {g}'] / notes:8.3%}{row[f'moved {g}'] / notes:7.1%}" for g in GRIDS)
        print(f"{folder:34}" + "".join(cells))


if __name__ == "__main__":
    sys.exit(1 if check(Path(sys.argv[1])) else 0)
