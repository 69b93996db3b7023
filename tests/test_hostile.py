"""Files that were damaged, or made to harm: each is refused in one line, whatever is in it."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from fake_models import BEATS
from model_files import made, refusal_of, trainable
from odd_files import header, track
from onnx import helper, numpy_helper
from ugen.data import Score, UgenError, read_midi
from ugen.data.arrangement import arrange, cut_silence
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.near_duplicates import sketch
from ugen.data.render.audio import write_audio
from ugen.runtime.model_file.check import card_of
from ugen.train.learning.trainer import Trainer
from ugen.train.reporting.run_report import write_report
from ugen.train.run_folder.checkpoint import load_checkpoint, load_tensors, save_tensors
from ugen.train.run_folder.initial_weights import initial_model
from ugen.train.run_folder.resume import RESUME_FILE

CPU = torch.device("cpu")


def refusal(read: Callable[[], object]) -> str:
    """What is said of a file: one short line."""
    with pytest.raises(UgenError) as caught:
        read()
    text = str(caught.value)
    assert text.isprintable() and len(text) < 600
    return text


# music


def _full_of(events: str, before: str = "00") -> bytes:
    """A file of 300 KB with one kind of event, in running status; `<` stands for a pitch."""
    pitches = [bytes.fromhex(events.replace("<", f"{pitch:02x}")) for pitch in range(128)]
    unit = b"".join(pitches)
    return header() + track(bytes.fromhex(before) + unit * (300_000 // len(unit)))


DENSE = {
    "notes": _full_of("01 < 50 05 < 00", "00 90 00 50"),
    "hanging": _full_of("01 < 50", "00 90 00 50"),
    "one pitch": _full_of("01 3c 50", "00 90 00 50"),
    "programs": _full_of("01 05", "00 c0 05"),
    "banks": _full_of("01 00 78 01 00 00", "00 b0 00 00"),
    "pedals": _full_of("01 40 7f 01 40 00", "00 b0 40 00"),
    "tempos": _full_of("01 ff 51 03 07 a1 <", "00 c0 05"),
    "meters": _full_of("01 ff 58 04 04 02 18 08 01 ff 58 04 03 02 18 08", "00 c0 05"),
}


@pytest.mark.parametrize("name", DENSE)
def test_memory_is_in_proportion_to_the_file(name: str) -> None:
    """Preparing took up to 109 MB for each MB of file: Python's numbers, and columns of 64 bits."""
    data = DENSE[name]
    tracemalloc.start()
    score = cut_silence(arrange(read_midi(data), "piano"), 4)
    BEATS.encode(score)
    sketch(score)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 22 * len(data) + (6 << 20)


def test_thousands_of_notes_at_once_are_not_played(tmp_path: Path) -> None:
    """Each was synthesized on its own: a file of 120 KB took hours."""
    pytest.importorskip("midirenderer")
    score = Score.build([(0, 480, 60, 80, 0, False)] * 5000, 480)
    text = refusal(lambda: write_audio(score, tmp_path / "song.wav"))
    assert text == f"{tmp_path / 'song.wav'}: too many notes sound at once to be played"
    assert not list(tmp_path.iterdir())


def test_a_crowd_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    """23,000 notes that sound together were played for minutes."""
    pytest.importorskip("midirenderer")
    notes = [(60 + k, 4000, k % 128, 80, 0, False) for k in range(2000)]
    score = Score.build([(0, 48, 60, 80, 0, False), *notes], 480)
    played: list[float] = []
    target = tmp_path / "song.wav"
    text = refusal(lambda: write_audio(score, target, on_progress=played.append))
    assert "too many notes" in text and not played


# runs


def _changed(run: Path, file: str, change: Callable[[Any], None]) -> None:
    """Change a run's JSON, or the first line of its JSON lines."""
    first, *rest = (run / file).read_text().splitlines() if file.endswith("l") else [""]
    value = json.loads(first or (run / file).read_text())
    change(value)
    (run / file).write_text("\n".join([json.dumps(value), *rest]) + "\n")


