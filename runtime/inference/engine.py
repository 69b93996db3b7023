"""The one place that imports onnxruntime, so that it reports nothing to its maker."""

from __future__ import annotations

import os
from typing import Any

from ugen.data.optional_imports import broken


def onnxruntime() -> Any:
    """The module onnxruntime. Raises UgenError that says what to install where it does not load.

    From 1.29 on it reports to its maker, leaves files in the home folder, and hangs in forked
    processes, unless this variable is set before it is imported.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except Exception as error:  # a broken library raises what it likes
        raise broken("onnxruntime", error) from None
    return onnxruntime
