"""What became of a run, in words: its losses, whether it goes on improving, and one next step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from test_train_report import made_run, row
from ugen.data.json_values import to_json
from ugen.train.config import TrainConfig
from ugen.train.reporting.run_report import write_report
from ugen.train.reporting.verdict import Verdict, verdict
from ugen.train.run_folder.metrics import read_metrics
from ugen.train.run_folder.run_config import read_config

FIRST = {"name": "pretrained", "known": 0.8, "licence": ""}


def of(run: Path) -> Verdict:
    """The verdict of a run in a folder."""
    found = verdict(run, read_config(run), read_metrics(run))
    assert found is not None
    return found


def losses(*nats: float, **changed: Any) -> list[dict[str, Any]]:
    """Evaluations, one an epoch, with these losses on held-out pieces."""
    return [
        row(100 * n, nats_per_token=each, known_nats_per_token=each - 0.2, **changed)
        for n, each in enumerate(nats)
    ]


def after(epochs: float, **more: Any) -> dict[str, Any]:
    """The settings of a run of so many epochs."""
    return to_json(TrainConfig(epochs=epochs, **more))


GOOD = losses(3.0, 2.1, 2.0, 1.96, 1.95, 1.949)


def test_a_good_run_says_by_how_much_that_it_is_done_and_to_export(tmp_path: Path) -> None:
    found = of(made_run(tmp_path / "my run", GOOD, training=after(5)))
    said = " ".join(found.sentences)
    assert found.is_good and found.command == f"export-ugen '{tmp_path}/my run' -o model.onnx"
    assert "better than all 3 baselines, 13% below the best (5-gram, 2.250)" in said
    assert "It is done" in said and "does not memorize" in said and "Good enough" in said


@pytest.mark.parametrize(
    ("nats", "words"),
    [
        (2.3, "no better than 5-gram, which only counts"),
        (2.6, "no better than 5-gram and repeat-last, which only count "),
        (2.2, "hardly better than the best baseline, 5-gram (2.250)"),
    ],
)
def test_a_run_that_counting_beats_is_never_told_to_be_exported(
    nats: float, words: str, tmp_path: Path
) -> None:
    """It once ended with "next: export-ugen" however bad it was."""
    found = of(made_run(tmp_path / "run", losses(3.0, nats, nats - 1e-3), training=after(2)))
    assert words in " ".join(found.sentences) and "Not good enough" in found.sentences[-1]
    assert not found.is_good and "export-ugen" not in found.command and found.next_step


def test_a_run_that_the_clock_stopped_is_told_to_go_on(tmp_path: Path) -> None:
    """One that was still improving once ended as one that was done."""
    history = losses(5.0, 4.0, 3.5, 3.0, 2.7)
    settings = after(40, minutes=row(400)["seconds"] / 60)
    found = of(made_run(tmp_path / "run", history, training=settings))
    assert "still improving" in " ".join(found.sentences)
    assert found.next_step == "train longer"
    assert re.search(r"^train-ugen /music -o \S+run --resume --minutes 49\.3", found.command)
    good = of(made_run(tmp_path / "good", losses(5.0, 3.0, 1.9), training=after(2)))
    assert "still improving" in " ".join(good.sentences) and "export-ugen" in good.command


def test_collapse_memorizing_and_nothing_learned_have_their_own_words(tmp_path: Path) -> None:
    collapsed = losses(3.0, 2.0, 1.9, time_predicted=0.99)
    found = of(made_run(tmp_path / "collapsed", collapsed, training=after(2)))
    assert not found.is_good and "--lr" in found.next_step
    memorized = losses(3.0, 2.0, 2.4)
    memorized[-1]["known_nats_per_token"] = 0.4
    said = of(made_run(tmp_path / "memorized", memorized, training=after(2))).sentences
    assert "In the end it memorized" in " ".join(said)
    worse = of(made_run(tmp_path / "worse", losses(2.0, 2.1, 2.2), training=after(2)))
    assert worse.sentences[0].startswith("Nothing was learned") and not worse.is_good


def test_scores_on_music_that_the_first_model_knew_are_called_so(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", GOOD, training=after(5), first_model=FIRST)
    assert "its first model had learned from, which proves little" in of(run).sentences[0]


def test_a_run_that_goes_on_has_no_next_step_and_none_has_no_verdict(tmp_path: Path) -> None:
    found = of(made_run(tmp_path / "run", GOOD))
    assert "Training goes on." in found.sentences and not found.next_step
    run = made_run(tmp_path / "new", [])
    assert verdict(run, read_config(run), []) is None


def test_the_page_says_what_the_terminal_says(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", GOOD, training=after(5))
    write_report(run)
    page = (run / "report.html").read_text("utf-8")
    found = of(run)
    assert " ".join(found.sentences) in page and found.command in page
