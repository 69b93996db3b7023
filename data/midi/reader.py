"""Read Standard MIDI Files: formats 0, 1 and 2, beats or SMPTE time, RIFF wrappers, and most
damage.

The rules, where files in the wild leave room:

- A track that turns to nonsense keeps the notes read up to there. Where a length leads to no chunk,
  the next track is searched for. `Score.warnings` says what was wrong.
- A velocity over 127 is 127; a note of a pitch over 127 is left out. Only another status byte of a
  channel changes the running status. The events after an End of Track count, up to the track's
  length.
- A note-off ends the oldest sounding note of its port, channel and pitch in its own track; where
  note-offs are missing, see `ugen.data.midi.pairing`. Controllers 120 and 123 end all notes of a
  channel. Notes never ended end with the music. A note of no length gets one tick. A note-on of
  velocity 0 is a note-off.
- The sustain pedal (controller 64) is left alone unless asked for: with `sustain`, a note that ends
  while the pedal is down sounds until it is lifted or the note is struck again.
- A note has the program that its track last named for the channel; where it has named none, that of
  the port's channel (meta event 0x21), whichever track named it. Which channels are drums:
  `ugen.data.midi.drums`.
- Tracks beyond the number that the header names are left out, as players do, with a warning.
- Tracks of format 2 are independent patterns: they are laid end to end.
- SMPTE time has no beats: a beat is taken to be half a second.

Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0 (MMA, 1996). Files are
written with mido, and not read with it: it refuses valid files (an unknown chunk before the first
track), gives no byte offsets, and takes eight times as long on the bundled music.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import MidiError
from ugen.data.score import NOTE, SOUNDING, TEMPO, Score, note_order

from .drums import drum_changes
from .events import track_names
from .messages import DRUM_CHANNEL
from .smf import MAX_BYTES, Header, TrackSpan, read_file, read_header
from .sustain import sustained_ends
from .table import blocks, by_channel
from .track_reader import LOW, UNNAMED, Events, TrackReader

_LONGEST_HANGING = 4  # beats that a note lasts which never ends, with no note after it
_MOST_WARNINGS = 12


def read_midi(
    source: str | Path | bytes, name: str | None = None, *, sustain: bool = False
) -> Score:
    """Read a MIDI file, given by its path or its bytes. `name` stands for the bytes in messages.

    `sustain`: fold the sustain pedal into the ends of notes.

    Raises MidiError when the file cannot be opened or is no MIDI file.
    """
    music = _read(source, name)
    return music.score(music.notes(sustain))


def read_tracks(source: str | Path | bytes, name: str | None = None) -> Tracks:
    """The same, and where each note comes from."""
    data = source if isinstance(source, bytes) else read_file(Path(source))
    name = name or ("<bytes>" if isinstance(source, bytes) else str(source))
    music = _read(data, name)
    track = music.tracks()
    notes = music.notes()
    score = music.score(notes)
    return Tracks(score, track[note_order(notes)], track_names(data, name))


class Tracks(NamedTuple):
    """A score, the track of each of its notes, from 1 on, and the names of the tracks, empty where
    the file names none."""

    score: Score
    track: NDArray[np.int64]
    names: tuple[str, ...]


def _read(source: str | Path | bytes, name: str | None) -> _Music:
    if isinstance(source, bytes):
        name, data = name or "<bytes>", source
    else:
        name, data = name or str(source), read_file(Path(source))
    if len(data) > MAX_BYTES:
        raise MidiError(name, f"more than {MAX_BYTES >> 20} MiB are too large for a MIDI file")
    header = read_header(data, name)
    music = _Music(header)
    for number, span in enumerate(header.tracks, 1):
        music.read(number, data, span)
    return music


class _Music:
    """A file's tracks, put together. `ends`: the ticks where they end; `firsts`: the first note of
    each."""

    def __init__(self, header: Header):
        self._header = header
        self._events = Events()
        self._warnings = list(header.warnings)
        self._ends = array("q")
        self._firsts = array("q")

    def read(self, number: int, data: bytes, span: TrackSpan) -> None:
        """Read the next track."""
        start = self._ends[-1] if self._ends and self._header.format == 2 else 0
        self._firsts.append(len(self._events.notes))
        reader = TrackReader(data, span, start, self._events)
        reader.read()
        self._ends.append(reader.end)
        for what, times in reader.warnings.items():
            often = f" ({times:,} times)" if times > 1 else ""
            self._warnings.append(f"track {number}: {what}{often}")

    def tracks(self) -> NDArray[np.int64]:
        """The track of each note, from 1 on."""
        places = np.arange(len(self._events.notes))
        return np.searchsorted(self._firsts, places, side="right")

    def notes(self, sustain: bool = False) -> NDArray[np.void]:
        """The notes, track by track. Can be called once, for it takes the events apart to save
        memory."""
        rows = self._events.notes.rows()
        self._end_with_music(rows)
        if sustain:
            self._sustain(rows)
        del rows
        return self._notes()

    def score(self, notes: NDArray[np.void]) -> Score:
        """All of the music."""
        events, header = self._events, self._header
        tempos, meters = events.tempos.rows(), events.meters.rows()
        if header.usec:
            tempos, meters = np.array([(0, header.usec)], TEMPO), meters[:0]
        return Score.build(notes, header.ticks_per_beat, tempos, meters, self._said())

    def _end_with_music(self, notes: NDArray[np.void]) -> None:
        """End the notes that have no end."""
        if not (notes["end"] == SOUNDING).any():
            return
        last, ends = np.zeros(len(self._ends), np.int64), np.array(self._ends)
        for rows, track in self._by_track(notes):
            np.maximum.at(last, track, np.maximum(rows["onset"], rows["end"]))
        if self._header.format != 2:
            last[:] = last.max()
        for rows, track in self._by_track(notes):
            longest = rows["onset"] + _LONGEST_HANGING * self._header.ticks_per_beat
            until = np.where(rows["onset"] < last[track], last[track], longest)
            end = np.minimum(until, ends[track])
            rows["end"] = np.where(rows["end"] == SOUNDING, end, rows["end"])

    def _sustain(self, notes: NDArray[np.void]) -> None:
        """Fold the sustain pedal into the ends of notes."""
        starts = np.array([span.start for span in self._header.tracks], np.uint32)
        for rows, track in self._by_track(notes):
            rows["finish"] += starts[track]
        pedals = by_channel(self._events.pedals.rows())
        onset, end, place, key = (notes[field] for field in ("onset", "end", "finish", "key"))
        notes["end"] = sustained_ends(onset, end, place, key, pedals)

    def _by_track(
        self, notes: NDArray[np.void]
    ) -> Iterator[tuple[NDArray[np.void], NDArray[np.int64]]]:
        """Some notes at a time, and the number of each one's track, from 0 on."""
        for block in blocks(len(notes)):
            rows = notes[block]
            places = np.arange(block.start, block.start + len(rows))
            yield rows, np.searchsorted(self._firsts, places, side="right") - 1

    def _notes(self) -> NDArray[np.void]:
        """The notes as a score has them. The events go half by half as the notes come."""
        events, table = self._events, self._events.notes
        is_unnamed = (table.rows()["sound"] >> LOW == UNNAMED).any()
        programs = by_channel(events.programs.rows()) if is_unnamed else {}
        drums = drum_changes(events.drums.rows())
        notes = np.zeros(len(table), NOTE)
        for first in (len(notes) // 2, 0):
            for block in blocks(len(table) - first):
                rows, made = table.rows(first)[block], notes[first : len(table)][block]
                made["onset"] = rows["onset"]
                made["end"] = np.maximum(rows["end"], rows["onset"] + 1)
                made["pitch"] = rows["key"] & 127
                made["velocity"] = rows["sound"] & 127
                made["program"] = _programs(rows, programs)
                made["drum"] = _drums(rows, drums)
                # ticks of SMPTE time are half as long, so that a beat is half a second
                for field in ("onset", "end") if self._header.usec else ():
                    made[field] *= 2
                del rows
            del table.data[first * table.dtype.itemsize :]
        return notes

    def _said(self) -> Iterator[str]:
        """What was wrong, each kind once, and no more than a person reads."""
        yield from self._warnings[:_MOST_WARNINGS]
        if len(self._warnings) > _MOST_WARNINGS:
            yield f"and {len(self._warnings) - _MOST_WARNINGS:,} more"


def _programs(notes: NDArray[np.void], changes: dict[int, NDArray[np.void]]) -> NDArray[Any]:
    """Each note's program: its track's, or else the one in force on its channel at its onset; 0
    before the first change."""
    programs: NDArray[Any] = notes["sound"] >> LOW
    channels = notes["key"] >> LOW
    unnamed = programs == UNNAMED
    programs[unnamed] = 0
    for channel in changes.keys() & set(np.unique(channels[unnamed]).tolist()):
        mine = np.flatnonzero(unnamed & (channels == channel))
        rows = changes[channel]
        programs[mine] = _in_force(rows["tick"], rows["program"], notes["onset"][mine], 0)
    return programs


def _drums(
    notes: NDArray[np.void], changes: dict[int, tuple[NDArray[np.int64], NDArray[np.bool_]]]
) -> NDArray[np.bool_]:
    """Which notes are drums."""
    channels = notes["key"] >> LOW
    drums: NDArray[np.bool_] = channels & 15 == DRUM_CHANNEL
    for channel in changes.keys() & set(np.unique(channels).tolist()):
        mine = np.flatnonzero(channels == channel)
        drums[mine] = _in_force(*changes[channel], notes["onset"][mine], drums[mine])
    return drums


def _in_force(
    ticks: NDArray[np.int64],
    values: NDArray[Any],
    at: NDArray[np.int64],
    before: NDArray[Any] | int,
) -> NDArray[Any]:
    """The values that changes at `ticks` have set by each time; `before` where there is none."""
    index = np.searchsorted(ticks, at, side="right") - 1
    return np.where(index >= 0, values[np.maximum(index, 0)], before)
