"""Write a Score as a Standard MIDI File (format 1) that reads back to the same notes."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from ugen.data.files import write_atomically
from ugen.data.score import Score

from .channels import MELODIC
from .smf import DRUM_CHANNEL

_Event = tuple[int, int, int, int, int]  # tick, 0 for off and 1 for on, channel, pitch, velocity


def write_midi(
    score: Score, path: str | Path, *, texts: Sequence[str] = (), pad_ticks: int = 0
) -> None:
    """Write `score` to `path`, whole or not at all. Arguments as for `midi_bytes`. Raises UgenError
    if it cannot."""
    write_atomically(path, midi_bytes(score, texts=texts, pad_ticks=pad_ticks))


def midi_bytes(score: Score, *, texts: Sequence[str] = (), pad_ticks: int = 0) -> bytes:
    """The score as the bytes of a MIDI file.

    `texts` go into the first track as text events; every track ends `pad_ticks` after the last
    note. A program has one channel, a drum kit channel 10; what 16 channels cannot hold goes to
    further MIDI ports (meta event 0x21). Notes of one program and pitch that overlap go to separate
    tracks, because one track could not say which ends.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_beat)
    end = score.end_tick + pad_ticks
    file.tracks.append(_conductor(score, texts, end))
    slots: tuple[dict[int, int], dict[int, int]] = (
        {},
        {},
    )  # of programs and of drum kits, in order of first use
    for (drum, program, _layer), rows in sorted(_layers(score).items()):
        slot = slots[drum].setdefault(program, len(slots[drum]))
        port, channel = (slot, DRUM_CHANNEL) if drum else (slot // 15, MELODIC[slot % 15])
        track = mido.MidiTrack()
        if port:
            track.append(mido.MetaMessage("midi_port", port=port))
        track.append(mido.Message("program_change", channel=channel, program=program))
        _append_notes(track, _note_events(score, rows, channel), end)
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _layers(score: Score) -> dict[tuple[bool, int, int], list[int]]:
    """Note rows by (drum, program, layer); within a layer no two notes of a pitch sound at once."""
    layers: dict[tuple[bool, int, int], list[int]] = defaultdict(list)
    busy: dict[tuple[bool, int, int], list[int]] = defaultdict(
        list
    )  # (drum, program, pitch) -> end tick by layer
    for row, (onset, end, pitch, _velocity, program, drum) in enumerate(score.notes.tolist()):
        ends = busy[drum, program, pitch]
        layer = next((i for i, until in enumerate(ends) if until <= onset), len(ends))
        ends[layer : layer + 1] = [end]
        layers[drum, program, layer].append(row)
    return layers


def _note_events(score: Score, rows: list[int], channel: int) -> list[_Event]:
    events: list[_Event] = []
    for onset, end, pitch, velocity, _program, _drum in score.notes[np.array(rows)].tolist():
        events += [(onset, 1, channel, pitch, velocity), (end, 0, channel, pitch, 0)]
    return sorted(
        events
    )  # ends before onsets on the same tick, so that a repeated note is struck again


def _append_notes(track: list[object], events: Iterable[_Event], end: int) -> None:
    import mido

    now = 0
    for tick, on, channel, pitch, velocity in events:
        kind = "note_on" if on else "note_off"
        track.append(
            mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=tick - now)
        )
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end - now))


def _conductor(score: Score, texts: Sequence[str], end: int) -> list[object]:
    import mido

    changes = [
        (tick, mido.MetaMessage("set_tempo", tempo=usec)) for tick, usec in score.tempos.tolist()
    ]
    changes += [
        (tick, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
        for tick, numerator, denominator in score.meters.tolist()
    ]
    track: list[object] = mido.MidiTrack([mido.MetaMessage("text", text=text) for text in texts])
    now = 0
    for tick, message in sorted(changes, key=lambda change: change[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end - now, 0)))
    return track
