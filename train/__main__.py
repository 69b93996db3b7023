"""`python -m ugen.train`, for torchrun: the same command as train-ugen."""

from .cli import main

main()
