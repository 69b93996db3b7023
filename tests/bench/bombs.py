"""What small files that claim much cost: processor seconds and memory per MB, for each reader.

python tests/bench/bombs.py [WORD]   only the files whose names contain the word

Each row is a file of a MB or less, made here, and each column a command, run in a process of its
own. A cell has the seconds and the MiB of memory that it takes beyond those of a tune of eight
notes; `refused` follows where the file was.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from odd_files import PLAIN, delta, header, note, track

MOST_SECONDS, MOST_BYTES = 60, 6 << 30
MB = 1 << 20
FAR = delta((1 << 28) - 1)

DATA, RUN, SCORE = (
    f"from ugen.{module} import main; main()"
    for module in ("data.cli.main", "runtime.cli.run", "runtime.cli.score")
)
COMMANDS: dict[str, tuple[str, list[str]]] = {
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


def bombs() -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    ons = b"".join(bytes([0, 0x90, k % 128, 80]) for k in range(MB // 4))
    yield "hanging.mid", header() + track(ons)
    apart = b"".join(bytes([1, 0x90, k % 128, 80]) for k in range(MB // 4))
    yield "hanging_apart.mid", header() + track(apart)
    yield "notes.mid", header() + track(b"".join(note(k % 128, 3) for k in range(MB // 8)))
    held = bytes([0, 0x90, 60, 80]) * 10_000 + bytes([1, 0x80, 60, 0]) * 10_000
    yield "same_pitch.mid", header() + track(held)
    yield "tracks.mid", header(1, 50_000) + track(note(60)) * 50_000
    yield "ticks.mid", header() + track(note(60) + (FAR + b"\xff\x01\x00") * 40 + note(60))
    yield "tempos.mid", header() + track(bytes.fromhex("01 ff510307a120") * (MB // 7) + note(60))
    yield "programs.mid", header() + track(b"\x01\xc0\x05" * (MB // 3) + note(60))
    meters = b"".join(FAR + bytes([0xFF, 0x58, 4, 1, k % 2 + 4, 24, 8]) for k in range(3000))
    yield "meters.mid", header(division=1) + track(note(60) + meters + note(60))
    yield "system.mid", header() + track(b"\x00\xf4" * (MB // 2) + note(60))
    yield "sysex.mid", header() + track(b"\x00\xf0\x01\xf7" * (MB // 4) + note(60))
    yield "number.mid", header() + track(b"\xff" * MB)
    yield "texts.mid", header() + track(b"\x00\xff\x01\x01a" * (MB // 5) + note(60))
    begin, end = (
        "0, 0, Header, 0, 1, 480\n1, 0, Start_track\n",
        "1, 9, End_track\n0, 0, End_of_file\n",
    )
    rows = "1, 0, Note_on_c, 0, 60, 80\n" * (MB // 27)
    yield "rows.csv", (begin + rows + end).encode()
    yield "digits.csv", (begin + "1, 0, Tempo, " + "9" * MB + "\n" + end).encode()
    yield "fields.csv", (begin + "1, 0, System_exclusive, 9" + ", 1" * (MB // 3) + "\n").encode()
    yield "quotes.csv", (begin + '1, 0, Text_t, "' + '""' * (MB // 2) + '"\n' + end).encode()
    yield "steps.txt", b"0 " * (MB // 2)
    yield "pitches.txt", b"1 2 3 0 " * (MB // 8)
    yield "digits.txt", b"9" * MB


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
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    plain = {command: measure("plain.mid", PLAIN, command) for command in COMMANDS}
    for name, data in bombs():
        if word not in name:
            continue
        print(f"{name}, {len(data) / 1e6:.3g} MB")
        commands = TEXT if name.endswith(("csv", "txt")) else list(COMMANDS)
        for command in commands:
            seconds, memory, ended = measure(name, data, command)
            seconds, memory = seconds - plain[command][0], memory - plain[command][1]
            print(f"  {command:16}{seconds:7.1f} s {memory:7.0f} MiB  {ended}", flush=True)


if __name__ == "__main__":
    main()
