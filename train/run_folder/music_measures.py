"""What a run's music is like, by which `ugen-run --best` ranks the songs of its model."""

from __future__ import annotations

import numpy as np
from ugen.data.analysis.spread import COMPARED, measures_of_beginning
from ugen.data.corpus.corpus import Corpus

SECONDS = 60.0  # of each piece: the usual length of a song, on which measures depend
FEWEST, MOST = 16, 64  # pieces


def music_measures(corpus: Corpus) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the measures of held-out pieces; where these are fewer than
    FEWEST, of some training pieces, too."""
    rows = corpus.pieces("valid") or corpus.pieces("test")
    rows = rows[:: -(-len(rows) // MOST)]
    if lacking := max(FEWEST - len(rows), 0):
        others = corpus.pieces("train")
        rows = rows + others[:: -(-len(others) // lacking)]
    decode = corpus.codec.decode
    found = [measures_of_beginning(decode(corpus.piece(row)), SECONDS) for row in rows]
    return {
        name: (round(float(np.mean(values)), 6), round(float(np.std(values)), 6))
        for name in COMPARED
        if (values := [each[name] for each in found])
    }
