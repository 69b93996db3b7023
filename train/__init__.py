"""Learn from a corpus. The only package that trains; needs torch.

For a notebook: `ugen.train.metrics("runs/mine")` is a run's evaluations as a pandas DataFrame.
"""

import os

# torch makes a folder for its compiler, which ugen does not use, in that of temporary files, and
# fails where it cannot: let it be a folder that is there
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.dirname(__file__))

TYPE_CHECKING = False  # importing typing would take longer than all the rest
if TYPE_CHECKING:
    from .run_folder.metrics import metrics

__all__ = ["metrics"]


def __getattr__(name: str) -> object:
    if name == "metrics":  # imported when it is first used, so that commands start at once
        from .run_folder.metrics import metrics

        return metrics
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
