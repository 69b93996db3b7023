"""Fixtures: a small folder of music, its corpus, and one small trained run.

Where torch is not installed (make test-pythons), $UGEN_TEST_MODEL names the model file to test
with."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support import BUNDLED
from ugen.data import arrange, make_codec, read_midi, write_midi
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare

# a suite in the background, or under nohup, has these ignored; the commands that it starts must not
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (getattr(signal, "SIGHUP", signal.SIGINT), signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("ugen", derandomize=True, **_QUIET)
settings.register_profile("fuzz", max_examples=1000, print_blob=True, **_QUIET)  # make fuzz
settings.load_profile("ugen")
if find_spec("torch"):
    import torch

    # models this small gain nothing from two threads, and lose a lot beside another process
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short pieces cut from the bundled music, as a user's folder."""
    folder = tmp_path_factory.mktemp("folder")
    for path in BUNDLED[::9]:
        score = arrange(read_midi(path), "piano")
        write_midi(score.until(score.tick_at(30.0)), folder / path.name)
    return folder


@pytest.fixture(scope="session")
def small_corpus(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The small folder prepared with the beats codec."""
    return prepare(
        small_folder,
        tmp_path_factory.mktemp("corpus") / "beats",
        Settings(make_codec("beats"), valid=0.2),
    )


@pytest.fixture(scope="session")
def small_run(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training run on the small corpus: two layers, a few seconds."""
    return _trained(small_corpus, tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="session")
def row_run(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with all columns, and a pointer."""
    columns = small_corpus.codec.columns
    return _trained(small_corpus, tmp_path_factory.mktemp("row") / "run", columns=columns)


def _trained(corpus: Corpus, path: Path, **options: Any) -> Path:
    from ugen.train.config import ModelConfig, TrainConfig
    from ugen.train.learning.trainer import Trainer

    shape = {"embedding": 24, "layers": 2, "hidden": 40, **options}
    model = ModelConfig(corpus.codec.vocabulary, dropout=0.1, **shape)
    config = TrainConfig(batch=4, bptt_length=32, epochs=12, lr=0.01, warmup=10)
    trainer = Trainer.begin(path, corpus, model, config, torch.device("cpu"), "test")
    trainer.run()
    return path


@pytest.fixture(scope="session")
def model_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run as a model file."""
    if given := os.environ.get("UGEN_TEST_MODEL"):
        return Path(given)
    return _exported(request.getfixturevalue("small_run"), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def plain_file(request: pytest.FixtureRequest, model_file: Path) -> Path:
    """The one that is fed the last token alone."""
    if os.environ.get("UGEN_TEST_MODEL"):
        pytest.skip("the model at hand has columns")
    return model_file


@pytest.fixture(scope="session")
def row_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one with columns as a model file."""
    if os.environ.get("UGEN_TEST_MODEL"):
        pytest.skip("makes a model, which needs torch")
    return _exported(request.getfixturevalue("row_run"), tmp_path_factory.mktemp("rows"))


def _exported(run: Path, folder: Path) -> Path:
    from ugen.export.export import export
    from ugen.export.settings import ExportSettings

    settings = ExportSettings(precision="int8", max_loss=50, licence="test")
    export(run, folder / "model.onnx", settings, steps=50)
    return folder / "model.onnx"
