"""What songs copy with the guard against it and without, beside held-out pieces; and what its table
finds. Compared with every run of notes of the corpus.

    python tests/bench/copies.py model.onnx CORPUS [SONGS]

The model must have learned from that corpus. Its table is made anew, as training would make it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ugen.data.analysis.fingerprint_table import Table
from ugen.data.analysis.fingerprints import grams, notes_in_order
from ugen.data.analysis.originality import SURE, make_table, originality
from ugen.data.corpus.corpus import Corpus
from ugen.data.score import Score
from ugen.runtime import Model, generate, load
from ugen.runtime.generation.guard.faults import FaultKind, GuardError
from ugen.train.run_folder import originality as run_folder

SECONDS = 60.0
LENGTHS = 12, 16, 20, 26, 32, 48, 64
PLANTED = 400


def main(file: Path, corpus: Corpus, songs: int) -> None:
    """Print what is found, then a row for the held-out pieces and for each way to make songs."""
    learned = [corpus.codec.decode(corpus.piece(row)) for row in corpus.pieces("train")]
    names = [row.file for row in corpus.pieces("train")]
    whole = make_table(names, learned, characters=1 << 30)
    model, table = load(file), run_folder.table_of(corpus, 2_000_000)
    model.card = replace(model.card, originality=table)
    print(
        f"{len(whole.keys):,} runs; {len(table.keys):,} in the table, {len(table.encoded()):,} "
        f"characters, sure from {table.certain} notes on; limit {table.limit} notes\n"
    )
    print(f"| passage of | {' | '.join(map(str, LENGTHS))} notes |")
    print(f"| found | {' | '.join(f'{planted(learned, table, n):.0%}' for n in LENGTHS)} |\n")
    print(f"| songs | over {SURE - 1} notes | median | 90% | most | copies taken back | in songs |")
    print("|---|---|---|---|---|---|---|")
    held_out = [corpus.codec.decode(corpus.piece(row)) for row in corpus.pieces("valid")]
    show("held-out pieces", [piece.until(piece.tick_at(SECONDS)) for piece in held_out], whole)
    for temperature in (1.0, 0.9):
        for guard in (False, True):
            made, copies = make(model, songs, temperature, guard)
            name = f"temperature {temperature:g}{', guarded' if guard else ''}"
            show(name, made, whole, copies)


def planted(learned: Sequence[Score], table: Table, length: int) -> float:
    """The fraction of passages of that length, without mere repetition and in another key, of which
    anything is found."""
    rng, found, count = np.random.default_rng(length), 0, 0
    while count < PLANTED:
        piece = learned[int(rng.integers(len(learned)))]
        notes = notes_in_order(piece)
        _, places = grams(notes)
        runs = length - table.n + 1
        if len(places) < runs:
            continue
        at = int(rng.integers(len(places) - runs + 1))
        if places[at + runs - 1] - places[at] != runs - 1:
            continue
        passage = notes[places[at] : places[at] + length].copy()
        passage["pitch"] = (passage["pitch"] + 2) % 128
        found += originality(replace(piece, notes=passage), table).longest is not None
        count += 1
    return found / count


def make(
    model: Model, songs: int, temperature: float, guard: bool
) -> tuple[list[Score], list[int]]:
    """Songs, and how many copied passages were taken back in each."""
    made, copies = [], []
    sampling = replace(model.card.sampling, temperature=temperature)
    for seed in range(1, songs + 1):
        try:
            song = generate(model, seconds=SECONDS, seed=seed, sampling=sampling, copy_guard=guard)
        except GuardError:
            continue
        made.append(song.score)
        copies.append(sum(retry.fault.kind is FaultKind.COPY for retry in song.retries))
    return made, copies


def show(name: str, music: Sequence[Score], whole: Table, copies: Sequence[int] = ()) -> None:
    """Print a row."""
    found = [originality(score, whole).longest for score in music]
    notes = np.array([each.notes if each else 0 for each in found])
    middle, most = np.quantile(notes, (0.5, 0.9)), notes.max()
    print(
        f"| {len(music)} {name} | {(notes >= SURE).mean():.1%} | {middle[0]:.0f} | "
        f"{middle[1]:.0f} | {most} | {sum(copies)} | {sum(each > 0 for each in copies)} |",
        flush=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Corpus.open(sys.argv[2]), int((sys.argv[3:] or [50])[0]))
