"""Model files for tests: the exporter's own graph of random weights, and what is said of a bad
one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from ugen.data import make_codec
from ugen.data.json_values import to_json
from ugen.export.onnx_graph import build
from ugen.export.quantize import in_precision
from ugen.runtime import Card, ModelError, Sampling, load
from ugen.runtime.model_file.check import read_card
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

PROVENANCE: dict[str, Any] = {
    "exporter": "0.1.0",
    "trainer": "0.1.0",
    "weights_sha256": "5eed" * 16,
    "model": {"skip": True, "tied": False},
    "held_out": {
        "nats_per_token": 2.0,
        "nats_per_note": 5.0,
        "nats_per_second": 40.0,
        "accuracy": 0.5,
        "accuracy_without_time": 0.4,
        "top5": 0.8,
        "top5_without_time": 0.7,
        "time_predicted": 0.3,
        "time_actual": 0.2,
        "top_event": "shift:4",
        "top_event_predicted": 0.3,
        "top_event_actual": 0.1,
    },
    "baselines": {
        "unigram": {"nats_per_token": 4.0, "accuracy": 0.1},
        "5-gram": {"nats_per_token": 3.0, "accuracy": 0.25},
    },
    "corpus": {
        "hash": "c0de" * 16,
        "pieces": 94,
        "notes": 123456,
        "seconds": 14837.1,
        "tokens": 460132,
    },
    "precisions": [
        {
            "precision": "fp32",
            "megabytes": 9.1,
            "us_per_token": 140.4,
            "loss_change": 0.0,
            "chosen": False,
        },
        {
            "precision": "int8",
            "megabytes": 2.42,
            "us_per_token": 70.2,
            "loss_change": 0.0021,
            "chosen": True,
        },
    ],
    "measured_on": "a processor, 1 thread",
}


def random_model(config: ModelConfig) -> LstmModel:
    """A model whose every weight is random, a learned start too."""
    torch.manual_seed(1)
    model = LstmModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def made(codec: str = "beats", precision: str = "fp32", **shape: Any) -> onnx.ModelProto:
    """A model of random weights as the exporter writes it."""
    torch.manual_seed(1)
    speaks = make_codec(codec)
    config = ModelConfig(
        speaks.vocabulary, speaks.input, **{"embedding": 16, "layers": 2, "hidden": 24, **shape}
    )
    card = Card(
        speaks,
        config.layers,
        config.hidden,
        precision,
        Sampling(),
        PROVENANCE,
        "CC0\n\nby all of us",
        columns=config.columns,
    )
    return in_precision(
        build(LstmModel(config).eval(), card.to_metadata()), precision, card.to_metadata()
    )


def trainable(precision: str = "fp32", **shape: Any) -> onnx.ModelProto:
    """The same of tokens, and its provenance says what --init-from must know."""
    proto = made("beats", precision, **shape)
    (entry,) = [each for each in proto.metadata_props if each.key == "ugen.provenance"]
    model = to_json(ModelConfig(make_codec("beats").vocabulary, "token", **shape))
    entry.value = json.dumps({**PROVENANCE, "model": model})
    return proto


def refusal(path: Path, opens: Callable[[Path], object] = load) -> str:
    """What is said of a bad file: one line that begins with its name."""
    with pytest.raises(ModelError) as caught:
        opens(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and text.isprintable() and len(text) < len(str(path)) + 600
    return text.removeprefix(f"{path}: ")


def refusal_of(data: bytes, folder: Path, opens: Callable[[Path], object] = read_card) -> str:
    """The same of a file's bytes. `read_card` suffices: it must be refused before onnxruntime sees
    it."""
    (folder / "bad.onnx").write_bytes(data)
    return refusal(folder / "bad.onnx", opens)
