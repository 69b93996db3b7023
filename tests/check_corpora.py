"""`make check-corpora CORPORA=folder`: every MIDI file there through the reader and every codec,
and past the guard.

Exits with 1 when a file crashes something, a codec is not a fixed point or loses more than it may,
or the guard raises an alarm in more of the music than it may.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from alarms import SHORTEST, alarm, check_alarms
from support import same_notes
from ugen.data import MidiError, Score, arrange, make_codec, read_midi
from ugen.data.midi.smf import MIDI_SUFFIXES

CODECS = {
    "beats, piano": (make_codec("beats"), "piano", 0.02),
    "beats, band": (make_codec("beats", band=True), "band", 0.005),
    "events": (make_codec("events"), "piano", 0.05),
    "frames": (make_codec("frames"), "piano", 0.05),
    "frames, fold": (make_codec("frames", fold=True), "piano", 0.05),
}  # the last is the share of notes that a set may lose before this check fails


GRIDS = (8, 12, 16, 24, 32, 48, 96)  # steps a beat


def onsets_lost(score: Score) -> Counter[str]:
    """For each grid, notes of a piano arrangement that would begin with another of their pitch in
    one step, and notes that would be moved by more than 10 ms."""
    notes = arrange(score, "piano").notes
    tally = Counter(notes=len(notes))
    for grid in GRIDS:
        step = np.rint(notes["onset"] * grid / score.ticks_per_beat)
        distinct = len(np.unique(np.stack([step, notes["pitch"]], axis=1), axis=0))
        moved = score.seconds_at(step * score.ticks_per_beat / grid) - score.seconds_at(
            notes["onset"]
        )
        tally[f"lost {grid}"] = len(notes) - distinct
        tally[f"moved {grid}"] = int((np.abs(moved) > 0.010).sum())
    return tally


def check(root: Path) -> int:
    """Print a row a folder and codec; give the number of failures."""
    tallies: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    grids: dict[str, Counter[str]] = defaultdict(Counter)
    failures, refused, began = 0, 0, time.monotonic()
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES)
    for path in files:
        folder = "/".join(path.relative_to(root).parts[:-1][:2]) or "."
        try:
            score = read_midi(path)
        except MidiError as error:
            refused += 1
            if "odd" not in path.parts:
                print(f"refused: {error}")
            continue
        if score.seconds > 10 * 3600:
            continue  # an odd file of centuries; preparing drops it too
        grids[folder] += onsets_lost(score)
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
    columns = f"{'files':>6} {'notes':>9} {'lost':>7} {'share':>8} {'tokens/note':>11} {'tokens/s':>9} {'alarms':>6}"
    print(f"{'folder':34} {'codec':13} {columns}")
    for (folder, name), tally in sorted(tallies.items()):
        share = tally["lost"] / max(tally["notes"], 1)
        verdict = "" if share <= CODECS[name][2] else "  TOO MANY"
        failures += bool(verdict) and not folder.startswith("odd")
        print(
            f"{folder:34} {name:13} {tally['files']:6} {tally['notes']:9,} {tally['lost']:7,} {share:8.3%} "
            f"{tally['tokens'] / max(tally['notes'], 1):11.2f} "
            f"{tally['tokens'] * 1000 / max(tally['milliseconds'], 1):9.1f} {tally['alarms']:6}{verdict}"
        )
    print(
        f"\nnotes lost to a grid of n steps a beat, and moved by more than 10 ms: piano arrangement\n{'folder':34}",
        end="",
    )
    print("".join(f"{grid:>15}" for grid in GRIDS))
    for folder, tally in sorted(grids.items()):
        shares = [
            (
                tally[f"lost {g}"] / max(tally["notes"], 1),
                tally[f"moved {g}"] / max(tally["notes"], 1),
            )
            for g in GRIDS
        ]
        print(f"{folder:34}" + "".join(f"{lost:8.3%}{moved:7.1%}" for lost, moved in shares))
    failures += check_alarms(tallies)
    print(
        f"{len(files)} files in {time.monotonic() - began:.0f} s, {refused} refused, {failures} failures"
    )
    return failures


if __name__ == "__main__":
    sys.exit(1 if check(Path(sys.argv[1])) else 0)
