"""`make bench-folk`: the default recipe on folk tunes, and whether its songs come back as they do.

    python tests/bench/folk.py FOLDER PAGE [--minutes 4] [--songs 40]

FOLDER holds tunes as MIDI files, or a corpus that is prepared. A run learns by the default recipe
on one thread, and is exported as int8. Its songs, by the file's own defaults and seeds 1 on, are
measured beside the tunes held out, cut to the same length (docs/scoring.md). The page's tunes are
the first 320 of Ryan's Mammoth Collection (1883), which music21 has in ABC, as its `expandRepeats`
and `write("midi")` make them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from machine import how, machine, markdown
from recipes import learn
from ugen.data.codecs.registry import make_codec
from ugen.data.corpus.corpus import Corpus, is_corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.runtime import load
from ugen.runtime.scoring.pieces import Piece
from ugen.runtime.scoring.songs import SongComparison, compare_songs

SHOWN = ("bars_returning", "rhythms_returning", "key_stability", "in_scale", "ends")


def table(found: SongComparison) -> list[str]:
    """A row for each measure: the songs' mean, and that of the tunes held out."""
    rows = [(name, found.measures[name]) for name in SHOWN]
    means = [(name, f"{each.songs:.2f}", f"{each.music:.2f}") for name, each in rows]
    return markdown(pd.DataFrame(means, columns=["measure", "songs", "tunes held out"]))


def main() -> None:
    """Learn, make songs, write the page."""
    parser = argparse.ArgumentParser(description="folk tunes, and songs like them")
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--minutes", default="4")
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--work", type=Path, default=Path("demo/folk"))
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    path = given.folder if is_corpus(given.folder) else given.work / "corpus"
    if not is_corpus(path):
        prepare(given.folder, path, Settings(make_codec("beats")))
    corpus = Corpus.open(path)
    held_out = corpus.pieces("valid")
    best = learn(path, given.work, ["--minutes", given.minutes])
    pieces = [Piece(corpus.piece(each), each.notes, each.seconds) for each in held_out]
    found = compare_songs(load(given.work / "model.onnx"), pieces, given.songs)
    page = [
        "# Folk tunes",
        "",
        f"Written by `make bench-folk`. {machine('torch', 'onnxruntime')} One thread.",
        "",
        f"{given.folder.name}: {len(corpus.pieces('train'))} tunes are learned, {len(held_out)} "
        f"held out. {given.minutes} minutes, {best['epoch']:.1f} passes, {best['speed']:,.0f} "
        f"tokens per second; {best['nats_per_note']:.2f} nats per held-out note. {given.songs} "
        f"songs: {found.retried} went back, {found.given_up} given up.",
        "",
        *table(found),
        "",
        how(__doc__),
        "",
    ]
    write_atomically(given.page, "\n".join(page).encode())


if __name__ == "__main__":
    main()
