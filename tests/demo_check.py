"""The end of `make demo`: hold the run and its song to numbers, then say where they are and how to
play them.

python tests/demo_check.py demo
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from ugen.data import read_midi
from ugen.data.analysis.measures import measures


def check(folder: Path) -> None:
    """Raise AssertionError unless the model beats the baselines and the song is music by its
    numbers."""
    baselines = json.loads((folder / "run" / "config.json").read_text())["baselines"]
    rows = [
        json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    best = min(row["nats_per_token"] for row in rows)
    for name, fraction in (("unigram", 0.7), ("repeat-last", 0.8), ("5-gram", 0.9)):
        assert best < fraction * baselines[name]["nats_per_token"], (
            f"held-out loss {best:.3f} is not well under {name}"
        )
    score = read_midi(folder / "song.mid")
    found = measures(score)
    onsets = score.seconds_at(score.notes["onset"])
    per_window = np.histogram(onsets, bins=6, range=(0, 60))[0]
    assert 54 <= found["seconds"] <= 66, (  # it ends within two bars of the minute
        f"the last note ends at {found['seconds']:.1f} s of a minute"
    )
    assert per_window.min() >= 3, f"notes in each ten seconds: {per_window.tolist()}"
    assert found["pitches"] > 8, f"only {found['pitches']:.0f} different pitches"
    assert found["repeated"] < 0.87, (
        f"{found['repeated']:.0%} of it repeats: a loop (real music: 0 to 0.87)"
    )
    assert found["commonest_pitch"] < 0.5, (
        f"one pitch is {found['commonest_pitch']:.0%} of it (real music: 5% to 45%)"
    )
    print(
        f"held-out loss {best:.3f} nats per token; "
        + ", ".join(f"{n} {b['nats_per_token']:.3f}" for n, b in baselines.items())
    )
    print(
        f"{found['notes']:.0f} notes, {found['pitches']:.0f} pitches, in each ten seconds "
        f"{per_window.tolist()}\n"
    )
    for what, name in (("song", "song.mid"), ("picture", "song.png"), ("model", "model.onnx")):
        print(f"  {what:8} {folder / name}")
    print("\nPlay the song with any MIDI player: timidity or fluidsynth on Linux, GarageBand on a")
    print("Mac, Media Player on Windows, MuseScore anywhere.")


if __name__ == "__main__":
    check(Path(sys.argv[1]))
