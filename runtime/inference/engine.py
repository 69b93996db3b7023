"""The one place that imports onnxruntime, so that it reports nothing to its maker."""

from __future__ import annotations

import os
from typing import Any

from ugen.data import UgenError
from ugen.data.text import line


def onnxruntime() -> Any:
    """The module onnxruntime. Raises UgenError that says what to install where it does not load.

    From 1.29 on it reports to its maker, leaves files in the home folder, and hangs in forked
    processes, unless this variable is set before it is imported.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except Exception as error:  # a broken library raises what it likes
        reason = line((str(error).strip() or type(error).__name__).splitlines()[0])
        raise UgenError(
            f"onnxruntime cannot be imported ({reason}); install it again: pip install "
            "--force-reinstall onnxruntime; Windows also needs the Visual C++ Redistributable, "
            "https://aka.ms/vs/17/release/vc_redist.x64.exe"
        ) from None
    return onnxruntime
