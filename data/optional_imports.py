"""Optional dependencies, and the extra that brings each."""

from __future__ import annotations

import platform
from importlib import import_module

from .errors import UgenError

_BUILT_FOR = "x86_64", "AMD64", "arm64"  # Linux calls its ARM aarch64

_BUILT = "midirenderer", "miniaudio", "rtmidi2"  # modules that are there for these machines only


def require(module: str, extra: str) -> None:
    """Import an optional module. Raises UgenError that says how to get it when it is not
    installed."""
    try:
        import_module(module)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise  # the module is there, but broken: that is no missing extra
        if module in _BUILT and platform.machine() not in _BUILT_FOR:
            where = f"{platform.system()} on {platform.machine()}"
            raise UgenError(f"this needs {module}, which is not built for {where}") from None
        raise UgenError(
            f"this needs {module}, which is not installed: pip install 'ugen-music[{extra}]'"
        ) from None
