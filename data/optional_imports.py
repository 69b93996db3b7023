"""Optional dependencies, and the extra that brings each."""

from __future__ import annotations

import platform
import sys
from importlib import import_module

from .errors import UgenError
from .text import line

_BUILT_FOR = "x86_64", "AMD64", "arm64"  # Linux calls its ARM aarch64

_BUILT = "midirenderer", "miniaudio", "rtmidi2"  # modules that are there for these machines only


def broken(module: str, error: Exception) -> UgenError:
    """What to say of a module that is there, but cannot be imported."""
    reason = line((str(error).strip() or type(error).__name__).splitlines()[0])
    hint = "; Windows needs the Visual C++ Redistributable, too" if sys.platform == "win32" else ""
    return UgenError(
        f"{module} cannot be imported ({reason}); install it again: "
        f"pip install --force-reinstall {module}{hint}"
    )


def require(module: str, extra: str) -> None:
    """Import an optional module. Raises UgenError that says how to get it when it is not
    installed, or is broken."""
    name = module.partition(".")[0]
    try:
        import_module(module)
    except Exception as error:  # a broken library raises what it likes
        if not isinstance(error, ImportError) or (error.name or "").partition(".")[0] != name:
            raise broken(name, error) from None
        if module in _BUILT and platform.machine() not in _BUILT_FOR:
            where = f"{platform.system()} on {platform.machine()}"
            raise UgenError(f"this needs {module}, which is not built for {where}") from None
        raise UgenError(
            f"this needs {module}, which is not installed: pip install 'ugen-music[{extra}]'"
        ) from None
