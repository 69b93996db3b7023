"""The MIDI files that a path stands for."""

from __future__ import annotations

from pathlib import Path

from ugen.data.errors import UgenError
from ugen.data.folders import paths_below, why_no_file

from .smf import MIDI_SUFFIXES


def midi_files(path: Path) -> list[Path]:
    """All files under a folder that are MIDI by their names, and the folders that are not looked
    into; or one file. Raises UgenError when there is none."""
    if path.exists() and not path.is_dir():
        return [path]
    if not path.is_dir():
        raise UgenError("no such file or folder", path=path)
    found = [Path(each) for each in paths_below(path)]
    files = [each for each in found if each.name.lower().endswith(MIDI_SUFFIXES) or each.is_dir()]
    if all(each.is_dir() for each in files):
        others = f"; {files[0]}: {why_no_file(files[0])}" if files else ""
        raise UgenError(f"no MIDI files in it ({', '.join(MIDI_SUFFIXES)}){others}", path=path)
    return files
