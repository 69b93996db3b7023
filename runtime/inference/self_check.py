"""Whether this machine computes what the one computed that wrote a model file.

A file keeps the logits of a few steps. Kernels for some processors are wrong for some precisions,
and say nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ugen.runtime.model_file.format import CHECK_STEPS, CHECK_TOLERANCE, ModelError

from .model import Model, Step


def check_logits(model: Model) -> NDArray[np.float32]:
    """float32 [vocabulary]: the logits after CHECK_STEPS steps from zeros, of rows whose ids
    are spread over each column, or of single keys."""
    codec, state = model.card.codec, model.start()
    sizes = np.array([codec.vocabulary, *(each.size for each in model.card.columns)], np.int64)
    for k in range(CHECK_STEPS):
        ids = k * sizes // CHECK_STEPS
        x: Step = ids[None]
        if codec.input == "frame":
            x = np.eye(1, codec.vocabulary, int(ids[0]), np.float32)[None]
        logits, state = model.step(x, state)
    last: NDArray[np.float32] = logits[0, 0]
    return last


def self_check(model: Model, file: str) -> None:
    """Raise ModelError unless the model computes the logits that its file keeps, if it does."""
    if model.card.check_logits is None:
        return
    precision, wanted = model.card.precision, np.array(model.card.check_logits)
    gap = float((np.abs(check_logits(model) - wanted) / np.maximum(np.abs(wanted), 1)).max())
    if not gap <= CHECK_TOLERANCE[precision]:
        where = "this processor" if model.provider == "cpu" else f"--provider {model.provider}"
        other = "another precision" if precision == "fp32" else "--precision fp32"
        raise ModelError(
            f"{file}: logits differ by {gap:.2g} from those kept in the file: {where} computes "
            f"{precision} wrongly (export with {other}), or the file is damaged"
        )
