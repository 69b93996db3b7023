"""config.json: what a run is, what it learns from, and what it has to beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ugen.data import ARRANGEMENTS, Codec, UgenError, codec_from_json
from ugen.data.analysis.scores import Baseline
from ugen.data.analysis.wishes import Known
from ugen.data.corpus.corpus import Corpus
from ugen.data.files import read_json, write_json
from ugen.data.json_values import from_json, to_json
from ugen.data.text import line
from ugen.train.config import ModelConfig, TrainConfig

FORMAT = 1
CONFIG_FILE = "config.json"
NOTABLE = 0.1  # of pieces that are known: more is no accident


@dataclass(frozen=True)
class Music:
    """The corpus that a run learns from. The numbers are of its training pieces. `known`: what
    these say of each wish. `ensembles`: the instruments of each, of a band. `pitch_classes`: their
    notes by mode and pitch class, from the tonic up. `keys`: how many are in each key, in runs from
    before."""

    path: str
    hash: str
    arrangement: str
    pieces: int
    notes: int
    seconds: float
    tokens: int
    keys: dict[str, int] = field(default_factory=dict)
    known: tuple[Known, ...] = ()
    ensembles: tuple[tuple[int, ...], ...] = ()
    pitch_classes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, corpus: Corpus) -> Music:
        """What is said of a corpus."""
        rows = corpus.pieces("train")
        return cls(
            path=str(corpus.path.resolve()),
            hash=corpus.hash,
            arrangement=corpus.arrangement,
            pieces=len(rows),
            notes=sum(row.notes for row in rows),
            seconds=round(sum(row.seconds for row in rows), 1),
            tokens=sum(row.tokens for row in rows),
            known=corpus.known,
            ensembles=corpus.ensembles,
            pitch_classes=corpus.pitch_classes,
        )

    def __post_init__(self) -> None:
        if min(self.pieces, self.notes, self.seconds, self.tokens, *self.keys.values()) < 0:
            raise UgenError("a number below 0")
        if self.arrangement not in ARRANGEMENTS:
            raise UgenError(f"arrangement {line(self.arrangement)} is unknown")


@dataclass(frozen=True)
class FirstModel:
    """The model that a run began with. `known`: the fraction of the held-out pieces that it had
    learned from; None where its file cannot tell. `licence`: of the music that it learned from."""

    name: str
    known: float | None = None
    licence: str = ""

    def __post_init__(self) -> None:
        if not 0 <= (self.known or 0) <= 1:
            raise UgenError("known is no fraction")

    @property
    def knew(self) -> bool:
        """Whether it had learned from so much of the held-out music that scores on it are none on
        held-out music."""
        return self.known is not None and self.known > NOTABLE


@dataclass(frozen=True)
class RunConfig:
    """What config.json holds. `measures`: mean and standard deviation of the measures of its
    music."""

    model: ModelConfig
    training: TrainConfig
    corpus: Music
    baselines: dict[str, Baseline]
    codec: Codec = field(metadata={"from_json": codec_from_json, "to_json": Codec.to_json})
    version: str = "unknown"
    warnings: tuple[str, ...] = ()
    first_model: FirstModel | None = None
    measures: dict[str, tuple[float, float]] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        model, codec = self.model, self.codec
        if (model.input, model.vocabulary) != (codec.input, codec.vocabulary):
            raise UgenError("model does not fit its codec: input or vocabulary")

    @property
    def knew(self) -> bool:
        """Whether the first model knew the held-out music."""
        return self.first_model is not None and self.first_model.knew

    @property
    def evaluated_on(self) -> str:
        """What the pieces are called that a run is evaluated on."""
        return "known to first model" if self.knew else "held-out pieces"

    def write(self, run: Path) -> None:
        """Write a run's config.json."""
        write_json(run / CONFIG_FILE, to_json(self))


def read_config(run: Path) -> RunConfig:
    """A run's config.json. Raises UgenError when it is none."""
    path = run / CONFIG_FILE
    if not path.is_file():
        raise UgenError(f"not a training run (no {CONFIG_FILE} in it)", path=run)
    value = read_json(path)
    if isinstance(value, dict) and value.get("format", FORMAT) != FORMAT:
        reason = f"checkpoint format {line(value['format'])}; this ugen reads format {FORMAT}"
        raise UgenError(reason, path=run)
    try:
        return from_json(RunConfig, value)
    except ValueError as error:
        raise UgenError(str(error), path=path) from None
