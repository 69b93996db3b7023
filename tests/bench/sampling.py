"""Songs at several temperatures beside a folder of music that the model never learned: which
default is best?

    python tests/bench/sampling.py model.onnx FOLDER [SONGS]

Prints a table. `distance`: that of `ugen-score`, see `ugen.data.analysis.spread`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ugen.data.midi.files import midi_files
from ugen.runtime import Sampling, load
from ugen.runtime.scoring.pieces import read_piece
from ugen.runtime.scoring.songs import compare_songs

SETTINGS = [
    (1.1, 0.97),
    (1.0, 1.0),
    (1.0, 0.98),
    (1.0, 0.97),
    (1.0, 0.95),
    (0.95, 0.97),
    (0.9, 0.97),
    (0.8, 0.97),
]
SHOWN = "bars_returning", "key_stability", "in_scale", "ends", "polyphony", "longest_silence"


def main(file: Path, folder: Path, songs: int, out: Callable[[str], None] = print) -> None:
    """Make the songs, and print a row a setting."""
    model = load(file)
    pieces = [read_piece(path, model.card) for path in midi_files(folder)]
    out(
        f"| temperature | top-p | distance | {' | '.join(SHOWN)} | copied notes "
        "| resampled, given up |"
    )
    out("|---" * (len(SHOWN) + 5) + "|")
    for temperature, top_p in SETTINGS:
        model.card = replace(model.card, sampling=Sampling(temperature, top_p=top_p))
        found = compare_songs(model, pieces, songs)
        spread = found.measures
        row = [f"{spread[name].songs:.3f}" for name in SHOWN]
        copied = spread["copied_notes"].songs if "copied_notes" in spread else float("nan")
        out(
            f"| {temperature} | {top_p} | {found.distance:.2f} | {' | '.join(row)} | {copied:.1f} "
            f"| {found.retried}, {found.given_up} |"
        )
    copied = spread["copied_notes"].music if "copied_notes" in spread else float("nan")
    row = [f"{spread[name].music:.3f}" for name in SHOWN]
    out(f"| the folder | | 0 | {' | '.join(row)} | {copied:.1f} | |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 40)
