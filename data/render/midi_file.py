"""MIDI files as other programs like them: fine ticks, a key signature, a track for each hand of a
piano."""

from __future__ import annotations

from collections.abc import Sequence

from ugen.data.analysis.hands import left_hand
from ugen.data.analysis.key import key_of, signature_name
from ugen.data.midi.writer import midi_bytes
from ugen.data.score import Score

TICKS_PER_BEAT = 480  # the grid of the beats codec divides it


def file_bytes(
    score: Score,
    *,
    texts: Sequence[str] = (),
    pad_ticks: int = 0,
    key: tuple[int, bool] | None = None,
) -> bytes:
    """The score as a MIDI file; read back, it has the same notes. `key`: None for the likeliest.
    Other arguments as for `midi_bytes`."""
    finer = score.at(TICKS_PER_BEAT)
    pad_ticks *= finer.ticks_per_beat // score.ticks_per_beat
    is_piano = not (score.notes["program"].any() or score.notes["drum"].any())
    left = left_hand(finer) if is_piano else None
    name = signature_name(key_of(score) if key is None else key)
    return midi_bytes(finer, texts=texts, pad_ticks=pad_ticks, key=name, left=left)
