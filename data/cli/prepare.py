"""Preparing a folder as ugen-data and train-ugen do it: settings from flags, a progress bar, a
summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from ugen.data.arrangement import ARRANGEMENTS
from ugen.data.codecs.base import Codec
from ugen.data.codecs.registry import CODECS, all_codecs, make_codec
from ugen.data.corpus.auto_codec import has_beats
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.corpus.report import without_beats
from ugen.data.errors import UgenError
from ugen.data.processors import usable_processors
from ugen.data.settings import setting
from ugen.data.text import count, printable

from .progress import progress_bar
from .terminal import say

_MOST_LABELS = 8  # that the summary names


@dataclass(frozen=True)
class CodecChoice:
    """How a score becomes tokens: the codec by name, its options (each codec takes those that its
    constructor has), and the arrangement."""

    PANEL: ClassVar[str] = "Preparing a folder"

    codec: str = setting(
        "auto",
        f"How music becomes tokens: {all_codecs()}; auto takes events for music without a beat "
        "grid, else beats.",
        choices=("auto", *CODECS),
    )
    ticks: int | None = setting(
        None,
        "frames, khot: length of a step, in 1/480 beat at 120 bpm.",
        default_text="25",
        minimum=1,
        maximum=1920,
    )
    fold: bool = setting(False, "frames: one token for a step and its repetitions.")
    arrangement: str = setting(
        "piano",
        "piano merges pitched tracks; band keeps programs and drums.",
        flag="--arrange",
        choices=ARRANGEMENTS,
    )

    def make(self, has_beats: Callable[[], bool]) -> Codec:
        """The codec. `has_beats`: whether the music has a beat grid, which `auto` asks. Raises
        UgenError for options, or an arrangement, that it has no use for."""
        name = self.codec
        if name == "auto":
            grid_needed = self.arrangement == "band" or self.ticks or self.fold
            name = "beats" if grid_needed or has_beats() else "events"
        usual = make_codec(name).options()
        given = {"ticks": self.ticks, "fold": self.fold or None}
        options = {name: value for name, value in given.items() if value is not None}
        for option, value in options.items():
            if option not in usual:
                fitting = [each for each, cls in CODECS.items() if option in cls().options()]
                problem = f"goes with --codec {' or '.join(fitting)}, not {self.codec}"
                shown = None if value is True else value
                raise UgenError(problem, flag=f"--{option}", value=shown)
        if "band" in usual:
            options["band"] = self.arrangement == "band"
        elif self.arrangement != "piano":
            problem = f"keeps programs and drums, which --codec {self.codec} cannot hold"
            raise UgenError(problem, flag="--arrange", value=self.arrangement)
        return make_codec(name, **options)


def corpus_settings(folder: Path, **given: Any) -> Settings:
    """Settings for a corpus of a folder, from fields of CodecChoice and of Settings. Raises
    UgenError that names flags which do not go together."""
    names = {each.name for each in fields(CodecChoice)} & set(given)
    choice = CodecChoice(**{name: given.pop(name) for name in names})
    return Settings(choice.make(lambda: has_beats(folder)), choice.arrangement, **given)


def prepare_folder(
    folder: Path, output: Path, settings: Settings, workers: int | None = None
) -> Corpus:
    """Prepare a corpus with a progress bar, and say what was kept and what was not."""
    if workers is not None and workers < 1:
        raise UgenError("must be 1 or more", flag="--workers", value=workers)
    try:
        with progress_bar("reading", 1.0) as advance_to:
            corpus = prepare(
                folder,
                output,
                settings,
                workers or usable_processors(),
                lambda n, total: advance_to(n / total),
            )
    except KeyboardInterrupt as error:
        error.args = ("stopped; the same command continues where this one was",)
        raise
    _summary(corpus)
    return corpus


def _summary(corpus: Corpus) -> None:
    kept = [row for row in corpus.rows if row.status == "kept"]
    splits = Counter(row.split for row in kept)
    lost, notes = sum(row.lost for row in kept), sum(row.notes for row in kept)
    say(
        f"{printable(str(corpus.path))}: {len(kept)} of {count(len(corpus.rows), 'file')} kept "
        f"({', '.join(f'{n} {split}' for split, n in splits.items())}), "
        f"{notes:,} notes in {len(corpus.tokens):,} tokens"
        + (f"; {count(lost, 'note')} did not fit the timing grid" if lost else "")
    )
    dropped = [row for row in corpus.rows if row.status == "dropped"]
    for code, files in Counter(row.code for row in dropped).most_common():
        first = next(row for row in dropped if row.code == code)
        such_as = printable(f"{first.file} ({first.reason})")
        say(f"  dropped {files}, {code.replace('_', ' ')}, such as {such_as}")
    if repaired := sum(bool(row.warnings) for row in kept):
        say(f"  {count(repaired, 'damaged file')} repaired; the manifest says how")
    if late := sum(row.silence_cut > 0 for row in kept):
        say(f"  silence before the first note cut in {count(late, 'file')}")
    labels = Counter(row.label for row in kept if row.label)
    if len(labels) > 1:
        named = ", ".join(f"{name} ({n})" for name, n in labels.most_common(_MOST_LABELS))
        more = f" and {len(labels) - _MOST_LABELS} more" if len(labels) > _MOST_LABELS else ""
        say(f"  labels, for ugen-run --like: {named}{more}")
    if words := without_beats(kept, corpus.codec.name):
        say(f"  {words}")
