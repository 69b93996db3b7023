"""`python -m ugen.train`, for torchrun: the same command as train-ugen."""

from ugen.data.cli.app import run_app


def train_ugen() -> None:
    """Entry point of train-ugen; what it needs is imported inside `run_app`."""
    run_app("ugen.train.cli", "train-ugen")


if __name__ == "__main__":
    train_ugen()
