"""The commands ugen-run and ugen-score; what they need is imported inside `run_app`."""

from ugen.data.cli.app import run_app


def ugen_run() -> None:
    """Entry point of ugen-run."""
    run_app("ugen.runtime.cli.run", "ugen-run")


def ugen_score() -> None:
    """Entry point of ugen-score."""
    run_app("ugen.runtime.cli.score", "ugen-score")
