"""What a MB of file costs each command: memory, which may grow with the file and no faster, and
processor seconds.

python tests/bench/memory.py [-f FILE] [-c COMMAND] [-s SIZES]

Each row is a kind of file, made here in several sizes, and each column a command, run in a process
of its own. A cell has the MiB of memory that each further MB of the file takes, by least squares,
the MiB and the seconds of the largest, and the power of its size with which the time grows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from odd_files import PLAIN, delta, header, note, track

MOST_SECONDS, MOST_BYTES = 60, 6 << 30
MB = 1_000_000
FAR = delta((1 << 28) - 1)

DATA, RUN, SCORE = (
    f"from ugen.{module} import main; main()"
    for module in ("data.cli.main", "runtime.cli.run", "runtime.cli.score")
)
COMMANDS: dict[str, tuple[str, list[str]]] = {
    "read": ("from ugen.data import read_midi; read_midi(sys.argv[1])", ["{file}"]),
    "stats": (DATA, ["stats", "{file}"]),
    **{
        f"to {kind}": (DATA, ["convert", "{file}", f"{{out}}.{kind}"])
        for kind in ("mid", "csv", "txt", "png", "wav")
    },
    **{
        f"prepare {codec}": (
            DATA,
            ["prepare", "{folder}", "-o", "{out}", "--codec", codec, "--workers", "1"],
        )
        for codec in ("beats", "events", "frames", "khot")
    },
    "score": (SCORE, ["{model}", "{file}", "--songs", "0"]),
    "primer": (RUN, ["-o", "{out}.mid", "--seconds", "1", "--primer", "{file}"]),
    "replay": (RUN, ["-o", "{out}.mid", "--replay", "{file}"]),
}
TEXT = ("to mid", "to png")  # what reads text


def filled(unit: bytes, before: bytes = b"", after: bytes = b"") -> Callable[[int], bytes]:
    """Files of one track, full of a unit."""
    return lambda size: header() + track(before + unit * (size // len(unit)) + after)


def text(unit: str, before: str = "", after: str = "") -> Callable[[int], bytes]:
    """Texts full of a unit."""
    return lambda size: (before + unit * (size // len(unit)) + after).encode()


def scale(event: bytes) -> bytes:
    """Events of 128 pitches; an `event` has its pitch at the place of a 60."""
    return b"".join(event.replace(b"<", bytes([pitch])) for pitch in range(128))


ON = b"\x00\x90\x00\x50"  # a status byte for the running status
HELD = bytes([0, 0x90, 60, 80]) * 10_000 + bytes([1, 0x80, 60, 0]) * 10_000
CSV = "0, 0, Header, 0, 1, 480\n1, 0, Start_track\n"
CSV_END = "1, 9, End_track\n0, 0, End_of_file\n"
# what makes a file of a size
FILES: dict[str, Callable[[int], bytes]] = {
    "notes.mid": filled(scale(b"\x01<\x50\x05<\x00"), ON),
    "notes_full.mid": filled(scale(note(60, 3))),
    "hanging.mid": filled(scale(b"\x00<\x50"), ON),
    "hanging_apart.mid": filled(scale(b"\x01<\x50"), ON),
    "one_pitch.mid": filled(b"\x01<\x50\x05<\x00", ON),
    "one_pitch_hanging.mid": filled(b"\x01<\x50", ON),
    "held.mid": filled(HELD),
    "strays.mid": filled(scale(b"\x01<\x00"), ON, note(60)),
    "tracks.mid": lambda size: header(1, 20_000) + track(note(60) * (size // 360_000)) * 20_000,
    "empty_tracks.mid": lambda size: header(1, 65_535) + track(b"") * (size // 12),
    "ticks.mid": filled(FAR + b"\xff\x01\x00", note(60), note(60)),
    "tempos.mid": filled(bytes.fromhex("01 ff510307a120 01 ff510307a121"), b"", note(60)),
    "programs.mid": filled(b"\x01\x05\x01\x06", b"\x00\xc0\x05", note(60)),
    "pedals.mid": filled(b"\x01\x40\x7f\x01\x40\x00", b"\x00\xb0\x40\x00", note(60)),
    "banks.mid": filled(b"\x01\x00\x78\x01\x00\x00", b"\x00\xb0\x00\x00", note(60)),
    "silences.mid": filled(b"\x01<\x50\xb0\x7b\x00\x90", b"\x00\x90", b"<\x50" + note(60)),
    "meters.mid": filled(bytes.fromhex("01 ff5804040218 08 01 ff5804030218 08"), b"", note(60)),
    "bars.mid": filled(FAR + bytes.fromhex("ff5804010218 08"), note(60), note(60)),
    "ports.mid": filled(b"\x00\xff\x21\x01\x01\x00\xff\x21\x01\x00", b"", note(60)),
    "system.mid": filled(b"\x00\xf4", b"", note(60)),
    "sysex.mid": filled(b"\x00\xf0\x01\xf7", b"", note(60)),
    "drum_parts.mid": filled(
        bytes.fromhex("01 f0 0a 41 10 42 12 40 11 15 01 00 f7"), b"", note(60)
    ),
    "number.mid": filled(b"\xff"),
    "texts.mid": filled(b"\x00\xff\x01\x01a", b"", note(60)),
    "rows.csv": text("1, 0, Note_on_c, 0, 60, 80\n", CSV, CSV_END),
    "digits.csv": text("9", CSV + "1, 0, Tempo, ", "\n" + CSV_END),
    "fields.csv": text(", 1", CSV + "1, 0, System_exclusive, 9", "\n"),
    "quotes.csv": text('""', CSV + '1, 0, Text_t, "', '"\n' + CSV_END),
    "steps.txt": text("0 "),
    "pitches.txt": text("1 2 3 0 "),
    "digits.txt": text("9"),
}


def run(code: str, words: list[str]) -> tuple[float, float, str]:
    """Seconds, MiB, and how it ended."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))

    measured = (
        "import atexit, resource, sys\n"
        "def told():\n"
        " used = resource.getrusage(resource.RUSAGE_SELF)\n"
        " sys.stderr.write(f'\\nused {used.ru_utime + used.ru_stime} {used.ru_maxrss}')\n"
        "atexit.register(told)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured + code, *words],
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=limit,
    )
    *said, last = done.stderr.splitlines() or [""]
    if not last.startswith("used "):
        return MOST_SECONDS, 0, "KILLED"
    ended = "" if not done.returncode else "refused" if done.returncode == 2 else "FAILED"
    _, seconds, memory = last.split()
    return float(seconds), int(memory) / 1024, "TRACEBACK" if "Traceback" in done.stderr else ended


