"""Ten hours of endless music into a file, as fast as it goes: time a token and memory, hour by
hour. Prints one line.

python tests/bench/ten_hours.py model.onnx [--no-guard]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ugen.data.midi.stream_writer import MidiRecorder
from ugen.runtime import load
from ugen.runtime.generation.note_stream import NoteStream

HOURS = 10


def resident() -> float:
    """Megabytes this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(file: Path, guard: bool) -> None:
    """Make the music as `ugen-run --endless -o` does, and say how it went."""
    model, tokens, mended, notes = load(file), 0, 0, 0
    times, memory, counted = list[float](), list[float](), 0

    def count(drawn: np.ndarray) -> None:
        nonlocal tokens
        tokens += len(drawn)

    def mend(words: str) -> None:
        nonlocal mended
        mended += 1

    with tempfile.TemporaryFile() as output:
        recorder = MidiRecorder(output, model.card.codec.decoder().ticks_per_beat)
        song = NoteStream(
            model,
            1,
            guard=guard,
            on_tokens=count,
            on_mended=mend,
            on_tempo=recorder.tempo,
            on_meter=recorder.meter,
        )
        before = time.perf_counter()
        for row in song:
            if row is None:
                continue
            recorder.note(row)
            notes += 1
            if song.note(row).onset >= (len(times) + 1) * 3600:
                now = time.perf_counter()
                times.append((now - before) / (tokens - counted) * 1e6)
                memory.append(resident())
                print(
                    f"hour {len(times)}: {times[-1]:.1f} µs a token, {memory[-1]:.1f} MB",
                    file=sys.stderr,
                )
                before, counted = now, tokens
                if len(times) == HOURS:
                    break
    card, taken = model.card, sum(times) / len(times) * tokens / 1e6
    watched = f"the guard stepped back {mended} times" if guard else "no guard"
    print(
        f"Ten hours of endless music, {card.codec.name}, {card.layers} x {card.hidden}, {card.precision}: {tokens:,} "
        f"tokens and {notes:,} notes in {taken:.0f} s, {HOURS * 3600 / taken:,.0f} times as fast as they play; "
        f"{times[0]:.1f} µs a token in the first hour, {times[-1]:.1f} in the last ({min(times):.1f} to "
        f"{max(times):.1f} in all); resident {memory[0]:.1f} MB after the first, {memory[-1]:.1f} after the last; "
        f"{watched}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--no-guard" not in sys.argv)
