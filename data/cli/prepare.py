"""Preparing a folder as ugen-data and train-ugen do it: settings from flags, a progress bar, a
summary."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import typer
from ugen.data.codecs.registry import make_codec
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.errors import UgenError

from .progress import progress_bar


def corpus_settings(
    codec: str,
    arrangement: str,
    *,
    ticks: int | None = None,
    fold: bool = False,
    valid: float = 0.1,
    test: float = 0.0,
    sustain: bool = False,
) -> Settings:
    """Settings from what the flags say. Raises UgenError that names flags which do not go
    together."""
    if fold and codec != "frames":
        raise UgenError(f"--fold: goes with --codec frames, not {codec}")
    if ticks is not None and codec not in ("frames", "khot"):
        raise UgenError(f"--ticks {ticks}: goes with --codec frames or khot, not {codec}")
    if codec != "beats" and arrangement != "piano":
        raise UgenError(f"--codec {codec} holds no programs or drums: it goes with --arrange piano")
    step = {} if ticks is None else {"ticks": ticks}
    options: dict[str, dict[str, object]] = {
        "beats": {"band": arrangement == "band"},
        "frames": {**step, "fold": fold},
        "khot": {**step},
    }
    return Settings(make_codec(codec, **options.get(codec, {})), arrangement, valid, test, sustain)


def prepare_folder(
    folder: Path, output: Path, settings: Settings, workers: int | None = None
) -> Corpus:
    """Prepare a corpus with a progress bar, and say what was kept and what was not."""
    try:
        with progress_bar("reading", 1.0) as advance_to:
            corpus = prepare(
                folder,
                output,
                settings,
                workers or os.cpu_count() or 1,
                lambda n, total: advance_to(n / total),
            )
    except KeyboardInterrupt:
        typer.echo("stopped. The same command goes on where this one was", err=True)
        raise typer.Exit(130) from None
    _summary(corpus)
    return corpus


def _summary(corpus: Corpus) -> None:
    kept = [row for row in corpus.rows if row.status == "kept"]
    splits = Counter(row.split for row in kept)
    lost, notes = sum(row.lost for row in kept), sum(row.notes for row in kept)
    typer.echo(
        f"{corpus.path}: {len(kept)} of {len(corpus.rows)} files kept "
        f"({', '.join(f'{n} {split}' for split, n in splits.items())}), "
        f"{notes:,} notes in {sum(row.tokens for row in kept):,} tokens, {lost:,} notes lost to the grid"
    )
    reasons = Counter(row.reason.split(" as ")[0] for row in corpus.rows if row.status == "dropped")
    for reason, count in reasons.most_common(5):
        typer.echo(f"  left out {count}: {reason}")
    mended = sum(bool(row.warnings) for row in kept)
    if mended:
        typer.echo(f"  {mended} damaged files were mended; the manifest says how")
