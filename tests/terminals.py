"""Commands run in a pseudo-terminal, and what they print there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def in_terminal(
    module: str,
    *words: object,
    columns: int = 80,
    rows: int = 24,
    answer: str = "",
    env: Mapping[str, str] | None = None,
    folder: object = None,
) -> tuple[int, str]:
    """Run the `main` of a module in a terminal of this size, `answer` typed into it. Gives the exit
    code and all that was printed, raw."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    names = "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"
    usual = {name: value for name, value in os.environ.items() if name not in names}
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {module} import main; main()", *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=None if folder is None else str(folder),
        env={**usual, "TERM": "xterm-256color", **(env or {})},
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    found, end = bytearray(), time.monotonic() + 180
    while time.monotonic() < end:
        if not select.select([ours], [], [], 0.5)[0]:
            continue
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        found += part
    os.close(ours)
    return process.wait(timeout=30), found.decode("utf-8", "replace")


def shown(raw: str) -> list[str]:
    """The lines that were printed, those of a bar each time it was drawn, without colours."""
    return [line.rstrip() for line in re.split(r"[\r\n]+", _CONTROL.sub("", raw))]
