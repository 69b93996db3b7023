"""The report of a run: its numbers are the files', it says what there is to say, and is a sound
page; the pictures."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from html_page import Page
from ugen.data import Score, UgenError, make_codec, write_midi
from ugen.data.analysis.spread import COMPARED
from ugen.data.json_values import to_json
from ugen.data.render.expected_roll import expected_roll
from ugen.train import metrics
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.reporting.charts import Curve, Mark, line_chart
from ugen.train.reporting.run_report import write_report


def row(step: int, **changed: Any) -> dict[str, Any]:
    """A line of metrics.jsonl; the held-out loss is best at step 500."""
    nats = 2.0 + abs(step - 500) / 1000
    return {
        "update": step,
        "epoch": step / 100,
        "tokens": step * 96,
        "seconds": step * 3.7,
        "rate": 0.005,
        "gradient": 0.4,
        "train_nats_per_token": nats - 0.1 if step else None,
        "known_nats_per_token": nats - 0.25,
        "nats_per_token": nats,
        "nats_per_note": 3 * nats,
        "nats_per_second": 30 * nats,
        "accuracy": 0.421,
        "accuracy_without_time": 0.333,
        "top5": 0.777,
        "top5_without_time": 0.666,
        "time_predicted": 0.25,
        "time_actual": 0.125,
        "top_event": "pitch:60",
        "top_event_predicted": 0.14,
        "top_event_actual": 0.11,
        **changed,
    }


def made_run(path: Path, history: list[dict[str, Any]], frame: bool = False, **more: Any) -> Path:
    """A run's folder with these evaluations in it."""
    codec = make_codec("khot" if frame else "beats")
    baselines = {
        "unigram": {"nats_per_token": 9.5, "accuracy": 0.1},
        "repeat-last": {"nats_per_token": 2.5, "accuracy": 0.2},
    }
    corpus = {
        "path": "/music",
        "hash": "0",
        "arrangement": "piano",
        "pieces": 96,
        "notes": 12_345,
        "seconds": 930.0,
        "tokens": 67_888,
    }
    config = {
        "format": 1,
        "version": "0.9",
        "model": to_json(ModelConfig(codec.vocabulary, codec.input, skip=True)),
        "training": to_json(TrainConfig(seed=77)),
        "corpus": corpus,
        "codec": codec.to_json(),
        "baselines": baselines
        if frame
        else {**baselines, "5-gram": {"nats_per_token": 2.25, "accuracy": 0.3}},
        **more,
    }
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history))
    return path


def report(run: Path) -> str:
    """The page's text, written anew."""
    write_report(run)
    return (run / "report.html").read_text("utf-8")


def test_the_result_is_the_best_evaluation_beside_the_baselines(tmp_path: Path) -> None:
    page = Page(report(made_run(tmp_path / "mine", [row(step) for step in range(0, 1001, 100)])))
    assert "at epoch 5.0: 2.000 nats per token, 6.00 per note, 60.00 per second" in page.words
    assert "It was no better after that" in page.words
    assert "better than all 3 baselines, 11% below the best (5-gram, 2.250)" in page.words
    rows = [page.cells[k : k + 8] for k in range(0, 32, 8)]
    scores = ["2.000", "6.00", "60.00", "42.1%", "33.3%", "77.7%", "66.6%"]
    assert rows[0] == ["this model", *scores]
    assert rows[1] == ["5-gram", "2.250", "6.75", "67.50", "30.0%", "", "", ""]
    assert [row[0] for row in rows[2:]] == ["repeat-last", "unigram"], "the best first"
    assert "pitch:60: 14.0% of the time, where the music has 11.0%" in page.words
    assert (
        "10.0 epochs in 1:01:40" in page.words
        and "1 layer of 320 LSTM units, beats codec" in page.words
    )
    facts = dict(
        [*zip(page.cells[32::2], page.cells[33::2], strict=True)][::-1]
    )  # of two minutes, the first
    assert facts["notes"] == "12,345" and facts["minutes"] == "15.5" and facts["tokens"] == "67,888"
    assert (
        facts["skip"] == "yes"
        and facts["tied"] == "no"
        and facts["lr"] == "0.005"
        and facts["seed"] == "77"
    )


