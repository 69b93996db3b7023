"""Load a model file and take its steps. onnxruntime only: this module never imports torch or onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model_file import MAX_BYTES, OUTPUTS, Card, ModelError, card_from_metadata, check_graph, inputs_of

Step = NDArray[np.int64] | NDArray[np.float32]
State = tuple[NDArray[np.float32], NDArray[np.float32]]


class Model:
    """A loaded model. `card`: what the file says of itself. `step` may be called from one thread at a time."""

    def __init__(self, card: Card, session: Any):
        self.card, self._session = card, session
        self._inputs = inputs_of(card.codec.input)

    def start(self, batch: int = 1) -> State:
        """The state a piece begins with: h and c, float32 zeros [layers, batch, hidden]."""
        shape = self.card.layers, batch, self.card.hidden
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """Feed each of a batch one step: tokens int64 [batch, 1] or frames float32 [batch, 1, vocabulary]
        -> logits float32 [batch, 1, vocabulary], and the state."""
        feeds = dict(zip(self._inputs, (x, *state), strict=True))
        logits, h, c = self._session.run(OUTPUTS, feeds)
        return logits, (h, c)


def load(path: str | Path, threads: int = 1) -> Model:
    """Load a model file and check all of it. Raises ModelError, one line that names the file and the part at fault."""
    import onnxruntime as ort

    file = str(path)
    _check_file(Path(path))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is said once, by us
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # between steps there is nothing to spin for
    try:
        session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{file}: onnxruntime cannot load it ({first})") from None
    card = card_from_metadata(session.get_modelmeta().custom_metadata_map, file)
    check_graph(card, session.get_inputs(), session.get_outputs(), file)
    return Model(card, session)


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
        with open(path, "rb") as stream:
            head = stream.read(1)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    if size > MAX_BYTES:
        raise ModelError(f"{path}: {size >> 30} GiB is too large for a model file")
    if head != b"\x08":  # the first field of every ONNX file is its IR version, tag 0x08
        raise ModelError(f"{path}: not an ONNX file")
