"""Ten hours of endless music into a file, as fast as it goes: time per token and memory, hour by
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
from ugen.runtime import SongSettings, load
from ugen.runtime.generation.guarded_stream import Retry
from ugen.runtime.generation.note_stream import NoteStream

HOURS = 10


def resident() -> float:
    """Megabytes this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(file: Path, guard: bool) -> None:
    """Make the music as `ugen-run --endless -o` does, and print how it went."""
    model, tokens, notes = load(file), 0, 0
    retries = list[Retry]()
    times, memory, counted = list[float](), list[float](), 0

    def count(new: np.ndarray) -> None:
        nonlocal tokens
        tokens += len(new)

    with tempfile.TemporaryFile() as output:
        recorder = MidiRecorder(output, model.card.codec.decoder().ticks_per_beat)
        song = NoteStream(
            model,
            SongSettings(seed=1, guard=guard),
            on_tokens=count,
            on_retry=retries.append,
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
                    f"hour {len(times)}: {times[-1]:.1f} µs per token, {memory[-1]:.1f} MB",
                    file=sys.stderr,
                )
                before, counted = now, tokens
                if len(times) == HOURS:
                    break
    card, taken = model.card, sum(times) / len(times) * tokens / 1e6
    guarded = f"the guard resampled {len(retries)} times" if guard else "no guard"
    print(
        f"Ten hours of endless music, {card.codec.name}, {card.layers} x {card.hidden}, "
        f"{card.precision}: {tokens:,} tokens and {notes:,} notes in {taken:.0f} s, "
        f"{HOURS * 3600 / taken:,.0f} times as fast as they play; {times[0]:.1f} µs per token in "
        f"the first hour, {times[-1]:.1f} in the last ({min(times):.1f} to {max(times):.1f} in "
        f"all); resident {memory[0]:.1f} MB after the first, "
        f"{memory[-1]:.1f} after the last; {guarded}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--no-guard" not in sys.argv)
