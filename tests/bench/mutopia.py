"""What a peer makes of the same music in the same time: MidiTok's TSD tokens and a plain LSTM,
beside ugen.

    pip install miditok -c constraints.txt
    python tests/bench/mutopia.py FOLDER PAGE --minutes 60

FOLDER holds the piano music of the Mutopia project. Held out are the files whose sha256, read as an
integer, is divisible by 10; the others are learned. Both learn for the same minutes, one after the
other, in ugen's Trainer, evaluations included. Ours is the `beats` codec with the default model and
training. The peer is MidiTok's TSD: one stream, 12 positions per beat up to 12 beats, 32
velocities, no tempos, and program 0 before each note. Its model is a plain LSTM of 3 x 320, with
the rate and dropout of ugen's preset of three plain layers and our defaults otherwise. Its music is
transposed and its velocities vary as ours do, unless --plain-peer is given. Notes are those that
the tokens hold, counted by each codec; seconds are those of our manifest, the same for both. ugen's
tokens hold more: bars, meters, tempos and the end of a piece, whose nats count; here TSD has none
of these. Figures are those of the best evaluation, whose weights a run keeps. The curve has the
latest evaluation by each time; a run that ended early keeps its last. The published peer had
another schedule and is not bound to the same time.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from machine import how, machine, markdown
from numpy.typing import NDArray
from ugen.data import Score, make_codec
from ugen.data.codecs.base import Codec, Cursor, Encoded
from ugen.data.codecs.columns import Column
from ugen.data.corpus.corpus import Corpus, write_corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.data.midi.smf import MIDI_SUFFIXES
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.learning.trainer import Trainer
from ugen.train.progress import Progress

HELD_OUT = 10  # one file in so many, by its hash
PEER = {"layers": 3, "hidden": 320}
# of the preset lstm-3x300: the default's rate is for one layer
PEER_DROPOUT = 0.3
PEER_RATE = 3e-3
# of another run of the peer
PUBLISHED = {
    "vocabulary": "515",
    "tokens seen": "7,800,000",
    "best evaluation, after tokens": "7,800,000",
    "tokens per note": "4.5",
    "**nats per note**": "7.36",
    "**nats per second**": "53.0",
}
TIMES = 12  # rows of the curve


class TsdCodec(Codec):
    """MidiTok's vocabulary where the Trainer wants a codec. Its pieces come encoded, and none is
    played.

    Pitches and velocities are named as ugen names them, so that music is varied for the peer as it
    is for us.
    """

    name = "tsd"
    pitch_kinds = ("pitch",)

    def __init__(self, vocabulary: dict[str, int]):
        names = sorted(vocabulary, key=vocabulary.__getitem__)
        ours = {"Pitch": "pitch:", "Velocity": "velocity:"}
        pairs = [name.split("_", 1) for name in names]
        self.events = tuple(
            ours[kind] + value if kind in ours else f"{kind}_{value}" for kind, value in pairs
        )
        self.start, self.end = vocabulary["BOS_None"], None
        self.is_time = np.array([kind == "TimeShift" for kind, _ in pairs])

    @property
    def columns(self) -> tuple[Column, ...]:
        return ()

    def options(self) -> dict[str, Any]:
        return {}

    def encode(self, score: Score) -> Encoded:
        raise NotImplementedError

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        raise NotImplementedError

    def cursor(self, *given: Any, **named: Any) -> Cursor:
        raise NotImplementedError


def our_corpus(folder: Path, out: Path) -> tuple[Corpus, list[str]]:
    """The folder prepared and split by the hashes of its files, and what to say of the
    files."""
    prepared = prepare(folder, out / "prepared", Settings(make_codec("beats"), valid=0.1))
    rows = [row for row in prepared.rows if row.file.lower().endswith(MIDI_SUFFIXES)]
    kept = [replace(row, split=split_of(row.sha256)) for row in rows if row.status == "kept"]
    held_out = [row for row in kept if row.split == "valid"]
    if len(held_out) in (0, len(kept)):
        raise SystemExit(
            f"{folder}: {len(held_out)} of {len(kept)} files are held out; both kinds are needed"
        )
    learned = {row.family for row in kept if row.split == "train"}
    known = sum(row.family in learned for row in held_out)
    dropped = [f"- `{row.file}`: {row.reason}" for row in rows if row.status == "dropped"]
    about = (
        f"Files: {len(rows)}, kept {len(kept)}, of these held out {len(held_out)}, dropped "
        f"{len(dropped)}. Held-out pieces of which another version is learned: {known}."
    )
    corpus = write_corpus(
        out / "corpus", prepared.codec, ((row, prepared.piece(row)) for row in kept)
    )
    return corpus, [about, *([""] if dropped else []), *dropped]


def split_of(sha256: str) -> str:
    """The split that the hash of a file's bytes gives."""
    return "valid" if int(sha256, 16) % HELD_OUT == 0 else "train"


