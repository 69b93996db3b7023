"""`make fuzz` itself: its kept inputs reach deep into the readers, and it sees faults."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzz import damaged, fault, fuzz
from fuzz_readers import Reader, readers
from ugen.data import UgenError


def test_every_reader_accepts_a_kept_input(tmp_path: Path) -> None:
    """An input that is refused at once would leave its reader untried."""
    for reader in readers(tmp_path):
        accepted = 0
        for data in reader.inputs:
            try:
                reader.read(data)
                accepted += 1
            except UgenError:
                assert len(reader.inputs) > 1, reader.name
        assert accepted * 3 > len(reader.inputs), reader.name


def test_faults_are_seen_and_the_same_seed_makes_the_same_inputs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(data: bytes) -> None:
        raise ValueError("a bug")

    def refuses(data: bytes) -> None:
        raise UgenError("x\n" * 3000)

    assert "ValueError" in fault(Reader("fails", [b""], fails), b"")
    assert not fault(Reader("fine", [b""], len), b"")
    assert fuzz([Reader("fails", [b"[1, 2]"], fails)], 1e-6, seed=1) == 1
    said = capsys.readouterr().out
    assert "--again 'fails'" in said and "1 kinds of faults" in said
    kept = [b'{"a": [1, 2]}', b"MThd"]
    one, two = ([damaged(kept[k % 2], kept, c) for k in range(50)] for c in _alike())
    assert one == two and len(set(one)) > 40
    refused = fault(Reader("refuses", [b""], refuses), b"")
    assert not refused, "a line that is too long, or of several, is cut and cleaned by UgenError"


def _alike() -> tuple[random.Random, random.Random]:
    return random.Random(5), random.Random(5)
