"""MIDI files, scores, codecs and corpora. Needs numpy; never torch, never onnx."""

from ugen.data.codecs.base import Codec, Cursor, Encoded
from ugen.data.codecs.registry import codec_from_json, make_codec
from ugen.data.midi.reader import read_midi
from ugen.data.midi.writer import midi_bytes, write_midi

from .arrangement import ARRANGEMENTS, arrange
from .errors import CodecError, MidiError, UgenError
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
