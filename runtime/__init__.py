"""Make music from a model file, with onnxruntime and numpy. Never imports torch or onnx.

from ugen.runtime import generate, load, stream
song = generate(load("model.onnx"), seconds=60, seed=7)
song.save("song.mid")
for note in stream(load("model.onnx"), seed=7): ...
"""

from ugen.data.analysis.scores import Scores

from .generation.faults import GuardError
from .generation.note_stream import stream
from .generation.primer import tokens_of
from .generation.settings import SongSettings
from .generation.song import Song, generate, steps
from .generation.song_state import SongState
from .inference.loading import load
from .inference.model import Model
from .model_file.card import Card
from .model_file.format import ModelError
from .sampling.config import Sampling
from .scoring.evaluate import score
from .scoring.pieces import Piece, read_piece

__all__ = [
    "Card",
    "GuardError",
    "Model",
    "ModelError",
    "Piece",
    "Sampling",
    "Scores",
    "Song",
    "SongSettings",
    "SongState",
    "generate",
    "load",
    "read_piece",
    "score",
    "steps",
    "stream",
    "tokens_of",
]


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is asked for."""
    if name == "__version__":
        from importlib.metadata import version

        return version("ugen-music")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
