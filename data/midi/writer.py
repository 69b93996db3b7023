"""Write a Score as a Standard MIDI File (format 1) that reads back to the same notes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush, merge
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.files import write_atomically
from ugen.data.score import Score

from .general_midi import DRUMS, instrument_name
from .messages import DRUM_CHANNEL, MELODIC_CHANNELS
from .smf import MAX_TRACKS, chunk, header_chunk
from .table import tuples
from .track import TrackEncoder, text_event

if TYPE_CHECKING:
    from mido import Message, MetaMessage

    TimedEvent = tuple[int, Message | MetaMessage]  # its tick first


def write_midi(
    score: Score, path: str | Path, *, texts: Sequence[str] = (), pad_ticks: int = 0
) -> None:
    """Write `score` to `path`, whole or not at all. Arguments as for `midi_bytes`. Raises UgenError
    if it cannot."""
    write_atomically(path, midi_bytes(score, texts=texts, pad_ticks=pad_ticks))


def midi_bytes(
    score: Score,
    *,
    texts: Sequence[str] = (),
    pad_ticks: int = 0,
    key: str | None = None,
    left: NDArray[np.bool_] | None = None,
) -> bytes:
    """The score as the bytes of a MIDI file.

    `texts` go into the first track as text events, in UTF-8; every track ends `pad_ticks` after the
    last note. `key`: the signature, as in Bb or F#m. `left`: which notes are the left hand's, where
    all are a piano's; hands have tracks of their own.

    A program has one channel, a drum kit channel 10; what 16 channels cannot hold goes to further
    MIDI ports (meta event 0x21). Notes of one program and pitch that overlap go to separate tracks,
    because one track could not say which ends.
    """
    end = score.end_tick + pad_ticks
    tracks = [_track(_conductor(score, texts, key), end)]
    # of programs and of drum kits, in order of first use
    slots: tuple[dict[int, int], dict[int, int]] = ({}, {})
    hands = np.zeros(len(score.notes), bool) if left is None else left
    for voice, rows in sorted(_voices(score, hands).items()):
        slot = slots[voice.drum].setdefault(voice.program, len(slots[voice.drum]))
        port, index = divmod(slot, len(MELODIC_CHANNELS))
        channel = MELODIC_CHANNELS[index]
        if voice.drum:
            port, channel = slot, DRUM_CHANNEL
        name = _name(voice, left is not None)
        events = _note_events(score.notes, np.frombuffer(rows, np.int64), channel)
        tracks.append(_track(chain(_beginning(name, voice.program, port, channel), events), end))
    chunks = [header_chunk(1, len(tracks), score.ticks_per_beat)]
    return b"".join(chunks + [chunk(b"MTrk", track) for track in tracks])


class _Voice(NamedTuple):
    """What has a track of its own. Within a layer no two notes of a pitch sound at once."""

    drum: bool
    program: int
    left: bool
    layer: int


def _name(voice: _Voice, has_hands: bool) -> str:
    """The name of a track."""
    name = instrument_name(DRUMS if voice.drum else voice.program).capitalize()
    if has_hands:
        name = f"Piano {'left' if voice.left else 'right'} hand"
    return f"{name}, {voice.layer + 1}" if voice.layer else name


def _beginning(name: str, program: int, port: int, channel: int) -> Iterator[TimedEvent]:
    """What a track says before its notes."""
    from mido import Message, MetaMessage

    yield 0, MetaMessage("track_name", name=name)
    if port:
        yield 0, MetaMessage("midi_port", port=port)
    yield 0, Message("program_change", channel=channel, program=program)


def _voices(score: Score, left: NDArray[np.bool_]) -> dict[_Voice, array[int]]:
    """The rows of each voice's notes."""
    voices: dict[_Voice, array[int]] = defaultdict(lambda: array("q"))
    # by (drum, program, pitch), heaps: ends of sounding notes with their layers; idle layers
    sounding: dict[tuple[bool, int, int], list[tuple[int, int]]] = defaultdict(list)
    idle: dict[tuple[bool, int, int], list[int]] = defaultdict(list)
    for row, (onset, end, pitch, _velocity, program, drum) in enumerate(tuples(score.notes)):
        key = drum, program, pitch
        while sounding[key] and sounding[key][0][0] <= onset:
            heappush(idle[key], heappop(sounding[key])[1])
        layer = heappop(idle[key]) if idle[key] else len(sounding[key])
        heappush(sounding[key], (end, layer))
        voices[_Voice(drum, program, bool(left[row]), layer)].append(row)
        if len(voices) >= MAX_TRACKS:
            raise UgenError(f"needs more than {MAX_TRACKS:,} tracks, the most of a MIDI file")
    return voices


def _note_events(
    notes: NDArray[np.void], rows: NDArray[np.int64], channel: int
) -> Iterator[TimedEvent]:
    """The events of some notes, which are in order of onset."""
    from mido import Message

    by_end = rows[np.lexsort((notes["pitch"][rows], notes["end"][rows]))]
    # tick, whether a note begins, pitch, velocity: ends before onsets on the same tick, so that a
    # repeated note is struck again
    ends = ((note[1], False, note[2], 0) for note in tuples(notes, by_end))
    onsets = ((note[0], True, note[2], note[3]) for note in tuples(notes, rows))
    for tick, on, pitch, velocity in merge(ends, onsets):
        kind = "note_on" if on else "note_off"
        yield tick, Message(kind, channel=channel, note=pitch, velocity=velocity)


def _conductor(score: Score, texts: Sequence[str], key: str | None) -> Iterator[TimedEvent]:
    """Texts, the key signature, tempos and time signatures."""
    from mido import MetaMessage

    tempos = ((tick, MetaMessage("set_tempo", tempo=usec)) for tick, usec in tuples(score.tempos))
    meters = (
        (tick, MetaMessage("time_signature", numerator=numerator, denominator=denominator))
        for tick, numerator, denominator in tuples(score.meters)
    )
    starts = [(0, text_event(text)) for text in texts]
    starts += [] if key is None else [(0, MetaMessage("key_signature", key=key))]
    return chain(starts, merge(tempos, meters, key=lambda change: change[0]))


def _track(events: Iterable[TimedEvent], end: int) -> bytes:
    encoder, body = TrackEncoder(), bytearray()
    for tick, event in events:
        body += encoder.encode(tick, event)
    return bytes(body + encoder.end(end))
