"""The command ugen-data."""

from .app import run_app


def ugen_data() -> None:
    """Entry point of ugen-data; what it needs is imported inside `run_app`."""
    run_app("ugen.data.cli.main", "ugen-data")
