"""MIDI files, scores, codecs and corpora. Needs numpy and mido; never torch, never onnx."""

from .arrange import ARRANGEMENTS, arrange
from .codec import Codec, Cursor, Encoded
from .codecs import codec_from_json, make_codec
from .errors import CodecError, MidiError, UgenError
from .midi_read import read_midi
from .midi_write import midi_bytes, write_midi
from .score import Note, Score

__all__ = [
    "ARRANGEMENTS",
    "Codec",
    "CodecError",
    "Cursor",
    "Encoded",
    "MidiError",
    "Note",
    "Score",
    "UgenError",
    "arrange",
    "codec_from_json",
    "make_codec",
    "midi_bytes",
    "read_midi",
    "write_midi",
]
