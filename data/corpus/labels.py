"""What pieces are called, for songs like them: the sub-folder that a file is in, or a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ugen.data.analysis.wishes import label_of
from ugen.data.errors import UgenError
from ugen.data.files import read_bytes
from ugen.data.text import printable

FOLDERS = "folder"
NONE = "none"
COLUMNS = ["file", "label"]
_MOST_BYTES = 1 << 26
_FLAG = "--labels"


def check_labels(source: str) -> None:
    """Raise UgenError unless it is FOLDERS, NONE, or a table's name."""
    if source not in (FOLDERS, NONE) and not source.lower().endswith(".csv"):
        reason = "must be folder, none, or a .csv file"
        raise UgenError(reason, flag=_FLAG, value=printable(source))


def labels_of(source: str, files: Sequence[str]) -> dict[str, str]:
    """The labels of files, named by their paths below the folder; a file may have none. Raises
    UgenError for a table that cannot be read, or names no file that there is."""
    if source == FOLDERS:
        parts = {file: Path(file).parts for file in files}
        return {file: label_of(part[0]) for file, part in parts.items() if len(part) > 1}
    return {} if source == NONE else _of_table(Path(source), files)


def _of_table(path: Path, files: Sequence[str]) -> dict[str, str]:
    try:
        text = read_bytes(path, _MOST_BYTES, "a table of labels").decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except UgenError as error:
        raise UgenError(error.reason, flag=_FLAG, path=path) from None
    except (ValueError, csv.Error) as error:
        raise UgenError(f"not a table of text ({error})", flag=_FLAG, path=path) from None
    if not rows or [cell.strip().lower() for cell in rows[0]] != COLUMNS:
        raise UgenError("its first line must be file,label", flag=_FLAG, path=path)
    labels = {}
    for number, row in enumerate(rows[1:], 2):
        if row and len(row) != len(COLUMNS):
            reason = f"row {number} has {len(row)} cells; file and label are wanted"
            raise UgenError(reason, flag=_FLAG, path=path)
        if row:
            labels[str(Path(row[0].strip()))] = label_of(row[1].strip())
    if not labels.keys() & set(files):
        reason = "names no file of the folder; paths are counted from there"
        raise UgenError(reason, flag=_FLAG, path=path)
    return {file: label for file, label in labels.items() if label}
