"""What ugen-score is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ugen.data.settings import setting


@dataclass(frozen=True)
class ScoreSettings:
    """How music is scored."""

    songs: int = setting(8, "Songs to make and measure beside the music.", minimum=0, maximum=1000)
    sustain: bool = setting(
        False, "Fold the sustain pedal into the ends of notes, if the model's corpus did."
    )
    threads: int = setting(1, "Processor threads for the model.", minimum=1, maximum=256)
