"""Make music from a model file, with onnxruntime and numpy. Never imports torch or onnx.

from ugen.runtime import generate, load, stream
song = generate(load("model.onnx"), seconds=60, seed=7)
song.save("song.mid")
for note in stream(load("model.onnx"), seed=7): ...
"""

from importlib import import_module

TYPE_CHECKING = False  # importing typing would take longer than all the rest
if TYPE_CHECKING:
    from ugen.data.analysis.scores import Scores as Scores

    from .generation.guard.faults import GuardError as GuardError
    from .generation.note_stream import stream as stream
    from .generation.primer import tokens_of as tokens_of
    from .generation.settings import SongSettings as SongSettings
    from .generation.song import Song as Song
    from .generation.song import generate as generate
    from .generation.song import steps as steps
    from .generation.song_state import SongState as SongState
    from .generation.wishes.parts import kept_music as kept_music
    from .inference.loading import load as load
    from .inference.model import Model as Model
    from .model_file.card import Card as Card
    from .model_file.format import ModelError as ModelError
    from .sampling.config import Sampling as Sampling
    from .scoring.evaluate import score as score
    from .scoring.pieces import Piece as Piece
    from .scoring.pieces import read_piece as read_piece

# where each name is; imported when it is first used, so that commands start at once
_MODULES = {
    "Card": "ugen.runtime.model_file.card",
    "GuardError": "ugen.runtime.generation.guard.faults",
    "Model": "ugen.runtime.inference.model",
    "ModelError": "ugen.runtime.model_file.format",
    "Piece": "ugen.runtime.scoring.pieces",
    "Sampling": "ugen.runtime.sampling.config",
    "Scores": "ugen.data.analysis.scores",
    "Song": "ugen.runtime.generation.song",
    "SongSettings": "ugen.runtime.generation.settings",
    "SongState": "ugen.runtime.generation.song_state",
    "generate": "ugen.runtime.generation.song",
    "kept_music": "ugen.runtime.generation.wishes.parts",
    "load": "ugen.runtime.inference.loading",
    "read_piece": "ugen.runtime.scoring.pieces",
    "score": "ugen.runtime.scoring.evaluate",
    "steps": "ugen.runtime.generation.song",
    "stream": "ugen.runtime.generation.note_stream",
    "tokens_of": "ugen.runtime.generation.primer",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("ugen-music")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
