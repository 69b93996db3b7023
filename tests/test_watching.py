"""What a run says and leaves behind: warnings when they are due, samples, pictures, curves; none of
it changes the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support import trained
from ugen.data import make_codec, read_midi
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.evaluation.diagnostics import about_corpus, about_run, collapse, overfitting
from ugen.train.evaluation.sample import MOST_STEPS, expected_pitches, sample
from ugen.train.learning.find_lr import find_lr
from ugen.train.learning.learner import Learner
from ugen.train.learning.trainer import Trainer
from ugen.train.model import LstmModel
from ugen.train.progress import Progress
from ugen.train.reporting.samples import Samples
from ugen.train.run_folder.checkpoint import load_checkpoint
from ugen.train.run_folder.initial_weights import InitialModel
from ugen.train.run_folder.run_config import FirstModel

CPU = torch.device("cpu")
BEATS = make_codec("beats")


def row(**changes: object) -> dict:
    """An evaluation of a healthy model."""
    return {
        "epoch": 3.0,
        "nats_per_token": 2.0,
        "known_nats_per_token": 1.9,
        "time_predicted": 0.3,
        "time_actual": 0.25,
        "top_event": "pitch:60",
        "top_event_predicted": 0.2,
        "top_event_actual": 0.1,
        **changes,
    }


# collapse and its like

RESTS = {
    "top_event": "step",
    "top_event_predicted": 0.99,
    "top_event_actual": 0.5,
    "time_predicted": 0.99,
    "time_actual": 0.5,
}


def test_a_collapsed_model_is_described_in_words() -> None:
    rests = row(**RESTS)
    assert "predicts rests 99% of the time, where the music has 50%" in collapse([rests, rests])
    one = row(top_event_predicted=0.97)
    assert "predicts pitch:60 97% of the time, where the music has 10%" in collapse([one, one])
    assert "--codec beats" in collapse([one, one]), "and what to try"


def test_a_healthy_or_young_model_gets_no_warning() -> None:
    rests = row(**RESTS)
    young = {**rests, "epoch": 0.4}
    assert collapse([row(), row()]) == collapse([row(), rests]) == collapse([rests, row()]) == ""
    assert collapse([young, young]) == collapse([young, rests]) == "", (
        "every model begins like this"
    )
    silent_music = row(
        time_predicted=0.99,
        time_actual=0.97,
        top_event="step",
        top_event_predicted=0.99,
        top_event_actual=0.97,
    )
    assert collapse([silent_music] * 2) == "", "the music itself rests as much"


class Warnings:
    """A callback that keeps the warnings after each evaluation."""

    def __init__(self) -> None:
        self.said: list[dict[str, str]] = []

    def on_update(self, progress: Progress) -> None:
        """Nothing."""

    def on_evaluation(self, progress: Progress) -> None:
        """Keep it."""
        self.said.append(about_run(progress.history))


def test_the_detector_fires_on_a_model_made_to_collapse_and_not_on_a_healthy_one(
    small_corpus: Corpus, small_run: Path, tmp_path: Path
) -> None:
    """A rate of 1e-8 keeps a model that was told to say nothing but `bar`, which is time, where it
    is."""
    shape = ModelConfig(BEATS.vocabulary, embedding=8, hidden=8)
    weights = LstmModel(shape).state_dict()
    weights["head.bias"][BEATS.events.index("bar")] = 50.0
    config = TrainConfig(batch=4, bptt_length=32, epochs=4, lr=1e-8, patience=100)
    first = InitialModel(BEATS, shape, weights, FirstModel("one that rests"))
    trainer = Trainer.begin(tmp_path / "run", small_corpus, shape, config, CPU, "test", None, first)
    callback = Warnings()
    trainer.run([callback])
    assert "predicts rests 100% of the time" in callback.said[-1]["collapse"]
    assert callback.said[0] == {}
    healthy = [json.loads(line) for line in (small_run / "metrics.jsonl").read_text().splitlines()]
    assert len(healthy) > 5
    assert all(collapse(healthy[:count]) == "" for count in range(len(healthy) + 1))


def test_memorizing_is_said_with_both_losses() -> None:
    history = [
        row(nats_per_token=2.0, known_nats_per_token=1.8),
        row(nats_per_token=2.6, known_nats_per_token=0.5),
    ]
    assert (
        "its loss is 0.50 on music it has heard and 2.60 on held-out music, where it was 2.00"
        in overfitting(history)
    )
    assert overfitting(history[:1]) == "" and overfitting([]) == ""
    assert overfitting([row(nats_per_token=2.6, known_nats_per_token=0.5)]) == "", (
        "as long as held-out music gets no worse"
    )


def test_a_corpus_too_small_is_warned_of_before_training(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    assert about_corpus(1_000_000, 400_000, 4 * 3600, 90) == []
    minutes, weights = about_corpus(11_000_000, 30_000, 600, 4)
    assert "4 pieces, 10 minutes" in minutes
    assert (
        "too small for this model: 11,000,000 weights to learn from 30,000 tokens (367 each)"
        in weights
    )
    said = trained(small_corpus.path, "-o", tmp_path / "run", "--epochs", 0, "--sample-minutes", 0)
    assert "Your corpus is too small for this model" in said
    assert said.index("too small") < said.index(" epoch"), "before the first evaluation"


# samples and pictures


def test_samples_and_pictures_leave_the_training_as_it_was(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    """Bit for bit the weights of a run without samples."""
    said: list[str] = []
    for name in ("sampled", "plain"):
        shape = ModelConfig(BEATS.vocabulary, embedding=8, hidden=16)
        config = TrainConfig(batch=4, bptt_length=64, epochs=0.2)
        trainer = Trainer.begin(tmp_path / name, small_corpus, shape, config, CPU, "test")
        trainer.run([Samples(trainer, 1e-9, said.append)] if name == "sampled" else [])
    weights = [load_checkpoint(tmp_path / name).model.state_dict() for name in ("sampled", "plain")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    folder = tmp_path / "sampled" / "samples"
    steps = {path.stem.split("-")[1] for path in folder.glob("*.mid")}
    assert len(steps) == len(said) > 1
    for step in steps:
        assert read_midi(folder / f"sample-{step}.mid").seconds <= 20.01
        for name in ("sample", "expected"):
            assert (folder / f"{name}-{step}.svg").read_text("utf-8").startswith("<svg")
    page = (tmp_path / "sampled" / "report.html").read_bytes()
    assert b"data:image/svg+xml;base64" in page and b"Samples beside held-out music" in page


def test_a_sample_of_a_model_that_never_moves_on_ends() -> None:
    model = LstmModel(ModelConfig(129, embedding=4, hidden=4))
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        model.head.bias[
            0
        ] = -1e4  # no step ever ends, until the highest pitch leaves no other choice
    score = sample(model, make_codec("frames"), 5.0, seed=1)
    assert score.seconds <= 5.0 and len(score.notes) > 0
    assert model.training and 5 / make_codec("frames").step_seconds < MOST_STEPS


@pytest.mark.parametrize("name", ["beats", "events", "frames", "khot"])
def test_expectations_stand_where_the_pitches_come(small_folder: Path, name: str) -> None:
    codec = make_codec(name)
    score = read_midi(sorted(small_folder.glob("*.mid"))[0])
    score = score.until(score.tick_at(8.0))
    items = codec.to_inputs(codec.encode(score).tokens)
    model = LstmModel(ModelConfig(codec.vocabulary, codec.input, embedding=4, hidden=4))
    seconds, chances, pitches = expected_pitches(model, codec, items)
    assert (np.diff(seconds) >= 0).all() and seconds[-1] <= 8.01
    assert chances.shape == (len(seconds), 128) and (chances >= 0).all()
    if name == "khot":
        assert len(seconds) == len(items) and (pitches == -1).all()
        return
    assert (chances.sum(axis=1) <= 1 + 1e-6).all()
    assert set(pitches.tolist()) == set(
        codec.decode(codec.from_inputs(items)).notes["pitch"].tolist()
    )
    onsets = score.seconds_at(score.notes["onset"])
    assert np.abs(np.sort(onsets)[0] - seconds[0]) < 0.06, (
        "the first column stands at the first note"
    )


def test_tensorboard_gets_the_numbers(small_corpus: Corpus, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    flags = [
        "--epochs",
        1,
        "--hidden",
        8,
        "--embedding",
        8,
        "--batch",
        4,
        "--bptt-length",
        32,
        "--tensorboard",
    ]
    trained(small_corpus.path, "-o", run, *flags, "--sample-minutes", 0)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert {"update/loss", "held_out/nats_per_token", "held_out/top5"} <= set(
        events.Tags()["scalars"]
    )
    assert events.Scalars("held_out/nats_per_token")[-1].value < 7


# the learning rate


def test_a_learning_rate_is_found_and_the_run_left_fresh(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    shape = ModelConfig(BEATS.vocabulary, embedding=16, hidden=24, dropout=0.1)
    learner = Learner(small_corpus, shape, TrainConfig(batch=4, bptt_length=32), CPU)
    before = {key: value.clone() for key, value in learner.model.state_dict().items()}
    random, data = torch.get_rng_state(), learner.streams.state()
    trial = find_lr(learner)
    assert 5e-4 < trial.chosen < 5e-2
    assert (
        trial.losses[0] > min(trial.losses)
        and trial.chosen < trial.rates[int(np.argmin(trial.losses))]
    )
    assert all(torch.equal(before[key], value) for key, value in learner.model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state()) and learner.streams.state() == data


def test_a_rate_for_vectors_survives_their_uneven_losses(
    small_folder: Path, tmp_path: Path
) -> None:
    """They begin with a loss that hardly falls; its noise once ended the trial at once, with a rate
    of 1e-5."""
    corpus = prepare(small_folder, tmp_path / "corpus", Settings(make_codec("khot"), valid=0.2))
    learner = Learner(
        corpus, ModelConfig(128, "frame", embedding=16, hidden=24), TrainConfig(batch=4), CPU
    )
    learner.initialize_weights(None)
    trial = find_lr(learner)
    assert len(trial.rates) > 60
    assert 5e-4 < trial.chosen < 5e-2
