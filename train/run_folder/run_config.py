"""config.json: what a run is, what it learns from, and what it has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ugen.data.analysis.scores import Baseline
from ugen.data.corpus.corpus import Corpus
from ugen.data.json_values import to_json
from ugen.train.config import ModelConfig, TrainConfig

from .checkpoint import FORMAT


def run_config(
    corpus: Corpus,
    model: ModelConfig,
    training: TrainConfig,
    *,
    version: str,
    warnings: Sequence[str],
    baselines: Mapping[str, Baseline],
) -> dict[str, Any]:
    """config.json of a new run."""
    rows = corpus.pieces("train")
    return {
        "format": FORMAT,
        "version": version,
        "model": to_json(model),
        "training": to_json(training),
        "corpus": {
            "path": str(corpus.path.resolve()),
            "hash": corpus.hash,
            "arrangement": corpus.arrangement,
            "pieces": len(rows),
            "notes": sum(row.notes for row in rows),
            "seconds": round(sum(row.seconds for row in rows), 1),
            "tokens": sum(row.tokens for row in rows),
        },
        "warnings": list(warnings),
        "baselines": to_json(dict(baselines)),
        "codec": corpus.codec.to_json(),
    }