def peer_corpus(folder: Path, ours: Corpus) -> Corpus:
    """The same files and splits in MidiTok's tokens; never on disk, since no codec of ugen's could
    open it."""
    import miditok  # late: only this function needs them
    import symusic

    config = miditok.TokenizerConfig(
        pitch_range=(0, 127),
        beat_res={(0, 12): 12},
        num_velocities=32,
        use_programs=True,
        programs=[0],
        one_token_stream_for_programs=True,
        use_tempos=False,
        use_time_signatures=False,
    )
    tokenizer = miditok.TSD(config)
    codec, pieces, rows, at = TsdCodec(tokenizer.vocab), [], [], 0
    for row in ours.rows:
        score = symusic.Score(str(folder / row.file))
        for track in score.tracks:
            track.program = 0
        pieces.append(np.array(tokenizer.encode(score).ids, np.uint16))
        notes = int((codec.pitches()[pieces[-1]] >= 0).sum())
        rows.append(replace(row, notes=notes, tokens=len(pieces[-1]), offset=at))
        at += len(pieces[-1])
    tokens = np.concatenate(pieces)
    return Corpus(
        ours.path,
        codec,
        ours.arrangement,
        tuple(rows),
        tokens,
        hashlib.sha256(tokens.tobytes()).hexdigest(),
    )


@dataclass
class Speaker:
    """Prints a run's evaluations to stderr as they come: a run is long."""

    name: str

    def on_update(self, progress: Progress) -> None:
        """Nothing: evaluations come often enough."""

    def on_evaluation(self, progress: Progress) -> None:
        """One line."""
        print(
            f"{self.name}: {progress.elapsed / 60:.1f} minutes, {progress.tokens:,} tokens, "
            f"{progress.history[-1]['nats_per_note']:.2f} nats per note",
            file=sys.stderr,
            flush=True,
        )


class Run:
    """A corpus learned, and what came of it."""

    def __init__(
        self, name: str, corpus: Corpus, model: dict[str, float], config: TrainConfig, path: Path
    ):
        shape = ModelConfig(corpus.codec.vocabulary, columns=corpus.codec.columns, **model)
        self.name = f"{name}, {shape.layers} x {shape.hidden}"
        self.trainer = Trainer.begin(path, corpus, shape, config, torch.device("cpu"), "bench")
        self.ended = self.trainer.run([Speaker(self.name)])
        self.history = self.trainer.progress.history
        self.best = min(self.history, key=lambda row: row["nats_per_token"])
        self.heldout = self.trainer.heldout

    def options(self) -> str:
        """How it was trained, and why it ended."""
        config, shape = self.trainer.config, self.trainer.model.config
        transposed = "yes" if config.transpose else "no"
        return (
            f"- {self.name}: embedding {shape.embedding}, dropout {shape.dropout}, batch "
            f"{config.batch}, bptt length {config.bptt_length}, rate {config.lr}, transposed: "
            f"{transposed}, velocities varied by up to {config.velocity_jitter}, tempos by up to "
            f"{config.tempo_jitter:.0%}; ended because {self.ended}."
        )

    def figures(self) -> dict[str, str]:
        """The run's column of the table."""
        heldout, best, last = self.heldout, self.best, self.history[-1]
        per_note = heldout.tokens / heldout.notes
        counted = self.trainer.baselines["5-gram"].nats_per_token * per_note
        return {
            "weights": f"{self.trainer.model.parameters_count():,}",
            "vocabulary": f"{self.trainer.corpus.codec.vocabulary}",
            "minutes of training": f"{last['seconds'] / 60:.1f}",
            "tokens seen": f"{last['tokens']:,}",
            "best evaluation, after minutes": f"{best['seconds'] / 60:.1f}",
            "best evaluation, after tokens": f"{best['tokens']:,}",
            "held-out seconds": f"{heldout.seconds:,.0f}",
            "held-out notes": f"{heldout.notes:,}",
            "tokens per note": f"{per_note:.2f}",
            "nats per token": f"{best['nats_per_token']:.3f}",
            "**nats per note**": f"**{best['nats_per_note']:.2f}**",
            "**nats per second**": f"**{best['nats_per_second']:.1f}**",
            "a 5-gram's nats per note": f"{counted:.2f}",
        }