def test_a_model_that_a_baseline_beats_is_described_so(tmp_path: Path) -> None:
    page = Page(
        report(
            made_run(tmp_path / "run", [row(0, nats_per_token=3.0), row(100, nats_per_token=2.3)])
        )
    )
    assert "no better than 5-gram, which only counts (best: 2.250)" in page.words
    assert "export-ugen" not in page.words
    assert "It was no better after that" not in page.words


def test_warnings_about_the_run_and_the_corpus_are_shown(tmp_path: Path) -> None:
    calm = [row(0), row(500)]
    assert 'class="look"' not in report(made_run(tmp_path / "calm", calm))
    collapsed = [row(step, time_predicted=0.99) for step in (0, 100, 200)]
    words = Page(
        report(made_run(tmp_path / "run", collapsed, warnings=["too <small>", "too old"]))
    ).words
    assert (
        "collapsed: it predicts rests 99% of the time" in words
        and "too <small>" in words
        and "too old" in words
    )


def test_names_from_outside_are_escaped(tmp_path: Path) -> None:
    name = "<script>&amp;\"'\udce9"
    run = made_run(
        tmp_path / name,
        [row(0, top_event="<b>"), row(100, top_event="<b>")],
        warnings=["<iframe src=x>"],
    )
    config = json.loads((run / "config.json").read_text())
    config["baselines"]["<u>"] = {"nats_per_token": 2.1, "accuracy": 0.2}
    (run / "config.json").write_text(json.dumps(config))
    page = Page(report(run))
    assert not {"script", "iframe", "u"} & set(page.seen) and page.sources == []
    assert page.seen.count("b") == 1, "our own"
    assert (
        "<script>&amp;\"'\ufffd" in page.words
        and "<iframe src=x>" in page.words
        and "<u>" in page.cells
    )


