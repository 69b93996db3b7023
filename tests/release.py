"""`make release`: the wheel and the archive of sources in dist/, each tried in a fresh environment.

    python tests/release.py

Both are built from what git tracks, in a temporary folder. Each is installed without network access
to anything but the package index, outside the checkout, and must make the song that README shows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from doc_blocks import NOTES_DIFFER, ROOT, SONG

ASKED = "--seconds", "30", "--seed", "11", "--quiet"
FOREIGN = "__pycache__", ".so", ".pyc", "node_modules", "demo/"


def build(folder: Path) -> list[Path]:
    """A wheel and an archive of sources, made from a copy of what git tracks."""
    tree = folder / "tree"
    listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True)
    for name in filter(None, listing.stdout.decode().split("\0")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", folder / "dist", tree]
    subprocess.run(command, check=True, capture_output=True)
    return sorted((folder / "dist").iterdir())


def names(path: Path) -> list[str]:
    """What an archive holds."""
    if path.suffix == ".whl":
        return zipfile.ZipFile(path).namelist()
    with tarfile.open(path) as archive:
        return archive.getnames()


def try_out(path: Path, folder: Path) -> None:
    """Install it in a fresh environment and make a song there. Raises where that fails."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def call(*words: object) -> str:
        done = subprocess.run(
            [*map(str, words)], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{path.name}: {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done.stdout

    call(sys.executable, "-m", "venv", folder / "venv")
    programs = folder / "venv" / "bin"
    call(programs / "pip", "install", "--quiet", "--disable-pip-version-check", path)
    call(programs / "ugen-run", "-o", folder / "song.mid", *ASKED)
    call(programs / "python", "-c", NOTES_DIFFER, folder / "song.mid", SONG)
    music = Path(call(programs / "ugen-data", "music").strip())
    if len(list(music.rglob("*.mid"))) != 104:
        sys.exit(f"{path.name}: the bundled music is not all there")


def main() -> None:
    """Build, look inside, try, and leave both in dist/."""
    with TemporaryDirectory() as folder:
        for path in build(Path(folder)):
            held = names(path)
            if found := [name for name in held if any(each in name for each in FOREIGN)]:
                sys.exit(f"{path.name} holds {found[:3]}")
            with TemporaryDirectory() as own:
                try_out(path, Path(own))
            (ROOT / "dist").mkdir(exist_ok=True)
            shutil.copy(path, ROOT / "dist")
            size = path.stat().st_size / 1e6
            print(
                f"dist/{path.name}: {size:.1f} MB, {len(held)} files; installs, and makes the song"
            )


if __name__ == "__main__":
    main()
