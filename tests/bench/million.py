"""A million tokens of one song: time and memory at its beginning and at its end. Prints one line.

python tests/bench/million.py model.onnx
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from ugen.runtime import Sampling, load
from ugen.runtime.generate import steps

MILLION, PART = 1_000_000, 20_000


def resident() -> float:
    """Megabytes this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(file: Path) -> None:
    """Take the tokens, and say how it went."""
    song, times, memory = steps(load(file), 1, Sampling()), [], []
    for number in range(MILLION // PART):
        before = time.perf_counter()
        for _ in range(PART):
            next(song)
        times.append((time.perf_counter() - before) / PART * 1e6)
        memory.append(resident())
        print(f"token {(number + 1) * PART:,} of {MILLION:,}", file=sys.stderr)
    print(
        f"One song of {MILLION:,} tokens, beats, int8: {times[0]:.0f} µs a token over the first {PART:,}, "
        f"{times[-1]:.0f} over the last (of all parts: {min(times):.0f} to {max(times):.0f}); "
        f"resident {memory[0]:.1f} MB after the first part, {memory[-1]:.1f} MB after the last."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
