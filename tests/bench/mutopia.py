"""What a peer makes of the same music in the same time: MidiTok's TSD tokens and a plain LSTM,
beside ugen.

    pip install miditok -c constraints.txt
    python tests/bench/mutopia.py FOLDER PAGE --minutes 60

FOLDER holds the piano music of the Mutopia project. Held out are the files whose sha256, read as an
integer, is divisible by 10; all others are learned from. Both learn for the same minutes, one after
the other, in ugen's Trainer, evaluations included. Ours is the `beats` codec with the default model
and training. The peer is MidiTok's TSD: one stream, 12 positions a beat up to 12 beats, 32
velocities, no tempos, every program 0 and told before each note; and a plain LSTM of 3 x 320, rate
and dropout those of ugen's preset of three plain layers, all else as our default; its music is
transposed and its velocities are moved as ours are, unless --plain-peer is given. A note is one
that the tokens hold, each codec's own count; a second is the music's as our manifest has it, the
same for both. ugen's tokens tell more: bars, meters, tempos and the end of a piece, whose nats
count; TSD tells none of these, here. Figures are those of the best evaluation, whose weights a run
keeps. The curve gives the latest evaluation by each time; a run that ended early keeps its last.
The published peer had another schedule, and is not held to the same time.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import how, machine
from numpy.typing import NDArray
from ugen.data import Score, make_codec
from ugen.data.codecs.base import Codec, Cursor, Encoded
from ugen.data.corpus.corpus import Corpus, write_corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.data.midi.smf import MIDI_SUFFIXES
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.learning.trainer import Trainer
from ugen.train.progress import Progress

HELD_OUT = 10  # one file in so many, by its hash
PEER = {"layers": 3, "hidden": 320}
PEER_DROPOUT, PEER_RATE = 0.3, 3e-3  # of the preset lstm-3x300: the default's rate is for one layer
# what another run of the peer gave: tokens seen, tokens a note, nats a note, nats a second
PUBLISHED = 7.8e6, 4.5, 7.36, 53.0
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

    def options(self) -> dict[str, Any]:
        return {}

    def encode(self, score: Score) -> Encoded:
        raise NotImplementedError

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        raise NotImplementedError

    def cursor(self) -> Cursor:
        raise NotImplementedError


def our_corpus(folder: Path, out: Path) -> tuple[Corpus, list[str]]:
    """The folder prepared and split by the hashes of its files, and what is to be said of the
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
    about = f"Files: {len(rows)}, kept {len(kept)}, of these held out {len(held_out)}, dropped {len(dropped)}."
    about += f" Held-out pieces of which a version is learned from: {known}, left so as the rule puts them."
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
class Told:
    """A run's evaluations on stderr as they come: a run is long."""

    name: str

    def on_update(self, progress: Progress) -> None:
        """Nothing: evaluations come often enough."""

    def on_evaluation(self, progress: Progress) -> None:
        """One line."""
        print(
            f"{self.name}: {progress.elapsed / 60:.1f} minutes, {progress.tokens:,} tokens, "
            f"{progress.history[-1]['nats_per_note']:.2f} nats a note",
            file=sys.stderr,
            flush=True,
        )


class Run:
    """A corpus learned, and what came of it."""

    def __init__(
        self, name: str, corpus: Corpus, model: dict[str, float], config: TrainConfig, path: Path
    ):
        shape = ModelConfig(corpus.codec.vocabulary, **model)
        self.name = f"{name}, {shape.layers} x {shape.hidden}"
        self.trainer = Trainer.begin(path, corpus, shape, config, torch.device("cpu"), "bench")
        self.ended = self.trainer.run([Told(self.name)])
        self.history = self.trainer.progress.history
        self.best = min(self.history, key=lambda row: row["nats_per_token"])
        self.heldout = self.trainer.heldout

    def options(self) -> str:
        """How it was trained, and why it ended."""
        config, shape = self.trainer.config, self.trainer.model.config
        return (
            f"- {self.name}: embedding {shape.embedding}, dropout {shape.dropout}, batch {config.batch}, chunk "
            f"{config.bptt_length}, rate {config.lr}, transposed: {'yes' if config.transpose else 'no'}, velocities moved by "
            f"up to {config.velocity_jitter}, tempos by up to {config.tempo_jitter:.0%}; ended since {self.ended}."
        )

    def latest(self, seconds: float) -> dict[str, Any]:
        """The last evaluation by a time."""
        return [row for row in self.history if row["seconds"] <= seconds][-1]


def table(ours: Run, peer: Run) -> list[str]:
    """Markdown: both runs, and what was published."""
    seen, tokens_note, nats_per_note, nats_per_second = PUBLISHED
    rows: list[tuple[str, Callable[[Run], str], str]] = [
        ("weights", lambda run: f"{run.trainer.model.parameters_count():,}", "–"),
        ("vocabulary", lambda run: f"{run.trainer.corpus.codec.vocabulary}", "515"),
        ("minutes of training", lambda run: f"{run.history[-1]['seconds'] / 60:.1f}", "–"),
        ("tokens seen", lambda run: f"{run.history[-1]['tokens']:,}", f"{seen:,.0f}"),
        ("best evaluation, after minutes", lambda run: f"{run.best['seconds'] / 60:.1f}", "–"),
        ("best evaluation, after tokens", lambda run: f"{run.best['tokens']:,}", f"{seen:,.0f}"),
        ("held-out seconds", lambda run: f"{run.heldout.seconds:,.0f}", "–"),
        ("held-out notes", lambda run: f"{run.heldout.notes:,}", "–"),
        (
            "tokens a note",
            lambda run: f"{run.heldout.tokens / run.heldout.notes:.2f}",
            f"{tokens_note}",
        ),
        ("nats a token", lambda run: f"{run.best['nats_per_token']:.3f}", "–"),
        ("**nats a note**", lambda run: f"**{run.best['nats_per_note']:.2f}**", f"{nats_per_note}"),
        (
            "**nats a second**",
            lambda run: f"**{run.best['nats_per_second']:.1f}**",
            f"{nats_per_second}",
        ),
        ("a 5-gram's nats a note", five_gram, "–"),
    ]
    head = [f"| | {ours.name} | {peer.name} | the peer, published |", "|---|---|---|---|"]
    return head + [
        f"| {label} | {cell(ours)} | {cell(peer)} | {published} |"
        for label, cell, published in rows
    ]


def five_gram(run: Run) -> str:
    """What counting alone gives on the same tokens."""
    return f"{run.trainer.baselines['5-gram'].nats_per_token * run.heldout.tokens / run.heldout.notes:.2f}"


def curve(ours: Run, peer: Run) -> list[str]:
    """Markdown: tokens seen and held-out nats a note of both against minutes."""
    head = "".join(f" {run.name}: tokens | nats a note |" for run in (ours, peer))
    rows = [f"| minutes |{head}", "|---|---|---|---|---|"]
    for seconds in np.linspace(
        0, max(run.history[-1]["seconds"] for run in (ours, peer)), TIMES + 1
    ):
        found = [run.latest(seconds) for run in (ours, peer)]
        cells = "".join(f" {row['tokens']:,} | {row['nats_per_note']:.2f} |" for row in found)
        rows.append(f"| {seconds / 60:.3g} |{cells}")
    return rows


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
        *table(ours, peer),
        "",
        ours.options(),
        peer.options(),
        "",
        *curve(ours, peer),
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