def table(ours: Run, peer: Run) -> pd.DataFrame:
    """Both runs, and what was published."""
    columns = {run.name: run.figures() for run in (ours, peer)}
    columns["the peer, published"] = PUBLISHED
    rows = pd.DataFrame(columns, index=list(ours.figures())).fillna("–")
    return rows.rename_axis("figure").reset_index()


def curve(ours: Run, peer: Run) -> pd.DataFrame:
    """Tokens seen and held-out nats per note of both against minutes."""
    longest = max(run.history[-1]["seconds"] for run in (ours, peer))
    times = pd.DataFrame({"seconds": np.linspace(0, longest, TIMES + 1)})
    found = {"minutes": times["seconds"].div(60).map("{:.3g}".format)}
    for run in (ours, peer):
        rows = pd.merge_asof(times, pd.DataFrame(run.history), on="seconds")
        found[f"{run.name}: tokens"] = rows["tokens"].map("{:,}".format)
        found[f"{run.name}: nats per note"] = rows["nats_per_note"].map("{:.2f}".format)
    return pd.DataFrame(found)


def main(arguments: argparse.Namespace) -> None:
    """Prepare, train both, print and write the page."""
    given = {name: getattr(arguments, name) for name in ("hidden", "layers", "dropout")}
    model = {name: value for name, value in given.items() if value is not None}
    config = TrainConfig(minutes=arguments.minutes)
    theirs = replace(config, lr=arguments.peer_lr)
    if arguments.plain_peer:
        theirs = replace(theirs, transpose=False, tempo_jitter=0.0, velocity_jitter=0)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        corpus, files = our_corpus(arguments.folder, out)
        print("\n".join(files), file=sys.stderr)
        tsd = peer_corpus(arguments.folder, corpus)
        ours = Run("ugen `beats`", corpus, model, config, out / "ours")
        peer = Run(
            "MidiTok TSD", tsd, {**PEER, "dropout": arguments.peer_dropout}, theirs, out / "peer"
        )
    lines = [
        "# A peer's tokens",
        "",
        "Written by `python tests/bench/mutopia.py`; one run of each, on one machine.",
        "",
        machine("torch", "numpy", "miditok", "symusic"),
        f"Threads of torch: {torch.get_num_threads()}.",
        "",
        *files,
        "",
        *markdown(table(ours, peer)),
        "",
        ours.options(),
        peer.options(),
        "",
        *markdown(curve(ours, peer)),
        "",
        how(__doc__),
        "",
    ]
    print("\n".join(lines))
    write_atomically(arguments.page, "\n".join(lines).encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument(
        "--minutes", type=float, required=True, help="of training, for each of the two"
    )
    parser.add_argument("--hidden", type=int, help="of our model")
    parser.add_argument("--layers", type=int, help="of our model")
    parser.add_argument("--dropout", type=float, help="of our model")
    parser.add_argument("--peer-dropout", type=float, default=PEER_DROPOUT)
    parser.add_argument(
        "--peer-lr", type=float, default=PEER_RATE, help="the peer's peak learning rate"
    )
    parser.add_argument(
        "--plain-peer", action="store_true", help="the peer learns the music as it is, never varied"
    )
    main(parser.parse_args())