CONFIGS: list[tuple[str, Callable[[Any], None], str]] = [
    ("config.json", lambda v: v.update(corpus=7), "corpus is 7"),
    ("config.json", lambda v: v.update(baselines={"unigram": 3}), "baselines.unigram is 3"),
    ("config.json", lambda v: v["training"].update(grad_clip=[]), "training.grad_clip is a list"),
    ("config.json", lambda v: v["corpus"].pop("arrangement"), "corpus.arrangement is missing"),
    ("config.json", lambda v: v["corpus"].update(seconds=-1), "corpus: a number below 0"),
    ("config.json", lambda v: v.update(format="9" * 5000), "format 9999"),
    ("config.json", lambda v: v["model"].update(vocabulary=7), "does not fit its codec"),
    ("metrics.jsonl", lambda v: v.pop("update"), "line 1: update is missing"),
    ("metrics.jsonl", lambda v: v.update(epoch="x"), 'line 1: epoch is "x"'),
    ("metrics.jsonl", lambda v: v.update(seconds=1e300), "line 1: a count"),
    ("metrics.jsonl", lambda v: v.update(known_nats_per_token=1e308), "line 1: a number"),
]


@pytest.mark.parametrize(("file", "change", "said"), CONFIGS)
def test_a_run_whose_json_is_of_wrong_types_is_refused(
    small_run: Path, tmp_path: Path, file: str, change: Callable[[Any], None], said: str
) -> None:
    """Reports and exports of such runs ended in tracebacks."""
    run = shutil.copytree(small_run, tmp_path / "run")
    _changed(run, file, change)
    text = refusal(lambda: write_report(run))
    assert said in text and str(run) in text
    if file == "config.json":
        assert said in refusal(lambda: load_checkpoint(run))


def test_a_config_that_lies_about_its_size_takes_no_memory(small_run: Path, tmp_path: Path) -> None:
    """A model of 34 billion weights was made, to find that the file has fewer."""
    run = shutil.copytree(small_run, tmp_path / "run")
    _changed(run, "config.json", lambda v: v["model"].update(hidden=8192, layers=64))
    assert "weight" in refusal(lambda: load_checkpoint(run))
    corpus = Corpus.open(json.loads((run / "config.json").read_text())["corpus"]["path"])
    assert "weight" in refusal(lambda: Trainer.resume(run, corpus, CPU))


STATES: list[Callable[[dict[str, Any], dict[str, Any]], None]] = [
    lambda tensors, values: values.update({"streams/queue": [10**6]}),
    lambda tensors, values: values.update({"streams/queue": "x"}),
    lambda tensors, values: values["streams/playing"].pop(),
    lambda tensors, values: values["streams/playing"].insert(0, {"piece": 1}),
    lambda tensors, values: values.update({"progress/update": "7"}),
    lambda tensors, values: values.update({"progress/history": [{}]}),
    lambda tensors, values: tensors.update({"state/h": torch.zeros(1, 1, 1)}),
    lambda tensors, values: tensors.update({"optimizer/0/exp_avg": torch.zeros(3)}),
    lambda tensors, values: tensors.pop("model/head.bias"),
]


@pytest.mark.parametrize("change", STATES, ids=range(len(STATES)))
def test_a_state_that_does_not_fit_its_run_is_refused(
    small_run: Path, small_corpus: Corpus, tmp_path: Path, change: Any
) -> None:
    """Some were accepted, and ended in a traceback updates later."""
    run = shutil.copytree(small_run, tmp_path / "run")
    tensors, values = load_tensors(run / RESUME_FILE)
    change(tensors, values)
    save_tensors(run / RESUME_FILE, tensors, values)
    assert RESUME_FILE in refusal(lambda: Trainer.resume(run, small_corpus, CPU))


def test_weights_in_use_may_be_cut(small_run: Path, tmp_path: Path) -> None:
    """They were mapped: the process ended with SIGBUS."""
    run = shutil.copytree(small_run, tmp_path / "run")
    tensors, _ = load_tensors(run / "model.safetensors")
    os.truncate(run / "model.safetensors", 0)
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())


# model files


