"""What the tests of ugen-score share: the command, where torch and onnx cannot be imported."""

from __future__ import annotations

import subprocess
import sys


def ugen_score(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; "
        "from ugen.runtime.cli.score import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )


def refused(*arguments: object) -> str:
    """What the command says, in one line and with exit code 2, of what it cannot do."""
    done = ugen_score(*arguments)
    assert done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("ugen-score: ")
    return done.stderr
