"""The same seed makes the same song, from one version of ugen to the next.

The bundled model computes in int8, whose kernels may differ between kinds of processor, and with
them its songs. The other models here compute nothing: where only the bundled model's songs differ,
it is the kernels.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from fake_models import Ruled
from support import ugen_run
from ugen.data import make_codec, read_midi
from ugen.runtime import SongSettings, generate
from ugen.runtime.sampling.rng import Rng

SONGS = {
    "--seed 7 --seconds 60 --exact": "077e236778f700ab",
    "--seed 8 --bars 16 --exact --temperature 1.1 --top-k 40 --key Dm --tempo 100": (
        "34ecc05617a0409d"
    ),
}
TOKENS = {
    "beats": "4915ff4af2876b31",
    "events": "4f8567fadfc91497",
    "frames": "a1e762678b6fb6df",
    "khot": "d025e14f11763b59",
}


def sha256(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


@pytest.mark.parametrize("options", SONGS)
def test_songs_of_the_bundled_model(options: str, tmp_path: Path) -> None:
    done = ugen_run("-o", tmp_path / "song.mid", *options.split())
    assert done.returncode == 0, done.stderr
    song = read_midi(tmp_path / "song.mid")
    assert song.ticks_per_beat == 480
    # hashed in the codec's ticks, of which files had 24 a beat at first
    for times in (song.notes["onset"], song.notes["end"], song.tempos["tick"], song.meters["tick"]):
        assert not (times % 20).any()
        times //= 20
    assert sha256(song.notes, song.tempos, song.meters) == SONGS[options]


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_of_models_that_compute_nothing(name: str) -> None:
    codec = make_codec(name)
    offset = 3.0 if codec.input == "frame" else 0.0

    def rule(step: int, calls: int) -> np.ndarray:
        """Logits of -4 to 4, less an offset that keeps most keys of a vector silent."""
        return (Rng(step).words(codec.vocabulary) % 1000).astype(float) / 125 - 4 - offset

    settings = SongSettings(seconds=20, seed=7, guard=False, exact=True)
    assert sha256(generate(Ruled(codec, rule), settings).tokens) == TOKENS[name]