def test_samples_are_inside_the_page_the_newest_first(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", [row(step) for step in range(0, 1001, 100)])
    folder = run / "samples"
    folder.mkdir()
    for step in range(100, 1100, 100):
        (folder / f"sample-{step:06}.svg").write_bytes(b"sample %d" % step)
    song = Score.build([(0, 480, 60, 80, 0, False), (480, 720, 38, 9, 0, True)], 480)
    write_midi(song, folder / "sample-001000.mid")
    (folder / "sample-001100.svg").write_bytes(b"the newest")
    (folder / "sample-partial.svg").write_bytes(b"none of ours")
    for step in (200, 1000):
        (folder / f"expected-{step:06}.svg").write_bytes(b"expected %d" % step)
    page = Page(report(run))
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    shown = [base64.b64decode(source.partition(",")[2]) for source in page.sources]
    assert shown[:2] == [b"the newest", b"expected 1000"]
    assert shown[2] == b"sample 100" and shown[-1] == b"sample 1000" and len(shown) == 8
    steps = [int(name.split()[1]) for name in shown[2:]]
    assert steps == sorted(set(steps)) and max(np.diff(steps)) == 200, "evenly spread"
    assert "after 1,000 updates, 10.0 epochs, MIDI" in page.words
    assert page.links == ["samples/sample-001000.mid"], "no file, no link"
    assert page.played == [[[0, 0.5, 60, 80, 0], [0.5, 0.25, 38, 9, 1]]]


def test_only_the_player_of_a_page_may_run(tmp_path: Path) -> None:
    """The page forbids all others, by that one's hash, and loads nothing from anywhere."""
    run = made_run(tmp_path / "run", [row(0)])
    assert "script-src 'none'" in report(run) and "<script" not in report(run)
    (run / "samples").mkdir()
    (run / "samples" / "sample-000001.svg").write_bytes(b"")
    write_midi(Score.build([], 480), run / "samples" / "sample-000001.mid")
    text = report(run)
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'; img-src data:;" in text
    assert f"script-src 'sha256-{digest}'" in text
    assert "fetch" not in script and "http" not in text.replace("http-equiv", "")


def test_samples_are_measured_beside_held_out_music(tmp_path: Path) -> None:
    held_out = [dict.fromkeys(COMPARED, value) for value in (0.25, 0.75)]
    run = made_run(tmp_path / "mine", [row(0)])
    write_report(run, held_out, [dict.fromkeys(COMPARED, 1.0)])
    page = Page((run / "report.html").read_text("utf-8"))
    assert "The newest 1 sample beside 2 held-out pieces" in page.words
    assert "Distance: 2.00 deviations of the held-out music" in page.words
    at = page.cells.index("bars returning")
    assert page.cells[at : at + 5] == ["bars returning", "0.5", "0.25", "1", "0"]
    assert "beside held-out music" not in report(run), "none was made"


def test_two_samples_are_shown_once_each_and_none_leaves_no_heading(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", [row(0), row(100)])
    assert "sample" not in Page(report(run)).words.lower()
    (run / "samples").mkdir()
    assert "sample" not in Page(report(run)).words.lower()
    for step in (999_999, 1_000_000):
        (run / "samples" / f"sample-{step:06}.svg").write_bytes(b"%d" % step)
    page = Page(report(run))
    assert [base64.b64decode(source.partition(",")[2]) for source in page.sources] == [
        b"1000000",
        b"999999",
    ]
    assert "expects" not in page.words


def test_a_model_of_vectors_speaks_of_steps_and_keys(tmp_path: Path) -> None:
    page = Page(
        report(made_run(tmp_path / "run", [row(step) for step in (0, 100, 200)], frame=True))
    )
    assert "token" not in page.words.lower() and "5-gram" not in page.words
    for words in (
        "nats/step",
        "keys right",
        "silent steps",
        "the key it predicted most",
        "khot codec",
    ):
        assert words in page.words
    facts = dict(zip(page.cells[24::2], page.cells[25::2], strict=True))
    assert facts["steps"] == "8,486", "eight words on disk are one step"


@pytest.mark.parametrize("rows", [0, 1])
def test_a_run_that_has_hardly_begun_has_a_page(tmp_path: Path, rows: int) -> None:
    run = made_run(tmp_path / "run", [row(0)][:rows])
    page = Page(report(run))
    assert ("Not evaluated yet" in page.words) == (rows == 0)
    assert "begin with the second evaluation" in page.words and "svg" not in page.seen
    assert "2.250" in page.cells and "nan" not in page.words
    (run / "metrics.jsonl").unlink(missing_ok=True)
    assert "Not evaluated yet" in report(run)


def test_values_that_are_missing_or_no_numbers_leave_the_rest_standing(tmp_path: Path) -> None:
    history = [
        row(step, known_nats_per_token=None, train_nats_per_token=None) for step in (0, 100, 200)
    ]
    history[1] |= {"gradient": float("nan"), "nats_per_token": 2.0}
    history.append(row(300, nats_per_token=float("nan")))
    page = Page(report(made_run(tmp_path / "run", history)))
    assert "at epoch 1.0: 2.000 nats per token" in page.words and "nan" not in page.words
    assert (
        "held out" in page.words and "learned pieces" not in page.words and "gap" not in page.words
    )


def test_the_page_is_small_and_needs_nothing_beside_itself(tmp_path: Path) -> None:
    text = report(
        made_run(
            tmp_path / "run", [row(11 * i, gradient=9.75 if i == 333 else 0.4) for i in range(500)]
        )
    )
    page = Page(text)
    assert (
        len(text) < 50_000 and max(way.count("L") for way in re.findall(r'd="([^"]*)"', text)) < 155
    )
    assert "Gradient norm; higher values are off the top" in page.words, (
        "the one steep update was not thinned out"
    )
    dot = re.search(
        r'<use xlink:href="#\w+" x="([\d.]+)" y="([\d.]+)" style="fill: var\(--alarm', text
    )
    near = [abs(x - float(dot[1])) + abs(y - float(dot[2])) for x, y in drawn(text, "valid")]
    assert min(near) < 0.2, "nor was the best evaluation: the dot lies on its curve"
    assert page.seen.count("figure") == 6 and not {"script", "link"} & set(page.seen)
    assert not {"href", "onclick", "onload"} & page.names
    assert (
        "http:" not in text
        and "https:" not in text
        and "url(" not in text.replace("url(#", "")
        and "@import" not in text
    )


def test_a_folder_without_a_run_and_broken_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UgenError, match="not a training run"):
        write_report(tmp_path)
    run = made_run(tmp_path / "run", [row(0)])
    (run / "metrics.jsonl").write_text('{"update": 1')
    with pytest.raises(UgenError, match=r"metrics\.jsonl: cannot be read"):
        write_report(run)


def test_a_notebook_gets_the_evaluations_as_a_table(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", [row(step) for step in range(0, 600, 100)])
    found = metrics(run)
    assert found["nats_per_token"].idxmin() == 500 and found.index.name == "update"
    assert list(found.loc[100].index) == list(found.columns) == list(row(0))[1:]
    with pytest.raises(UgenError, match="not a training run"):
        metrics(tmp_path)


# charts


def drawn(chart: str, colour: str) -> list[tuple[float, float]]:
    """The points of the first curve of a colour, from the left and from the top."""
    way = re.search(rf'<path d="([^"]*)"[^>]* stroke: var\(--{colour}\)', chart)
    assert way
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", way[1])]


def ticks(chart: str, anchor: str) -> dict[str, tuple[float, float]]:
    """The numbers along the x axis (`middle`) or the y axis (`end`), and where they stand."""
    found = re.findall(rf'anchor: {anchor}[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)<', chart)
    return {text: (float(x), float(y)) for x, y, text in found}


def test_a_chart_draws_values_where_its_ticks_say() -> None:
    curve = Curve("loss", "valid", [(0, 4.0), (5, None), (10, 2.0), (20, 3.0)])
    levels = {"near": 2.5, "far": 9.0}
    chart = line_chart("Loss", [curve], levels=levels, mark=Mark("best", 10, 2.0))
    Page(chart)
    first, low, last = drawn(chart, "valid")
    across, up = ticks(chart, "middle"), ticks(chart, "end")
    assert [x for x, _ in (first, low, last)] == pytest.approx(
        [across[text][0] for text in ("0.0", "10.0", "20.0")], abs=0.2
    )
    below = [up[text][1] - y for text, (_, y) in (("4.0", first), ("2.0", low), ("3.0", last))]
    assert np.ptp(below) < 0.2, "each number stands beside its value"
    assert "near 2.5" in chart and "far" not in chart, "levels, where they are on the chart"
    assert f'x="{low[0]}" y="{low[1]}" style="fill: var(--alarm)' in chart and "best 2<" in chart


def test_a_chart_takes_its_colours_from_the_page_and_names_as_they_are() -> None:
    curve = Curve("$x$ <b>", "train", [(0, 1.0), (1, 2.0)])
    chart = line_chart("Loss", [curve], levels={"\u202e<u>$y$": 1.5})
    assert "$x$ &lt;b&gt; 2" in chart and "&lt;u&gt;$y$" in chart and "\u202e" not in chart
    assert not re.search(r"#[0-9a-f]{6}\b", chart), "a page may be dark"


def test_the_same_chart_is_drawn_the_same() -> None:
    curve = Curve("loss", "train", [(i, 1.0 / (1 + i)) for i in range(9)])
    assert line_chart("Loss", [curve]) == line_chart("Loss", [curve])


def test_an_untrained_models_loss_does_not_flatten_the_curve() -> None:
    curve = Curve("loss", "valid", [(i, 90.0 if i == 0 else 3.0 - i / 20) for i in range(20)])
    cropped, whole = line_chart("Loss", [curve], crop=True), line_chart("Loss", [curve])
    heights = [np.ptp([y for _, y in drawn(chart, "valid")[2:]]) for chart in (cropped, whole)]
    assert heights[0] > 60 > 2 > heights[1]
    assert "off the top" in cropped and "off the top" not in whole


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-5, 0.3, 123456.0])
def test_a_curve_that_never_changes_and_a_single_point_are_drawn(value: float) -> None:
    for points in ([(0.0, value), (7.0, value)], [(0.0, value)]):
        for crop in (False, True):
            curve = Curve("same", "valid", points)
            chart = line_chart("Same", [curve], zero=crop, percent=crop, crop=crop)
            Page(chart)
            assert all(0 <= y <= 200 for _, y in drawn(chart, "valid")) and "nan" not in chart
    unknown = Curve("none", "valid", [(0.0, None), (1.0, float("inf"))])
    assert line_chart("None", [unknown]) == ""


