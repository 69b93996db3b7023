"""A newcomer: README's commands, in its order, in a fresh environment, from a copy of this project.

    python tests/newcomer.py light      # to the first song
    python tests/newcomer.py full       # from a folder to a song, and README's Python

Prints the seconds of each block, and the megabytes. Two things differ from what a reader types:
PyTorch comes from wherever pip finds it, as constraints.txt pins it, and ten minutes of training
are one. A song that the guard gives up on, after a training so short, is asked for twice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from doc_blocks import NOTES_DIFFER, ROOT, SONG, Block, blocks

SHORT = {" --index-url https://download.pytorch.org/whl/cpu": "", " --minutes 10": " --minutes 1"}
AGAIN = 'ugen-run() { command ugen-run "$@" || command ugen-run "$@"; }\n'
FOREIGN = "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"


def clone(target: Path) -> None:
    """What git tracks, as a clone or an archive has it."""
    listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True)
    for name in filter(None, listing.stdout.decode().split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def run(block: Block, folder: Path) -> None:
    """Run a block as in a terminal where the environment is active, and print its seconds."""
    text = block.text
    for shown, short in SHORT.items():
        text = text.replace(shown, short)
    active = ". .venv/bin/activate\n" if (folder / ".venv").exists() else ""
    words = ["bash", "-euo", "pipefail", "-c", active + AGAIN + text]
    if block.language == "python":
        words = [str(folder / ".venv" / "bin" / "python"), "-c", text]
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    if ".[all]" in text:
        environment["PIP_CONSTRAINT"] = "constraints.txt"
    began = time.monotonic()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{block.place}:\n{text}\n{done.stdout}{done.stderr}")
    first = text.strip().splitlines()[0]
    print(f"{time.monotonic() - began:7.1f} s  {block.place}: {first}", flush=True)


def megabytes(folder: Path) -> float:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in paths) / 1e6


def main(kind: str) -> None:
    """Follow README as far as the light or the full install goes."""
    shown = [block for block in blocks("README.md") if block.language in ("bash", "python")]
    install, extras, *rest = shown
    assert "pip install .\n" in install.text and ".[all]" in extras.text
    with TemporaryDirectory() as place:
        folder = Path(place) / "ugen"
        clone(folder)
        began = time.monotonic()
        run(install, folder)
        words = [folder / ".venv" / "bin" / "python", "-c", NOTES_DIFFER, "song.mid", SONG]
        if subprocess.run(list(map(str, words)), cwd=folder).returncode:
            sys.exit("the first song is not the one that README shows")
        (folder / "song.mid").unlink()  # the next blocks write songs of that name
        if kind == "full":
            music = sorted((folder / "data" / "music").rglob("*.mid"))[::5]
            (folder / "my-midi-files").mkdir()
            for path in music:
                shutil.copy(path, folder / "my-midi-files")
            shutil.copy(folder / "docs" / "showcase" / "mine.mid", folder)
            for block in [extras, *rest]:
                run(block, folder)
        print(f"{time.monotonic() - began:7.1f} s  all of it")
        print(f"{megabytes(folder / '.venv'):7.0f} MB of .venv, with pip")


if __name__ == "__main__":
    main(sys.argv[1])