def measure(name: str, data: bytes, command: str) -> tuple[float, float, str]:
    """A command on a file."""
    import ugen.runtime

    code, words = COMMANDS[command]
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "music"
        music.mkdir()
        (music / name).write_bytes(data)
        for k in range(3 if command.startswith("prepare") else 0):  # enough to hold out
            tune = header() + track(b"".join(note(50 + k + n % 9) for n in range(60)))
            (music / f"tune{k}.mid").write_bytes(tune)
        places = {
            "file": music / name,
            "folder": music,
            "out": Path(folder) / "out",
            "model": Path(ugen.runtime.__file__).parent / "pretrained.onnx",
        }
        return run(code, [word.format(**places) for word in words])


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("-f", default="", help="only files whose names contain it")
    arguments.add_argument("-c", default="", help="only commands whose names contain it")
    arguments.add_argument("-s", default="1,2,4", help="sizes in MB")
    given = arguments.parse_args()
    sizes = [float(size) for size in given.s.split(",")]
    plain = {each: measure("plain.mid", PLAIN, each) for each in COMMANDS if given.c in each}
    for name, make in FILES.items():
        if given.f not in name:
            continue
        print(name)
        for command in TEXT if name.endswith(("csv", "txt")) else COMMANDS:
            if command in plain:
                costs = [measure(name, make(int(size * MB)), command) for size in sizes]
                print(f"  {command:16}{_cell(sizes, costs, plain[command])}", flush=True)


Cost = tuple[float, float, str]


def _cell(sizes: list[float], costs: list[Cost], plain: Cost) -> str:
    seconds = [max(cost[0] - plain[0], 0.01) for cost in costs]
    memory = [cost[1] - plain[1] for cost in costs]
    slope, power = (
        np.polyfit(*axes, 1)[0] for axes in ((sizes, memory), (np.log(sizes), np.log(seconds)))
    )
    ended = ", ".join(dict.fromkeys(cost[2] for cost in costs if cost[2]))
    return f"{slope:7.1f} MiB/MB {memory[-1]:6.0f} MiB {seconds[-1]:6.1f} s ^{power:.1f}  {ended}"


if __name__ == "__main__":
    main()
