"""`make test-oldest`: a model file gives the same on the oldest and the newest dependencies that
pyproject.toml allows.

    python tests/oldest.py lowest          print the light install's dependencies, lowest versions
    python tests/oldest.py record FOLDER   train, export in every precision, record what files give
    python tests/oldest.py check FOLDER    in another environment: compare with what was recorded
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
from ugen.data.cli.main import MUSIC
from ugen.runtime import Model, Sampling, load, steps
from ugen.runtime.model_file.format import PRECISIONS

STEPS = 300
# every kind of node, and a matrix that no block of 4-bit weights divides
MODEL = [
    "--preset",
    "skip-3x300",
    "--hidden",
    "48",
    "--embedding",
    "24",
    "--tied",
    "--learn-initial-state",
]
# How much two versions may differ, in logits over one sequence of tokens; about three times what
# was measured. Kernels of smaller precisions round differently in each version, so that their songs
# may differ.
GAPS = {"fp32": 1e-4, "fp16": 0.03, "int8": 0.15, "int4": 0.2}
LEAST_CHOICES = 0.97  # fraction of steps with the same likeliest token


def run(command: str, *arguments: object) -> None:
    """Run one of ugen's commands as installed here, quietly. Raises CalledProcessError when it
    fails."""
    program = Path(sys.executable).with_name(command)
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def lowest() -> None:
    """Print pip constraints."""
    if sys.version_info < (3, 11):
        import tomli as tomllib
    else:
        import tomllib

    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    for dependency in project["dependencies"]:
        name, bound, least = dependency.partition(">=")
        assert bound, f"{dependency}: no lower bound"
        print(f"{name}=={least}")


def song(file: Path) -> bytes:
    """What ugen-run makes of a file."""
    midi = file.with_suffix(".mid")
    run("ugen-run", file, "-o", midi, "--seconds", 30, "--seed", 7, "--force")
    return midi.read_bytes()


def written(model: Model, sampling: Sampling) -> list[int]:
    """The first tokens of a piece."""
    return [token for token, _ in islice(steps(model, 7, sampling), STEPS)]


def logits_of(model: Model, tokens: Sequence[int]) -> np.ndarray:
    """The logits that some tokens of a piece were sampled from: float32 [tokens, vocabulary]."""
    card, state, found = model.card, model.start(), []
    rows = card.codec.to_rows(np.array(tokens[:-1]), card.column_names)
    for row in rows.astype(np.int64):
        logits, state = model.step(row[None], state)
        found.append(logits[0, 0])
    return np.stack(found)


def record(folder: Path) -> None:
    """Write a model file for each precision, and beside it as .npz what it gives here."""
    training = "--epochs", 1, "--precision", "fp32", "--sample-minutes", 0
    run("train-ugen", MUSIC, "-o", folder / "run", *training, *MODEL)
    for precision in PRECISIONS:
        file = folder / f"{precision}.onnx"
        limit = () if precision == "fp32" else ("--max-loss", 100)
        run("export-ugen", folder / "run", "-o", file, "--precision", precision, *limit)
        model = load(file)
        sampled, greedy = written(model, Sampling()), written(model, Sampling(temperature=0))
        midi = np.frombuffer(song(file), np.uint8)
        np.savez(
            file.with_suffix(".npz"),
            sampled=sampled,
            greedy=greedy,
            logits=logits_of(model, sampled),
            midi=midi,
        )


def compared(file: Path) -> tuple[bool, str]:
    """Whether a file gives here what was recorded, and by how much it differs."""
    model, noted = load(file), np.load(file.with_suffix(".npz"))
    logits = logits_of(model, noted["sampled"].tolist())
    gap = float(np.abs(logits - noted["logits"]).max())
    choices = float((logits.argmax(-1) == noted["logits"].argmax(-1)).mean())
    same = {
        "sampled": written(model, Sampling()) == noted["sampled"].tolist(),
        "greedy": written(model, Sampling(temperature=0)) == noted["greedy"].tolist(),
        "midi": song(file) == noted["midi"].tobytes(),
    }
    good = gap <= GAPS[model.card.precision] and choices >= LEAST_CHOICES
    if model.card.precision == "fp32":
        good = good and all(same.values())
    others = ", ".join(f"{name} {'same' if equal else 'different'}" for name, equal in same.items())
    return good, f"logits within {gap:.1e}, same likeliest token {choices:.1%}, {others}"


def check(folder: Path) -> int:
    """Print a line per file; return the number of files that differ more than they may."""
    for module in ("torch", "onnx"):
        assert find_spec(module) is None, f"{module} is installed: this is not the light install"
    print(
        ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "numpy", "mido", "typer"))
    )
    failures = 0
    files = sorted(folder.glob("*.onnx"))
    assert files, f"{folder}: no model files"
    for file in files:
        good, text = compared(file)
        failures += not good
        print(f"{file.stem:6} {'ok' if good else 'DIFFERS'}: {text}")
    return failures


if __name__ == "__main__":
    if sys.argv[1] == "lowest":
        lowest()
    elif sys.argv[1] == "record":
        record(Path(sys.argv[2]))
    else:
        sys.exit(1 if check(Path(sys.argv[2])) else 0)
