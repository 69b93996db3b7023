"""What lies below a folder, and why some of it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path


def paths_below(root: Path) -> list[str]:
    """The paths of all files, sorted; and of the folders that are not looked into, since they are
    links or may not be read. Names alone, since there may be many."""
    locked: list[str] = []
    found: list[str] = []
    for folder, folders, names in os.walk(root, onerror=lambda e: locked.append(e.filename)):
        paths = (os.path.join(folder, name) for name in folders)
        found += [path for path in paths if os.path.islink(path)]
        found += [os.path.join(folder, name) for name in names]
    return sorted(found + locked)


def why_no_file(path: Path) -> str:
    """Why what has this path cannot be read as a file; empty when it can."""
    if path.is_symlink() and not path.exists():
        return "a link to nothing"
    if path.is_dir():
        linked = "a link to a folder, which is not followed"
        return linked if path.is_symlink() else "a folder that may not be read"
    return "" if path.is_file() else "not a file"
