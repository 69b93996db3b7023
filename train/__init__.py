"""Learn from a corpus. The only package that trains; needs torch.

For a notebook: `ugen.train.metrics("runs/mine")` is a run's evaluations as a pandas DataFrame.
"""

from .run_folder.metrics import metrics

__all__ = ["metrics"]
