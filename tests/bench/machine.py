"""What the benchmarks' pages have in common: the machine, how it was measured, and tables."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import pandas as pd


def markdown(frame: pd.DataFrame) -> list[str]:
    """A table of texts as the lines of Markdown."""
    rows = [frame.columns, ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    return [f"| {' | '.join(map(str, row))} |" for row in rows]


def machine(*packages: str) -> str:
    """One line: the processor, its cores, and the versions of Python and of `packages`."""
    versions = "".join(f", {name} {importlib.metadata.version(name)}" for name in packages)
    name = next(
        (line.split(":")[1].strip() for line in cpu_lines("model name")), platform.machine()
    )
    cores = len(cpu_lines("processor")) or os.cpu_count()
    return f"Machine: {name}, {cores} cores; Python {platform.python_version()}{versions}."


def cpu_lines(key: str) -> list[str]:
    """Lines of the processor's description that begin with `key`, one per core, on Linux; elsewhere
    none."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return [line for line in lines if line.startswith(key)]


def how(docstring: str | None) -> str:
    """A script's docstring after its title and its command, as one paragraph: how the figures were
    made."""
    return "How: " + " ".join((docstring or "").split("\n\n", 2)[2].split())
