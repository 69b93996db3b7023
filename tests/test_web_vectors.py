"""The golden vectors for other runtimes are what this code makes."""

from __future__ import annotations

import json
import platform

import pytest
from web_vectors import FOLDER, bundled, text


def test_the_vectors_are_fresh() -> None:
    """`python tests/web_vectors.py` writes them anew."""
    stored = json.loads((FOLDER / "songs.json").read_text("utf-8"))
    made = json.loads(text())
    assert stored["models"] == made["models"]
    for old, new in zip(stored["songs"], made["songs"], strict=True):
        assert old == new, (old["model"], old["asked"])


# other processors may round the steps of int8 files in another way (docs/model-format.md)
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="rounds otherwise")
def test_the_songs_of_the_bundled_models_are_fresh() -> None:
    for old, new in zip(json.loads((FOLDER / "bundled.json").read_text()), bundled(), strict=True):
        assert old == new, (old["model"], old["seed"])
