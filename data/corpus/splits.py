"""Which pieces are trained on and which are held out: by family, stable when files are added."""

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
    """Give each family a split by the hash of one of its members, so that new files move none but,
    at times, a family that they join.

    Where that leaves no family to validate with, though `valid` asks for one, or none to train on,
    the family nearest the border moves.
    """
    members: dict[str, str] = {}  # family -> the hash that decides
    for row in rows:
        if row.status == "kept":
            members[row.family] = min(members.get(row.family, row.sha256), row.sha256, key=_choice)
    # from 0 to 1, by digits that the choice did not look at: the least of many would be near 0
    places = {family: int(sha256[:13], 16) / 16**13 for family, sha256 in members.items()}
    chosen = {family: _split_of(place, valid, test) for family, place in places.items()}
    ordered = sorted(places, key=lambda family: places[family])
    if valid > 0 and len(ordered) > 1 and "valid" not in chosen.values():
        chosen[ordered[0]] = "valid"
    if ordered and "train" not in chosen.values():
        chosen[ordered[-1]] = "train"
    return [replace(row, split=chosen[row.family]) if row.status == "kept" else row for row in rows]


def _choice(sha256: str) -> str:
    return sha256[13:]


def _split_of(place: float, valid: float, test: float) -> str:
    if place < valid:
        return "valid"
    return "test" if place < valid + test else "train"


def require_enough(rows: list[ManifestRow], root: Path, valid: float) -> None:
    """Raise UgenError, with the commonest reason, unless there is music to train on and, where
    `valid` asks for it, to validate with."""
    splits = [row.split for row in rows if row.status == "kept"]
    if "train" in splits and ("valid" in splits or not valid):
        return
    needed = "two different pieces are needed, one to train on and one to validate with"
    if not valid:
        needed = "one piece is needed"
    reasons = Counter(row.reason for row in rows if row.status == "dropped")
    why = f"; most often: {reasons.most_common(1)[0][0]}" if reasons else ""
    same = ", all versions of one piece" if len(splits) > 1 else ""
    problem = f"{len(splits)} of {len(rows)} files can be used{same}, and at least {needed}{why}"
    raise UgenError(problem, path=root)
