"""`make test-pythons`: the light install on every Python of this machine, the same song from all of
them, and the tests that need no torch.

python tests/pythons.py [MODEL]    without a model file, one is trained on the bundled music and
exported on the way

Each Python gets an empty environment in a temporary folder, wheels only, and no compiler. The tests
are those of files that import neither training nor export, without the property tests, which find
the same on every Python; the Python that runs this has its own suite. Exits with 1 when there is no
Python to try, an install, a song or a test fails, something heavy comes along, or a song differs.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from oldest import MODEL, run
from ugen.data.cli.main import MUSIC

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
VERSIONS = "3.10", "3.11", "3.12", "3.13", "3.14"
HEAVY = {"torch", "onnx", "scipy", "pandas", "matplotlib"}
BARE = {"pip", "setuptools"}  # what an empty environment begins with
BIGGEST = 5
# what the tests of the light parts need besides
EXTRAS = "[audio,play,plot]"
TEST_TOOLS = "pytest>=9.0.3", "pytest-xdist>=3.6", "hypothesis>=6.100", "symusic>=0.5.8"
# what the other tests import
ABSENT = ("muspy", "onnx", "tomllib", "torch", "tritonclient", "ugen.export", "ugen.train")

# what the Pythons run that are tried; Debian's may have no ensurepip, and then makes no
# environments
PROBE = """
import ensurepip, platform, sys
print(platform.python_implementation(), "%d.%d" % sys.version_info[:2])
"""
INSTALLED = """
import json
from importlib.metadata import distributions
def size(files):
    paths = [file.locate() for file in files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())
found = [(each.metadata["Name"], each.version, size(each.files)) for each in distributions()]
print(json.dumps(found))
"""


class Tried(NamedTuple):
    """What came of a Python: seconds to install and to make the first song, the song as MIDI bytes,
    bytes of each distribution by name and version, and what pytest said last."""

    install: float
    first_song: float
    midi: bytes
    sizes: dict[tuple[str, str], int]
    tests: str


def find(version: str) -> Path | None:
    """A CPython of this version that can make environments: on PATH, or pyenv's."""
    on_path = shutil.which(f"python{version}")
    pyenv = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    for python in ([Path(on_path)] if on_path else []) + pyenv:
        answer = subprocess.run([python, "-c", PROBE], capture_output=True, text=True)
        if answer.stdout.split() == ["CPython", version]:
            return python
    return None


def build(folder: Path) -> Path:
    """A wheel of a copy of the tree."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "tree" / name)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "-o",
        folder,
        folder / "tree",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


def trained(folder: Path) -> Path:
    """A model file that this environment makes."""
    run(
        "train-ugen",
        MUSIC,
        "-o",
        folder / "run",
        "--epochs",
        1,
        "--precision",
        "fp32",
        "--sample-minutes",
        0,
        *MODEL,
    )
    run("export-ugen", folder / "run", "-o", folder / "model.onnx", "--precision", "fp32")
    return folder / "model.onnx"


def light_tests() -> list[Path]:
    """Test files that import nothing that is absent, themselves or by a helper."""
    return [path for path in sorted(TESTS.glob("test_*.py")) if not needs_absent(path)]


def needs_absent(path: Path) -> bool:
    """Whether a module of the tests imports, at its top, something that is absent."""
    names: list[str] = []
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    helpers = [TESTS / f"{name}.py" for name in names]
    return any(f"{name}.".startswith(f"{each}.") for name in names for each in ABSENT) or any(
        helper.exists() and needs_absent(helper) for helper in helpers
    )


def tried(python: Path, wheel: Path, model: Path, folder: Path) -> Tried:
    """Install a wheel in an empty environment and make a song there. Raises CalledProcessError."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME")
    }
    environment |= {"CC": "false", "CXX": "false"}

    def call(*command: object, cwd: Path = folder) -> tuple[str, float]:
        began = time.monotonic()
        words = list(map(str, command))
        done = subprocess.run(
            words, check=True, capture_output=True, text=True, env=environment, cwd=cwd
        )
        return done.stdout, time.monotonic() - began

    call(python, "-m", "venv", folder / "venv")
    programs, midi = folder / "venv" / "bin", folder / "song.mid"
    quiet = "--quiet", "--disable-pip-version-check"
    _, install = call(programs / "pip", "install", *quiet, "--only-binary", ":all:", wheel)
    _, first_song = call(
        programs / "ugen-run", model, "-o", midi, "--seconds", 30, "--seed", 7, "--quiet"
    )
    found, _ = call(programs / "python", "-c", INSTALLED)
    sizes = {(name, version): size for name, version, size in json.loads(found) if name not in BARE}
    said = "in the suite of this Python"
    if find(platform.python_version().rpartition(".")[0]) != python:
        call(
            programs / "pip",
            "install",
            *quiet,
            "--only-binary",
            ":all:",
            f"{wheel}{EXTRAS}",
            *TEST_TOOLS,
        )
        environment["UGEN_TEST_MODEL"] = str(model)
        options = "-q", "-n", "auto", "-m", "not hypothesis", "-p", "no:cacheprovider"
        out, _ = call(programs / "python", "-m", "pytest", *options, *light_tests(), cwd=ROOT)
        said = out.splitlines()[-1].strip("= ")
    return Tried(install, first_song, midi.read_bytes(), sizes, said)


def row(result: Tried) -> str:
    """Times, and megabytes in all and of the biggest."""
    biggest = sorted(result.sizes.items(), key=lambda item: -item[1])[:BIGGEST]
    parts = ", ".join(f"{name} {version} {size / 1e6:.1f}" for (name, version), size in biggest)
    total = sum(result.sizes.values()) / 1e6
    return (
        f"{result.install:9.1f} {result.first_song:10.1f} {total:6.1f}  {parts}\n"
        f"{'':8} tests: {result.tests}"
    )


def check(model: Path | None) -> int:
    """Print a row for each Python. Returns the number of failures."""
    pythons = {version: find(version) for version in VERSIONS}
    songs, failures = set(), 0
    with TemporaryDirectory() as folder:
        wheel, model = build(Path(folder)), model.resolve() if model else trained(Path(folder))
        print(f"{'Python':8} {'install s':>9} {'song s':>10} {'MB':>6}  the biggest of it")
        for version, python in pythons.items():
            if python is None:
                print(f"{version:8} skipped: none on PATH or of pyenv", flush=True)
                continue
            try:
                with TemporaryDirectory() as own:
                    result = tried(python, wheel, model, Path(own))
            except subprocess.CalledProcessError as error:
                print(f"{version:8} FAILED: {error}\n{error.stdout}{error.stderr}", flush=True)
                failures += 1
                continue
            songs.add(result.midi)
            heavy = HEAVY & {name for name, _ in result.sizes}
            failures += bool(heavy)
            print(
                f"{version:8} {row(result)}{'  TOO HEAVY: ' + ', '.join(heavy) if heavy else ''}",
                flush=True,
            )
    print(
        ["no song was made", "one and the same song from all", f"{len(songs)} different songs"][
            min(len(songs), 2)
        ]
    )
    return failures + (len(songs) != 1)


if __name__ == "__main__":
    sys.exit(1 if check(Path(sys.argv[1]) if len(sys.argv) > 1 else None) else 0)
