"""What `make fuzz` feeds: kept inputs, all built here, and the readers of each kind of file.

A reader is given a damaged input. It may accept it or raise UgenError; all else is a fault of ours.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from fake_models import BEATS, Flat
from model_files import made, trainable
from odd_files import DOUBTFUL, INVALID, VALID
from ugen.data import Score, UgenError, arrange, make_codec, read_midi, write_midi
from ugen.data.analysis.measures import measures
from ugen.data.codecs.registry import CODECS
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.journal import hidden_folder
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.corpus.report import table
from ugen.data.corpus.report_page import page
from ugen.data.corpus.summary import facts
from ugen.data.midi.midicsv import csv_to_midi, midi_to_csv
from ugen.data.midi.writer import midi_bytes
from ugen.data.render.convert import Options, read_score
from ugen.export.onnx_graph import build
from ugen.export.proof import Proof
from ugen.export.settings import ExportSettings
from ugen.runtime import Card, Sampling, SongSettings, generate, load, tokens_of
from ugen.runtime.cli.model_info import card_json, describe
from ugen.runtime.generation.request import MARK, Request, read_record
from ugen.runtime.generation.song_state import load_state, save_state
from ugen.runtime.model_file.card import card_from_metadata
from ugen.runtime.model_file.check import read_card
from ugen.runtime.model_file.format import PRECISIONS
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.learning.trainer import Trainer
from ugen.train.model import LstmModel
from ugen.train.reporting.run_report import write_report
from ugen.train.run_folder.checkpoint import load_checkpoint
from ugen.train.run_folder.initial_weights import initial_model
from ugen.train.run_setup.new_run import new
from ugen.train.run_setup.request import Request as Training
from ugen.train.run_setup.request import RunOptions
from ugen.train.run_setup.resumed_run import resume

MODEL = "0" * 64
MOST_NOTES = 2000  # of a score that goes on to the codecs: a fuzzed file has far fewer


@dataclass(frozen=True, eq=False)
class Reader:
    """`inputs`: kept, to be damaged. `read`: what must withstand them."""

    name: str
    inputs: list[bytes]
    read: Callable[[bytes], object]


def readers(folder: Path) -> Iterator[Reader]:
    """All readers; they work in a folder of their own."""
    yield from _of_music(folder)
    yield from _of_models(folder)
    yield from _of_songs(folder)
    yield from _of_corpora(folder)
    yield from _of_runs(folder)


def _tune(seed: int, notes: int = 60) -> Score:
    chance = np.random.default_rng(seed)
    rows = [
        (int(at) * 120, int(at) * 120 + 240, int(chance.integers(40, 90)), 80, 0, False)
        for at in np.sort(chance.integers(0, 4 * notes, notes))
    ]
    return Score.build(rows, 480, [(0, 500_000)], [(0, 4, 4)])


def _accepts(read: Callable[[], object]) -> None:
    with suppress(UgenError):
        read()


# music


def _of_music(folder: Path) -> Iterator[Reader]:
    files = [data for _, data in VALID.values()] + [data for _, data in DOUBTFUL.values()]
    files += list(INVALID.values())
    small = [data for data in files if len(data) < 3000]
    whole = [data for _, data in VALID.values() if len(data) < 3000]
    yield Reader("midi", small, _midi)
    yield Reader("csv", [midi_to_csv(data, "x.mid").encode("latin-1") for data in whole], _csv)
    codec = make_codec("frames")
    frames = [" ".join(map(str, codec.encode(_tune(k, 20)).tokens)).encode() for k in range(3)]

    def read_frames(data: bytes) -> None:
        (folder / "x.txt").write_bytes(data)
        score = read_score(folder / "x.txt", Options(shortest=2, gaps=1))
        if len(score.notes) < MOST_NOTES:
            read_midi(midi_bytes(score), "x.mid")

    yield Reader("frames", frames, read_frames)


def _midi(data: bytes) -> None:
    _accepts(lambda: csv_to_midi(midi_to_csv(data, "x.mid"), "x.csv"))
    score = read_midi(data, "x.mid", sustain=len(data) % 2 == 0)
    if len(score.notes) > MOST_NOTES:
        return
    measures(score)
    again = read_midi(midi_bytes(score), "x.mid")
    assert len(again.notes) == len(score.notes), "notes lost by the writer"
    for name in CODECS:
        codec = make_codec(name)
        _accepts(lambda codec=codec: codec.decode(codec.encode(arrange(score, "piano")).tokens))
    _accepts(lambda: tokens_of(Flat(), score))


def _csv(data: bytes) -> None:
    read_midi(csv_to_midi(data.decode("latin-1"), "x.csv"), "x.mid")


# model files


def _of_models(folder: Path) -> Iterator[Reader]:
    shape: dict[str, Any] = {"embedding": 4, "layers": 2, "hidden": 16}
    protos = [made("khot", "fp32", **shape), made("beats", "int8", **shape)]
    shape["columns"] = BEATS.columns
    protos = [*(made("beats", each, **shape) for each in PRECISIONS), *protos]
    files = [proto.SerializeToString() for proto in protos]
    path = folder / "x.onnx"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        card = read_card(path)
        describe(card, path)
        json.dumps(card_json(card, path))
        generate(load(path), seconds=0.2, seed=1, guard=False)

    def start_from(data: bytes) -> None:
        path.write_bytes(data)
        found = initial_model(path, BEATS)
        LstmModel(found.config).load_state_dict(found.weights)

    yield Reader("model", files, read)
    starts = [trainable(precision, **shape) for precision in PRECISIONS]
    yield Reader("init-from", [each.SerializeToString() for each in starts], start_from)
    metadata = {entry.key: entry.value for entry in protos[0].metadata_props}
    for key in metadata:
        yield Reader(f"model {key}", [metadata[key].encode()], _metadata(metadata, key, path))
    path.write_bytes(files[0])


def _metadata(metadata: Mapping[str, str], key: str, path: Path) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        card = card_from_metadata({**metadata, key: data.decode("utf-8", "replace")}, "x.onnx")
        describe(card, path)
        json.dumps(card_json(card, path))
        tokens_of(Flat(), _tune(1, 5))

    return read


# states and records


def _of_songs(folder: Path) -> Iterator[Reader]:
    card = Card(BEATS, 1, 1, "fp32", Sampling(), {}, "")
    song = generate(Flat(), seconds=2, seed=1, guard=False)
    save_state(song.state, MODEL, folder / "state.json")
    state = (folder / "state.json").read_bytes()
    settings = SongSettings(seconds=2.0, seed=3, tempo=80.0, sampling=Sampling())
    later = SongSettings(seconds=2.0, seed=3, sampling=Sampling(), start=song.state)
    records = [Request(MODEL, each).record().removeprefix(MARK) for each in (settings, later)]

    def read_state(data: bytes) -> None:
        (folder / "state.json").write_bytes(data)
        start = load_state(folder / "state.json", MODEL, card)
        generate(Flat(), seconds=0.5, seed=1, start=start, guard=False)

    def replay(data: bytes) -> None:
        text = MARK + data.decode("latin-1")
        write_midi(_tune(1, 3), folder / "song.mid", texts=[text])
        request = read_record(folder / "song.mid", MODEL, card)
        if (request.settings.seconds or 0) < 10 and (request.settings.bars or 0) < 10:
            request.make(Flat())

    yield Reader("state", [state], read_state)
    yield Reader("record", [each.encode() for each in records], replay)


# corpora


def _in_place(file: Path, read: Callable[[], object]) -> Callable[[bytes], None]:
    """Read a folder in which one file is damaged; it is as before afterwards."""
    whole = file.read_bytes()

    def damaged(data: bytes) -> None:
        file.write_bytes(data)
        try:
            with redirect_stdout(StringIO()):
                read()
        finally:
            file.write_bytes(whole)

    return damaged


def _corpora(folder: Path) -> Iterable[Corpus]:
    music = folder / "music"
    music.mkdir()
    for seed in range(8):
        write_midi(_tune(seed), music / f"{seed}.mid")
    for name in ("beats", "khot"):
        yield prepare(music, folder / name, Settings(make_codec(name), valid=0.3))


def _report(path: Path) -> None:
    found = facts(Corpus.open(path))
    table(found)
    page(found)


def _training(path: Path, output: Path) -> Training:
    model: dict[str, Any] = {"embedding": 4, "layers": 1, "hidden": 4}
    training: dict[str, Any] = {"batch": 2, "bptt_length": 8, "epochs": 1}
    return Training(path, output, RunOptions(device="cpu"), model, training, {})


def _of_corpora(folder: Path) -> Iterator[Reader]:
    def begin(path: Path) -> None:
        shutil.rmtree(folder / "new", ignore_errors=True)
        new(_training(path, folder / "new")).update()

    for corpus in _corpora(folder):
        for file in sorted(corpus.path.iterdir()):
            data = [file.read_bytes()]
            kind, name = corpus.codec.name, file.name
            yield Reader(
                f"report {kind} {name}", data, _in_place(file, lambda at=corpus.path: _report(at))
            )
            yield Reader(
                f"train {kind} {name}", data, _in_place(file, lambda at=corpus.path: begin(at))
            )
    yield from _of_journals(folder)


def _of_journals(folder: Path) -> Iterator[Reader]:
    """A damaged interrupted run is continued to the same corpus."""
    settings = Settings(make_codec("beats"), valid=0.3)
    out = folder / "again"
    right = {file.name: file.read_bytes() for file in (folder / "beats").iterdir()}

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise StoppedError

    def interrupt() -> None:
        shutil.rmtree(hidden_folder(out), ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        with suppress(StoppedError):
            prepare(folder / "music", out, settings, on_file=stop)

    interrupt()
    kept = {file.name: file.read_bytes() for file in hidden_folder(out).iterdir()}
    for name, data in kept.items():

        def resumed(data: bytes, name: str = name) -> None:
            interrupt()
            (hidden_folder(out) / name).write_bytes(data)
            prepare(folder / "music", out, settings)
            for file, whole in right.items():
                assert (out / file).read_bytes() == whole, f"another {file}"

        yield Reader(f"journal {name}", [data], resumed)


# runs


def _of_runs(folder: Path) -> Iterator[Reader]:
    corpus = Corpus.open(folder / "beats")
    model = ModelConfig(corpus.codec.vocabulary, embedding=4, layers=1, hidden=4)
    training = TrainConfig(batch=2, bptt_length=8, epochs=3)
    run = folder / "run"
    trainer = Trainer.begin(run, corpus, model, training, torch.device("cpu"), "test")
    trainer.evaluate_every = 10
    trainer.run()

    def export() -> None:
        proof = Proof(load_checkpoint(run), ExportSettings(), lambda line: None)
        proto = build(proof.checkpoint.model, proof.card("fp32").to_metadata())
        onnx.save(proto, folder / "y.onnx")
        read_card(folder / "y.onnx")

    def go_on() -> None:
        request = Training(corpus.path, run, RunOptions(device="cpu"), {}, {}, {})
        resume(request).update()

    def report() -> None:
        write_report(run)

    uses: dict[str, tuple[Callable[[], None], ...]] = {
        "config.json": (report, export, go_on),
        "metrics.jsonl": (report,),
        "model.safetensors": (export,),
        "held_out_excerpt.npy": (export,),
        "originality.json": (export,),
        "resume.safetensors": (go_on,),
    }
    for name, each in uses.items():
        for use in each:
            data = [(run / name).read_bytes()]
            yield Reader(f"{use.__name__} {name}", data, _in_place(run / name, use))
