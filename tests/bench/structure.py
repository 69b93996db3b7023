"""Whether pieces hold together, by folder: the means of the measures, and whether pieces that are
broken off at a random place still count as ended.

    python tests/bench/structure.py [--most 200] FOLDER...
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from ugen.data import UgenError, read_midi
from ugen.data.analysis.structure import STRUCTURE, ends, structure
from ugen.data.midi.files import midi_files


def main(folders: list[Path], most: Annotated[int, typer.Option()] = 200) -> None:
    """Print a row per folder, of at most so many of its pieces."""
    print(f"| pieces | {' | '.join(STRUCTURE)} | ends, broken off |")
    print("|---" * (len(STRUCTURE) + 2) + "|")
    for folder in folders:
        numbers, found, broken = random.Random(0), [], []
        files = midi_files(folder)
        numbers.shuffle(files)
        for path in files[:most]:
            try:
                score = read_midi(path)
            except UgenError as error:
                print(error)
                continue
            found.append(structure(score))
            for _ in range(3):
                part = score.until(max(1, int(score.end_tick * numbers.uniform(0.3, 0.95))))
                broken.append(ends(part))
        means = [np.mean([each[name] for each in found]) for name in STRUCTURE] + [np.mean(broken)]
        print(f"| {folder.name}, {len(found)} | {' | '.join(f'{mean:.2f}' for mean in means)} |")


if __name__ == "__main__":
    typer.run(main)
