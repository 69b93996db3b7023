"""Which pieces are learned from and which are held out: by family, and stable when files are
added."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from ugen.data.errors import UgenError

from .corpus import ManifestRow
from .journal import Piece
from .near_duplicates import families


def with_families(pieces: list[Piece]) -> list[ManifestRow]:
    """The pieces' rows, each kept one with the first file of its family."""
    kept = [i for i, piece in enumerate(pieces) if piece.row.status == "kept"]
    heads = families([pieces[i].sketch for i in kept])
    named = {i: pieces[kept[head]].row.file for i, head in zip(kept, heads, strict=True)}
    return [
        replace(piece.row, family=named[i]) if i in named else piece.row
        for i, piece in enumerate(pieces)
    ]


def split(rows: list[ManifestRow], valid: float, test: float) -> list[ManifestRow]:
    """Give each family the split that the smallest hash of its members falls in, so that new files
    move no old ones.

    When the draw leaves no family to hold out or none to learn from, the one nearest the border
    moves.
    """
    draws: dict[str, float] = {}
    for row in rows:
        if row.status == "kept":
            draw = int(row.sha256[:13], 16) / 16**13
            draws[row.family] = min(draw, draws.get(row.family, 1.0))
    chosen = {family: _split_of(draw, valid, test) for family, draw in draws.items()}
    ordered = sorted(draws, key=lambda family: draws[family])
    if len(ordered) > 1 and valid > 0:
        if "valid" not in chosen.values():
            chosen[ordered[0]] = "valid"
        if "train" not in chosen.values():
            chosen[ordered[-1]] = "train"
    return [replace(row, split=chosen[row.family]) if row.status == "kept" else row for row in rows]


def _split_of(draw: float, valid: float, test: float) -> str:
    if draw < valid:
        return "valid"
    return "test" if draw < valid + test else "train"


def require_enough(rows: list[ManifestRow], root: Path) -> None:
    """Raise UgenError, with the commonest reason, unless there is music to learn from and music to
    be tested on."""
    found = Counter(row.split for row in rows if row.status == "kept")
    if found["train"] and (found["valid"] or found["test"]):
        return
    kept = sum(found.values())
    reasons = Counter(row.reason for row in rows if row.status == "dropped")
    why = f"; most often: {reasons.most_common(1)[0][0]}" if reasons else ""
    raise UgenError(
        f"{root}: {kept} of {len(rows)} files can be learned from, and at least two different pieces are needed, "
        f"one to learn from and one to be tested on{why}"
    )
