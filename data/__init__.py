"""MIDI files, scores, codecs and corpora. Needs numpy; never torch, never onnx."""

from importlib import import_module

TYPE_CHECKING = False  # importing typing would take longer than all the rest
if TYPE_CHECKING:
    from .arrangement import ARRANGEMENTS as ARRANGEMENTS
    from .arrangement import arrange as arrange
    from .codecs.base import Codec as Codec
    from .codecs.base import Cursor as Cursor
    from .codecs.base import Encoded as Encoded
    from .codecs.registry import codec_from_json as codec_from_json
    from .codecs.registry import make_codec as make_codec
    from .errors import CodecError as CodecError
    from .errors import MidiError as MidiError
    from .errors import UgenError as UgenError
    from .midi.reader import read_midi as read_midi
    from .midi.writer import midi_bytes as midi_bytes
    from .midi.writer import write_midi as write_midi
    from .score import Note as Note
    from .score import Score as Score

# where each name is; imported when it is first used, so that commands start at once
_MODULES = {
    "ARRANGEMENTS": "arrangement",
    "Codec": "codecs.base",
    "CodecError": "errors",
    "Cursor": "codecs.base",
    "Encoded": "codecs.base",
    "MidiError": "errors",
    "Note": "score",
    "Score": "score",
    "UgenError": "errors",
    "arrange": "arrangement",
    "codec_from_json": "codecs.registry",
    "make_codec": "codecs.registry",
    "midi_bytes": "midi.writer",
    "read_midi": "midi.reader",
    "write_midi": "midi.writer",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
