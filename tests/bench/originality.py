"""What a table of hashed runs of notes takes and finds: the figures of docs/scoring.md.

python tests/bench/originality.py [FOLDER ...]     by default Freedoom's bundled music
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ugen.data import make_codec
from ugen.data.analysis.fingerprint_table import Table
from ugen.data.analysis.originality import MOST_CHARACTERS, make_table
from ugen.data.cli.main import MUSIC
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.score import Score

ROOMS = 64 << 10, 102_000, 250_000, MOST_CHARACTERS  # 102,000: what a run of the default model has
ASKED = 5_000_000


def music(corpus: Corpus, split: str) -> list[Score]:
    """The pieces of a split, out of the codec."""
    return [corpus.codec.decode(corpus.piece(row)) for row in corpus.pieces(split)]


def measured_rate(table: Table) -> float:
    """How often random hashes are found."""
    hashes = np.random.default_rng(0).integers(0, 1 << 64, ASKED, np.uint64)
    return len(np.unique(table.lookup(hashes)[0])) / ASKED


def report(corpus: Corpus, name: str) -> None:
    """Print both tables of a corpus."""
    learned, held_out = music(corpus, "train"), music(corpus, "valid")
    names = [row.file for row in corpus.pieces("train")]
    notes = sum(len(score.notes) for score in learned)
    print(f"\n{name}: {len(learned)} training pieces, {notes:,} notes; {len(held_out)} held out\n")
    print(
        "| notes in a run | runs | held out: longest, median | most | notes in any, median | mean |"
    )
    print("|---|---|---|---|---|---|")
    for n in (8, 10, 12, 16):
        table = make_table(names, learned, held_out, 1 << 30, n)
        assert table.held_out
        mean = np.mean(
            [one.held_out.share for one in alone(names, learned, held_out, n) if one.held_out]
        )
        print(
            f"| {n} | {len(table.keys):,} | {table.held_out.median:g} | {table.held_out.most} | "
            f"{table.held_out.share:.1%} | {mean:.1%} |"
        )
    print(
        "\n| room, kB | runs | kB | always found | false positives, stated | measured | most | s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for room in ROOMS:
        begun = time.perf_counter()
        table = make_table(names, learned, held_out, room)
        took = time.perf_counter() - begun
        assert table.held_out
        print(
            f"| {room / 1e3:.0f} | {len(table.keys):,} | {len(table.encoded()) / 1e3:.0f} "
            f"| {table.certain} | 1 in {1 / table.false_positives:,.0f} "
            f"| 1 in {1 / measured_rate(table):,.0f} | {table.held_out.most} | {took:.1f} |"
        )


def alone(
    names: Sequence[str], learned: Sequence[Score], held_out: Sequence[Score], n: int
) -> list[Table]:
    """A table for each held-out piece alone."""
    return [make_table(names, learned, [piece], 1 << 30, n) for piece in held_out]


def main() -> None:
    """Every folder given, or the bundled music, whole and thinned to sixty pieces."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(name) for name in sys.argv[1:]] or [
            MUSIC / "freedoom",
            sixty(Path(scratch) / "sixty"),
        ]
        for number, folder in enumerate(folders):
            corpus = prepare(
                folder, Path(scratch) / f"corpus{number}", Settings(make_codec("beats")), workers=2
            )
            report(corpus, folder.name)


def sixty(folder: Path) -> Path:
    """Sixty of the bundled pieces."""
    folder.mkdir()
    files = sorted((MUSIC / "freedoom").glob("*.mid"))
    for k in np.linspace(0, len(files) - 1, 60).astype(int):
        (folder / files[k].name).write_bytes(files[k].read_bytes())
    return folder


if __name__ == "__main__":
    main()
