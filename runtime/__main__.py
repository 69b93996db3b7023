"""`python -m ugen.runtime`: ugen-run, where scripts are not on the PATH."""

from .cli import ugen_run

if __name__ == "__main__":
    ugen_run()
