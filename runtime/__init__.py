"""Make music from a model file, with onnxruntime and numpy. Never imports torch or onnx.

from ugen.runtime import generate, load, stream
song = generate(load("model.onnx"), seconds=60, seed=7)
for note in stream(load("model.onnx"), seed=7): ...
"""

from .generate import Song, generate, steps
from .load import load
from .model import Model
from .model_file import Card, ModelError, Sampling
from .performance import stream
from .state import SongState

__all__ = ["Card", "Model", "ModelError", "Sampling", "Song", "SongState", "generate", "load", "steps", "stream"]
