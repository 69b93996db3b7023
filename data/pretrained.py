"""The models that come with ugen, by name.

Wherever a model file may be given, `pretrained` and `pretrained-band` stand for theirs, unless
there is a file or a folder of that name.
"""

from __future__ import annotations

from pathlib import Path

NAMES = {"piano": "pretrained", "band": "pretrained-band"}  # by the arrangement of their music
HELP = "pretrained (piano) and pretrained-band stand for those that come with ugen"
_FOLDER = Path(__file__).parents[1] / "runtime"
PRETRAINED = _FOLDER / f"{NAMES['piano']}.onnx"


def model_path(path: str | Path) -> Path:
    """A path, or the file of the model of that name."""
    path = Path(path)
    is_name = str(path) in NAMES.values() and not path.exists()
    return _FOLDER / f"{path}.onnx" if is_name else path