def _doubled(proto: onnx.ModelProto) -> None:
    """The logits joined with themselves 40 times, and a piece of them taken."""
    last = proto.graph.node[-1]
    last.output[0] = "doubled_0"
    for k in range(40):
        doubled = [f"doubled_{k}"] * 2
        proto.graph.node.append(helper.make_node("Concat", doubled, [f"doubled_{k + 1}"], axis=1))
    sizes = numpy_helper.from_array(np.array([1, 2**40 - 1]), "sizes")
    proto.graph.initializer.append(sizes)
    proto.graph.node.append(
        helper.make_node("Split", ["doubled_40", "sizes"], ["logits", "rest"], axis=1)
    )


def _spread(proto: onnx.ModelProto) -> None:
    """A value 500 times, three times over."""
    for k, shape in enumerate([(500, 1, 1, 1), (500, 1, 1, 1, 1), (500, 1, 1, 1, 1, 1)]):
        constant = numpy_helper.from_array(np.zeros(shape, np.float32), f"tall_{k}")
        proto.graph.initializer.append(constant)
        fed = f"spread_{k}" if k else "logits"
        proto.graph.node.append(helper.make_node("Add", [fed, f"tall_{k}"], [f"spread_{k + 1}"]))


def _repeated(proto: onnx.ModelProto) -> None:
    """The same weights, multiplied 5,000 times."""
    for k in range(5000):
        proto.graph.node.append(helper.make_node("MatMul", ["h_out", "head"], [f"again_{k}"]))


@pytest.mark.parametrize("bomb", [_doubled, _spread, _repeated])
def test_a_graph_that_does_more_work_than_its_weights_is_refused(
    bomb: Callable[[onnx.ModelProto], None], tmp_path: Path
) -> None:
    """140 KB that double a value 18 times took 2 GB, and no step ended."""
    proto = made(embedding=64, hidden=64, layers=1)
    card_of(proto.SerializeToString(), "sound.onnx")
    bomb(proto)
    assert "more work than its weights" in refusal_of(proto.SerializeToString(), tmp_path)


def test_a_graph_whose_shapes_do_not_fit_is_refused(tmp_path: Path) -> None:
    for operator, inputs in (
        ("Add", ["logits", "h"]),
        ("Concat", ["logits", "c"]),
        ("MatMul", ["logits", "logits"]),
        ("Tanh", ["nowhere"]),
        ("Gather", ["nowhere", "step"]),
        ("ScatterElements", ["h", "step", "h"]),
        ("ScatterElements", ["h", "pointers", "c"]),
        ("ScatterElements", ["h", "ids", "ids"]),
    ):
        proto = made(embedding=8, hidden=8, layers=1, columns=BEATS.columns)
        proto.graph.node.append(helper.make_node(operator, inputs, ["more"], axis=0))
        text = refusal_of(proto.SerializeToString(), tmp_path)
        assert text == f"the inputs of a node {operator} do not fit together"
    proto.graph.node[-1].CopyFrom(helper.make_node("Tanh", ["logits"], ["h_out"]))
    assert "are not its own" in refusal_of(proto.SerializeToString(), tmp_path)


# --init-from


def test_initial_weights_are_never_read_from_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beside the current folder was."""
    proto = trainable(embedding=8, hidden=8, layers=1)
    (tensor,) = [each for each in proto.graph.initializer if each.name == "head"]
    (tmp_path / "other.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="other.bin")
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    monkeypatch.chdir(tmp_path)
    assert "another file" in refusal(lambda: initial_model(tmp_path / "model.onnx", BEATS))


def test_initial_weights_of_a_sound_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(
        trainable(embedding=8, hidden=8, layers=1).SerializeToString()
    )
    assert initial_model(tmp_path / "model.onnx", BEATS).config.hidden == 8


def test_initial_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    proto = trainable(embedding=8, hidden=8, layers=1)
    (tensor,) = [each for each in proto.graph.initializer if each.name == "head_bias"]
    tensor.dims[0] -= 1
    tensor.raw_data = tensor.raw_data[:-4]
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    assert "head.bias" in refusal(lambda: initial_model(tmp_path / "model.onnx", BEATS))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_initial_weights_do_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    assert "not a file" in refusal(lambda: initial_model(tmp_path / "model.onnx", BEATS))
