"""Open a model file: its outline, its metadata and its graph are checked, and only then onnxruntime
reads it.

onnxruntime is C++ that trusts a file in much, older versions the more: sizes that it allocates,
other files that it opens, weights that it reads past the end of. So it is never the first to see a
file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ugen.data import UgenError
from ugen.data.pretrained import PRETRAINED, model_path
from ugen.data.text import line
from ugen.runtime.model_file.card import Card
from ugen.runtime.model_file.check import card_of
from ugen.runtime.model_file.format import OUTPUTS, ModelError, inputs_of
from ugen.runtime.model_file.outline import read_bytes

from .engine import onnxruntime
from .model import Model
from .self_check import self_check

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}


def load(path: str | Path | None = None, threads: int = 1, provider: str = "cpu") -> Model:
    """Open a model file, and check all of it.

    `path`: that of the file; `pretrained` and `pretrained-band` are the piano and the band that
    come with ugen, None is the piano. `threads`: of the processor; one is best for one song.
    `provider`: where to compute, one of cpu, cuda, tensorrt, coreml, directml, openvino, and auto.

    Raises ModelError, one line that names the file and the part at fault, and UgenError where a
    provider is missing. Threads may share a model.
    """
    path = PRETRAINED if path is None else model_path(path)
    data = read_bytes(path)
    card = card_of(data, str(path))
    ort = onnxruntime()
    provider = choose_provider(provider, card, ort.get_available_providers())
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is reported once, by us
    # each costs one stream up to 4%
    options.enable_mem_reuse = False
    options.enable_cpu_mem_arena = False
    # a second thread that has to be woken for each step is slower than none; one alone has nothing
    # to spin for
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
    try:
        session = ort.InferenceSession(data, options, providers=[PROVIDERS[provider]])
    except Exception as error:  # onnxruntime's own exceptions share no public base
        raise ModelError(f"{path}: onnxruntime cannot load it ({_first_line(error)})") from None
    if session.get_providers()[0] != PROVIDERS[provider]:  # it says so only in its log
        reason = "onnxruntime has it, but it failed to start: drivers or libraries are missing"
        raise UgenError(reason, flag="--provider", value=provider)
    _try(session, card, str(path))
    model = Model(card, session, provider, hashlib.sha256(data).hexdigest())
    model.source = load, (Path(path).absolute(), threads, provider)
    self_check(model, str(path))
    return model


def choose_provider(wanted: str, card: Card, available: Sequence[str]) -> str:
    """The name of the provider to use.

    auto: the processor, which is the fastest for one stream of small steps; for a half-precision
    file the first graphics card there is. Raises UgenError that lists what this onnxruntime has.
    """
    there = [name for name, long in PROVIDERS.items() if long in available]
    if wanted == "auto":
        cards = [name for name in ("tensorrt", "cuda", "coreml", "directml") if name in there]
        return cards[0] if cards and card.precision == "fp16" else "cpu"
    if wanted not in there:
        known = "" if wanted in PROVIDERS else f"not one of {', '.join(PROVIDERS)}, auto; "
        reason = f"{known}this onnxruntime has {', '.join(there)}"
        raise UgenError(reason, flag="--provider", value=wanted)
    return wanted


def _try(session: Any, card: Card, file: str) -> None:
    """Take a step of two streams, fed the last id of each column: a graph may compute other shapes
    than it declares, and a table of vectors be too short."""
    step, state = (2, 1, card.codec.vocabulary), (card.layers, 2, card.hidden)
    last = np.array([[step[-1] - 1, *(each.size - 1 for each in card.columns)]] * 2, np.int64)
    x = np.zeros(step, np.float32) if card.codec.input == "frame" else last
    zeros = np.zeros(state, np.float32)
    feeds = dict(zip(inputs_of(card.codec.input), (x, zeros, zeros), strict=True))
    try:
        found = session.run(OUTPUTS, feeds)
    except Exception as error:
        raise ModelError(f"{file}: onnxruntime cannot take a step ({_first_line(error)})") from None
    for name, value, shape in zip(OUTPUTS, found, (step, state, state), strict=True):
        if value.shape != shape:
            raise ModelError(f"{file}: {name} comes out as {list(value.shape)}, not {list(shape)}")
        if not np.isfinite(value).all():
            raise ModelError(f"{file}: {name} comes out with values that are not finite")


def _first_line(error: Exception) -> str:
    return line((str(error).strip() or type(error).__name__).splitlines()[0])
