"""The page to listen to: a 5-gram that samples what the baseline scores; a page with all songs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ugen.data.cli.main import MUSIC
from ugen.data.corpus.corpus import Corpus

BENCH = Path(__file__).parent / "bench"


def test_the_5_gram_that_samples_is_the_one_that_stands_beside_losses(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its chances of held-out tokens give the baseline's loss."""
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(BENCH)
    from five_gram import NGram
    from ugen.train.evaluation.baselines import n_gram

    codec = small_corpus.codec
    train, held_out = (
        [codec.to_inputs(small_corpus.piece(row)) for row in small_corpus.pieces(split)]
        for split in ("train", "valid")
    )
    counted = NGram(train, codec.vocabulary, codec.start)
    chances = [
        counted.chances(piece[max(0, at - 6) : at].tolist())[token]
        for piece in held_out
        for at, token in enumerate(piece)
    ]
    expected = n_gram(train, held_out, codec.vocabulary, codec.start, 5).nats_per_token
    assert -np.log(chances).mean() == pytest.approx(expected, abs=1e-6)


def test_the_page_has_every_song_and_its_files(tmp_path: Path) -> None:
    folder, page = tmp_path / "listening", tmp_path / "docs" / "listening.md"
    page.parent.mkdir()
    few = ["--songs", "1", "--seconds", "8", "--music", MUSIC / "piano"]
    command = [sys.executable, "listening.py", folder, page, *few]
    subprocess.run(list(map(str, command)), cwd=BENCH, check=True)
    html = (folder / "index.html").read_text("utf-8")
    assert "media-src 'self' file:" in html, "its policy lets it play the files beside it"
    for name in ("piano-1", "piano-5-gram-1", "band-1", "band-5-gram-1"):
        assert html.count(f'id="{name}"') == 1
        assert (folder / f"{name}.mid").exists()
    assert page.read_text("utf-8").count("| Piano, by ") == 2
