"""What the tests of export-ugen share: the command, in this process, for importing torch takes
seconds."""

from __future__ import annotations

import sys

import pytest
from ugen.export.cli import main


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """What the command says, in one line and with exit code 2, of what it cannot do."""
    monkeypatch.setattr(sys, "argv", ["export-ugen", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and not out
    assert err.startswith("export-ugen: ") and err.count("\n") == 1
    return err