# expectations as a picture


def colours(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Where a picture is blue, an expectation, and where orange, an outline: bool [height, width],
    without legend and keyboard."""
    image = matplotlib.image.imread(path)[40:, 66:, :3]
    red, blue = image[..., 0], image[..., 2]
    return blue - red > 0.15, red - blue > 0.4


def test_expectations_are_shaded_under_the_outlines_of_the_music(tmp_path: Path) -> None:
    truth = Score.build([(0, 4800, 72, 80, 0, False)], 480)  # 0 to 5 s
    seconds, chances = np.array([10.0, 10.0, 12.0]), np.zeros((3, 128))
    chances[0, 60], chances[1, 67], chances[1, 60], chances[2, 60] = 0.9, 0.9, 0.001, 0.002
    expected_roll(truth, seconds, chances, tmp_path / "a.png")
    blue, orange = colours(tmp_path / "a.png")
    (high, wide), (note_high, note_wide) = np.nonzero(blue), np.nonzero(orange)
    assert note_high.max() < high.min(), "what sounds is above what was expected"
    assert 360 < np.ptp(note_wide) < 380, "5 of 15 s"
    assert note_wide.max() < wide.min() and 3 <= np.ptp(wide) <= 14, (
        "one column for the chord, none for 0.2%"
    )
    lines = np.flatnonzero(blue.any(axis=1))
    assert (np.diff(lines) > 1).sum() == 1, "both notes of the chord, each by its highest chance"


def test_even_steps_touch_and_sparse_onsets_stay_narrow(tmp_path: Path) -> None:
    chances = np.zeros((6, 128))
    chances[:, 60] = 0.8
    shares = []
    for seconds in (np.arange(6) * 2.5, np.array([0, 2.5, 5, 7.5, 10, 14.9])):
        expected_roll(Score.build([], 480), seconds, chances, tmp_path / "a.png")
        blue, _ = colours(tmp_path / "a.png")
        shares.append(blue.any(axis=0).mean())
    assert shares[0] > 0.9 and shares[1] < 0.06


def test_pictures_of_nothing_are_pictures_and_long_ones_have_rows(tmp_path: Path) -> None:
    heights = []
    note = Score.build([(0, 480, 60, 80, 0, False)], 480)
    for truth in (Score.build([], 480), note, Score.build([(0, 28_800, 60, 80, 0, False)], 480)):
        expected_roll(truth, np.zeros(0), np.zeros((0, 128)), tmp_path / "a.png")
        heights.append(matplotlib.image.imread(tmp_path / "a.png").shape[0])
    assert heights[0] == heights[1] and heights[2] > 1.7 * heights[1], "30 s are two rows"
    with pytest.raises(UgenError, match="too many to draw"):
        expected_roll(note, np.array([1e6]), np.zeros((1, 128)) + 0.5, tmp_path / "a.png")
