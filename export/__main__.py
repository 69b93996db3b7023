"""`python -m ugen.export`: the same command as export-ugen."""

from ugen.data.cli.app import run_app


def export_ugen() -> None:
    """Entry point of export-ugen; what it needs is imported inside `run_app`."""
    run_app("ugen.export.cli", "export-ugen")


if __name__ == "__main__":
    export_ugen()
