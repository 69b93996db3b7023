"""What the benchmarks' pages have in common: the machine a page was measured on, and how."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path


def machine(*packages: str) -> str:
    """One line: the processor, its cores, and the versions of Python and of `packages`."""
    versions = "".join(f", {name} {importlib.metadata.version(name)}" for name in packages)
    name = next(
        (line.split(":")[1].strip() for line in cpu_lines("model name")), platform.machine()
    )
    cores = len(cpu_lines("processor")) or os.cpu_count()
    return f"Machine: {name}, {cores} cores; Python {platform.python_version()}{versions}."


def cpu_lines(key: str) -> list[str]:
    """Lines of the processor's description that begin with `key`, one a core; none but on Linux."""
    info = Path("/proc/cpuinfo")
    return (
        [line for line in info.read_text().splitlines() if line.startswith(key)]
        if info.exists()
        else []
    )


def how(docstring: str | None) -> str:
    """A script's docstring after its title and its command, as one paragraph: how the figures came
    about."""
    return "How: " + " ".join((docstring or "").split("\n\n", 2)[2].split())
