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

from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import NOTE, SOUNDING, Score
from ugen.data.text import count

from .drums import drum_changes
from .messages import DRUM_CHANNEL
from .smf import Header, read_file, read_header
from .sustain import pedals_by_channel, sustained_ends
from .track_reader import (
    CHANNEL,
    NOTE_COLUMNS,
    TRACK,
    UNNAMED,
    NoteEvents,
    TrackContent,
    TrackReader,
)

_ONSET, _END, _KEY, _SOUND, _, _PLACE = range(NOTE_COLUMNS)
_LONGEST_HANGING = 4  # beats that a note lasts which never ends, with no note after it
_MOST_WARNINGS = 12


def read_midi(
    source: str | Path | bytes, name: str | None = None, *, sustain: bool = False
) -> Score:
    """Read a MIDI file, given by its path or its bytes. `name` stands for the bytes in messages.

    `sustain`: fold the sustain pedal into the ends of notes.

    Raises MidiError when the file cannot be opened or is no MIDI file.
    """
    if isinstance(source, bytes):
        name, data = name or "<bytes>", source
    else:
        name, data = name or str(source), read_file(Path(source))
    header = read_header(data, name)
    events, tracks = NoteEvents(), []
    for number, span in enumerate(header.tracks):
        reader = TrackReader(data, span, number, events)
        reader.read()
        tracks.append(reader.track)
    return _to_score(header, tracks, events, sustain)


def _to_score(
    header: Header, tracks: list[TrackContent], events: NoteEvents, sustain: bool
) -> Score:
    starts = [0] * len(tracks)
    if header.format == 2:
        starts = list(accumulate((track.end for track in tracks), initial=0))[: len(tracks)]
    columns = _columns(header, tracks, events, starts)
    timed = list(zip(tracks, starts, strict=True))
    if sustain:
        pedals = pedals_by_channel(
            (channel, start + tick, place, down)
            for track, start in timed
            for channel, tick, place, down in track.pedals
        )
        onset, end, place, key = columns[:, [_ONSET, _END, _PLACE, _KEY]].T
        columns[:, _END] = sustained_ends(onset, end, place, key, pedals)
    # ticks of SMPTE time are half as long, so that a beat is half a second
    scale = 2 if header.usec else 1
    notes = np.zeros(len(columns), NOTE)
    notes["onset"] = columns[:, _ONSET] * scale
    notes["end"] = np.maximum(columns[:, _END], columns[:, _ONSET] + 1) * scale
    notes["pitch"] = columns[:, _KEY] & 127
    notes["velocity"] = columns[:, _SOUND] & 127
    notes["program"] = _programs(columns, timed)
    notes["drum"] = _drums(columns, timed)
    tempos = [(start + tick, usec) for track, start in timed for tick, usec in track.tempos]
    meters = [(start + tick, n, d) for track, start in timed for tick, n, d in track.meters]
    if header.usec:
        tempos, meters = [(0, header.usec)], []
    return Score.build(notes, header.ticks_per_beat, tempos, meters, _warnings(header, tracks))


def _columns(
    header: Header, tracks: list[TrackContent], events: NoteEvents, starts: list[int]
) -> NDArray[np.int64]:
    """The notes of all tracks, int64 [n, NOTE_COLUMNS], all with an end. Keys have no track;
    positions are bytes of the file."""
    columns = events.notes()
    number = columns[:, _KEY] >> TRACK
    if len(hanging := np.flatnonzero(columns[:, _END] == SOUNDING)):
        for track, times in zip(*np.unique(number[hanging], return_counts=True), strict=True):
            what = f"{count(int(times), 'note')} without an end"
            tracks[track].warnings[f"{what}; ended when struck again, or with the music"] += 1
        events.pair_again(columns)
        _end_with_music(columns, number, header, np.array([track.end for track in tracks]))
    columns[:, _KEY] &= (1 << TRACK) - 1
    if len(columns):
        columns[:, [_ONSET, _END]] += np.array(starts)[number, None]
        columns[:, _PLACE] += np.array([span.start for span in header.tracks])[number]
    return columns


def _end_with_music(
    columns: NDArray[np.int64], number: NDArray[np.int64], header: Header, ends: NDArray[np.int64]
) -> None:
    """End the notes that have no end. `number`: that of each note's track; `ends`: of tracks."""
    hanging = np.flatnonzero(columns[:, _END] == SOUNDING)
    last = np.zeros(len(ends), np.int64)
    np.maximum.at(last, number, columns[:, [_ONSET, _END]].max(axis=1))
    if header.format != 2:
        last[:] = last.max()
    onset, of_music = columns[hanging, _ONSET], last[number[hanging]]
    longest = onset + _LONGEST_HANGING * header.ticks_per_beat
    until = np.where(onset < of_music, of_music, longest)
    columns[hanging, _END] = np.minimum(until, ends[number[hanging]])


Timed = list[tuple[TrackContent, int]]  # tracks, and where they start


def _programs(columns: NDArray[np.int64], timed: Timed) -> NDArray[np.int64]:
    """Each note's program: its track's, or else the one in force on its channel at its onset; 0
    before the first change."""
    programs = columns[:, _SOUND] >> 7
    unnamed = np.flatnonzero(programs == UNNAMED)
    programs[unnamed] = 0
    changes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for track, start in timed:
        for channel, tick, program in track.programs:
            changes[channel].append((start + tick, program))
    for channel, rows in changes.items() if len(unnamed) else ():
        rows.sort(key=lambda row: row[0])
        ticks, values = np.array(rows).T
        mine = unnamed[columns[unnamed, _KEY] >> CHANNEL == channel >> CHANNEL]
        index = np.searchsorted(ticks, columns[mine, _ONSET], side="right") - 1
        programs[mine] = np.where(index >= 0, values[np.maximum(index, 0)], 0)
    return programs


def _drums(columns: NDArray[np.int64], timed: Timed) -> NDArray[np.bool_]:
    """Which notes are drums."""
    drums = np.asarray(columns[:, _KEY] >> CHANNEL & 15 == DRUM_CHANNEL)
    events = (e._replace(tick=start + e.tick) for track, start in timed for e in track.drums)
    for channel, (ticks, flags) in drum_changes(events).items():
        mine = np.flatnonzero(columns[:, _KEY] >> CHANNEL == channel >> CHANNEL)
        index = np.searchsorted(ticks, columns[mine, _ONSET], side="right") - 1
        drums[mine] = np.where(index >= 0, flags[np.maximum(index, 0)], drums[mine])
    return drums


def _warnings(header: Header, tracks: list[TrackContent]) -> Iterator[str]:
    """What was wrong, each kind once, and no more than a person reads."""
    found = list(header.warnings)
    for number, track in enumerate(tracks, 1):
        for what, times in track.warnings.items():
            found.append(f"track {number}: {what}" + (f" ({times:,} times)" if times > 1 else ""))
    yield from found[:_MOST_WARNINGS]
    if len(found) > _MOST_WARNINGS:
        yield f"and {len(found) - _MOST_WARNINGS:,} more"
