"""`python tests/faults.py folder`: small inputs of known faults, each with the right values.

Prints a line for each: its name, and whether it is right. Exits with 1 when any is wrong. `midi/`
is judged by its `expect.json`, `trust/` by what reading and converting take in time and memory;
`run/` holds scripts to run by hand.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ugen.data import Score, arrange, make_codec, read_midi

SECONDS, MEMORY = 20, 1 << 30  # what a command on a file of `trust/` may take


def wrong_values(score: Score, expected: dict[str, Any]) -> Iterator[str]:
    """What of a score is not as expected, in words."""
    notes = score.notes
    programs = Counter(notes["program"][~notes["drum"]].tolist())
    lengths = (notes["end"] - notes["onset"]).tolist()
    kinds: Counter[str] = Counter()
    for (_, _, pitch, _, program, _), length in zip(notes.tolist(), lengths, strict=True):
        kinds[f"{pitch} lasting {length}"] += 1
        kinds[f"{pitch} program {program} lasting {length}"] += 1
    found: dict[str, Any] = {
        "notes": len(notes),
        "drums": int(notes["drum"].sum()),
        "programs": {name: programs[int(name)] for name in expected.get("programs", {})},
        "ends": {
            pitch: int(notes["end"][notes["pitch"] == int(pitch)][0])
            for pitch in expected.get("ends", {})
        },
        "count_of": {kind: kinds[kind] for kind in expected.get("count_of", {})},
        "longest": max(lengths, default=0),
        "first_pitch": int(notes["pitch"][0]),
        "seconds": round(score.seconds, 3),
    }
    for name, value in found.items():
        if name in expected and value != expected[name]:
            yield f"{name} {value}, not {expected[name]}"
    if score.seconds >= expected.get("seconds_below", score.seconds + 1):
        yield f"{score.seconds:.1f} seconds"
    if "meter" in expected:
        codec = make_codec("beats")
        meter = codec.events[codec.encode(arrange(score, "piano")).tokens[0]]
        if meter != expected["meter"]:
            yield f"{meter}, not {expected['meter']}"


def check_midi(folder: Path) -> int:
    """A line for each file of `expect.json`; gives the number of wrong ones."""
    failures = 0
    for name, expected in json.loads((folder / "expect.json").read_text("utf-8")).items():
        score = read_midi(folder / name, sustain=expected.get("sustain", False))
        wrong = "; ".join(wrong_values(score, expected))
        is_arguable = name.startswith("arguable")
        failures += bool(wrong) and not is_arguable
        verdict = f"{'arguable' if is_arguable else 'WRONG'}: {wrong}" if wrong else "right"
        print(f"midi/{name:32} {verdict}", flush=True)
    return failures


def check_trust(folder: Path) -> int:
    """A line for each hostile file: bounded time and memory, and no traceback."""
    failures = 0
    for path in sorted(folder.iterdir()):
        problems = [problem for words in _commands(path) if (problem := _problem_of(words))]
        failures += bool(problems)
        print(f"trust/{path.name:31} {'; '.join(problems) or 'right'}", flush=True)
    return failures


def _commands(path: Path) -> Iterator[list[str]]:
    if path.suffix == ".onnx":
        yield ["ugen.runtime.cli.run", str(path), "--info"]
        return
    yield ["ugen.data.cli.main", "stats", str(path)]
    for kind in (".mid", ".csv", ".txt", ".png", ".wav"):
        with tempfile.TemporaryDirectory() as scratch:
            yield ["ugen.data.cli.main", "convert", str(path), f"{scratch}/made{kind}"]
    yield ["ugen.runtime.cli.score", str(path), "--songs", "0"]


def _problem_of(words: list[str]) -> str:
    """What is wrong with how a command ends, "" when nothing is."""
    module, *arguments = words
    code = f"import sys; sys.argv[0] = 'ugen'; from {module} import main; main()"
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            timeout=SECONDS,
            preexec_fn=_limit_memory,
        )
    except subprocess.TimeoutExpired:
        return f"{module} {arguments[0]}: over {SECONDS} s"
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    what = f"{module} {' '.join(Path(word).name for word in arguments)}"
    if b"Traceback" in done.stderr or done.returncode not in (0, 2):
        return f"{what}: exit code {done.returncode}, {done.stderr[-200:]!r}"
    if memory > before and memory * 1024 > MEMORY:
        return f"{what}: {memory >> 10} MiB"
    print(f"  {time.monotonic() - began:5.1f} s  {what}", flush=True)
    return ""


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY,) * 2)


def check(root: Path) -> int:
    """All of the folder; gives the number of wrong ones."""
    failures = check_midi(root / "midi") + check_trust(root / "trust")
    for path in sorted((root / "run").iterdir()):
        print(f"run/{path.name:33} to run by hand")
    print(f"{failures} wrong")
    return failures


if __name__ == "__main__":
    sys.exit(1 if check(Path(sys.argv[1])) else 0)
