"""Threads that share a model: each song and each walk is what it is alone."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ugen.export.export import export
from ugen.export.settings import ExportSettings
from ugen.runtime import Model, generate, load
from ugen.runtime.sampling.rng import Rng

SEEDS, THREADS, STEPS = range(8), 4, 1000


@pytest.fixture(scope="module", params=["fp32", "int8"])
def model(
    request: pytest.FixtureRequest, small_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Model:
    """A small model that learned something, so that what it draws hangs on its state."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export(small_run, path, ExportSettings(precision=request.param, max_loss=50), steps=50)
    return load(path)


def song(model: Model, seed: int) -> np.ndarray:
    """The tokens of a song."""
    return generate(model, seconds=20, seed=seed).tokens


def walk(model: Model, seed: int) -> np.ndarray:
    """Logits along tokens picked at random, and the state in the end: float32 [n]."""
    rng, state, rows = Rng(seed), model.start(), []
    for _ in range(STEPS):
        token = int(rng.uniform() * model.card.codec.vocabulary)
        logits, state = model.step(np.array([[token]], np.int64), state)
        rows.append(logits)
    return np.concatenate([part.ravel() for part in (*rows, *state)])


@pytest.fixture
def restless() -> Iterator[None]:
    """Python goes from one thread to another a thousand times as often as it would."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_songs_and_steps_of_many_threads_are_those_of_one(model: Model) -> None:
    work = [partial(make, model, seed) for seed in SEEDS for make in (song, walk)]
    alone = [make() for make in work]
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(lambda make: make(), work))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert len({each.tobytes() for each in alone}) == len(work), "and no two are alike"


def test_a_copy_of_a_model_is_loaded_again(model: Model) -> None:
    """onnxruntime's sessions can be neither copied nor sent to other processes."""
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert np.array_equal(song(copied, 1), song(model, 1))
