"""Write a Score as a Standard MIDI File (format 1) that reads back to the same notes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.files import write_atomically
from ugen.data.score import Score

from .messages import DRUM_CHANNEL, MELODIC_CHANNELS
from .smf import MAX_TRACKS, chunk, header_chunk
from .track import TrackEncoder, text_event

if TYPE_CHECKING:
    from mido import Message, MetaMessage

    TimedEvent = tuple[int, Message | MetaMessage]  # its tick first


_BLOCK = 4096


def write_midi(
    score: Score, path: str | Path, *, texts: Sequence[str] = (), pad_ticks: int = 0
) -> None:
    """Write `score` to `path`, whole or not at all. Arguments as for `midi_bytes`. Raises UgenError
    if it cannot."""
    write_atomically(path, midi_bytes(score, texts=texts, pad_ticks=pad_ticks))


def midi_bytes(score: Score, *, texts: Sequence[str] = (), pad_ticks: int = 0) -> bytes:
    """The score as the bytes of a MIDI file.

    `texts` go into the first track as text events, in UTF-8; every track ends `pad_ticks` after the
    last note. A program has one channel, a drum kit channel 10; what 16 channels cannot hold goes
    to further MIDI ports (meta event 0x21). Notes of one program and pitch that overlap go to
    separate tracks, because one track could not say which ends.
    """
    from mido import Message, MetaMessage

    end = score.end_tick + pad_ticks
    tracks = [_track(_conductor(score, texts), end)]
    # of programs and of drum kits, in order of first use
    slots: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for (drum, program, _layer), rows in sorted(_layers(score).items()):
        slot = slots[drum].setdefault(program, len(slots[drum]))
        port, index = divmod(slot, len(MELODIC_CHANNELS))
        channel = MELODIC_CHANNELS[index]
        if drum:
            port, channel = slot, DRUM_CHANNEL
        start = [(0, MetaMessage("midi_port", port=port))] if port else []
        start.append((0, Message("program_change", channel=channel, program=program)))
        tracks.append(_track(chain(start, _note_events(score.notes[rows], channel)), end))
    if len(tracks) > MAX_TRACKS:
        raise UgenError(f"needs {len(tracks):,} tracks; a MIDI file has {MAX_TRACKS:,} at most")
    chunks = [header_chunk(1, len(tracks), score.ticks_per_beat)]
    return b"".join(chunks + [chunk(b"MTrk", track) for track in tracks])


def _layers(score: Score) -> dict[tuple[bool, int, int], array[int]]:
    """Note rows by (drum, program, layer); within a layer no two notes of a pitch sound at once."""
    layers: dict[tuple[bool, int, int], array[int]] = defaultdict(lambda: array("q"))
    # by (drum, program, pitch), heaps: ends of sounding notes with their layers; idle layers
    sounding: dict[tuple[bool, int, int], list[tuple[int, int]]] = defaultdict(list)
    idle: dict[tuple[bool, int, int], list[int]] = defaultdict(list)
    for row, (onset, end, pitch, _velocity, program, drum) in enumerate(_rows(score.notes)):
        key = drum, program, pitch
        while sounding[key] and sounding[key][0][0] <= onset:
            heappush(idle[key], heappop(sounding[key])[1])
        layer = heappop(idle[key]) if idle[key] else len(sounding[key])
        heappush(sounding[key], (end, layer))
        layers[drum, program, layer].append(row)
    return layers


def _note_events(notes: NDArray[np.void], channel: int) -> Iterator[TimedEvent]:
    from mido import Message

    # tick, 0 for off and 1 for on, pitch, velocity
    events = np.zeros((2 * len(notes), 4), np.int64)
    ons, offs = np.split(events, 2)
    ons[:, 0], ons[:, 1] = notes["onset"], 1
    ons[:, 2], ons[:, 3] = notes["pitch"], notes["velocity"]
    offs[:, 0], offs[:, 2] = notes["end"], notes["pitch"]
    # ends before onsets on the same tick, so that a repeated note is struck again
    order = np.lexsort(events.T[::-1])
    for tick, on, pitch, velocity in _rows(events[order]):
        kind = "note_on" if on else "note_off"
        yield tick, Message(kind, channel=channel, note=pitch, velocity=velocity)


def _rows(table: NDArray[Any]) -> Iterator[Any]:
    """The rows of an array, of which few are Python's objects at once: those are ten times as
    large."""
    for at in range(0, len(table), _BLOCK):
        yield from table[at : at + _BLOCK].tolist()


def _conductor(score: Score, texts: Sequence[str]) -> list[TimedEvent]:
    """Texts, tempos and time signatures."""
    from mido import MetaMessage

    changes: list[TimedEvent] = [
        (tick, MetaMessage("set_tempo", tempo=usec)) for tick, usec in score.tempos.tolist()
    ]
    changes += [
        (tick, MetaMessage("time_signature", numerator=numerator, denominator=denominator))
        for tick, numerator, denominator in score.meters.tolist()
    ]
    changes.sort(key=lambda change: change[0])
    return [(0, text_event(text)) for text in texts] + changes


def _track(events: Iterable[TimedEvent], end: int) -> bytes:
    encoder, body = TrackEncoder(), bytearray()
    for tick, event in events:
        body += encoder.encode(tick, event)
    return bytes(body + encoder.end(end))
