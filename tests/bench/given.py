"""What a model makes of music that stands already: whether it helps, and whether bars join.

    python tests/bench/given.py MODEL.onnx CORPUS [--pieces 40] [--output docs/benchmarks-parts.md]

Parts: of held-out pieces of CORPUS, the nats per note of the notes that are not the part's, and of
what moves time, when the model is told of the part and when it is not; it is fed the same tokens.
Bars: eight bars in the middle of a piece are written anew, knowing what follows, by --rewrite, or
continuing what came before, not knowing it. Then come the piece's own next bars: their nats per
token over two bars, to the same model, which is told nothing. Both beside the piece as it is.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from machine import how, machine, markdown
from numpy.typing import NDArray
from ugen.data.analysis.parts import bottom_line, top_line
from ugen.data.codecs.beats.codec import BeatsCodec
from ugen.data.codecs.beats.given import given_ids
from ugen.data.codecs.beats.notes import NoteTable
from ugen.data.codecs.columns import GIVEN_NAMES, Given, Wishes
from ugen.data.corpus.corpus import Corpus
from ugen.runtime import load
from ugen.runtime.generation.settings import SongSettings
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler

LONGEST = 4000  # tokens of a piece
REGION = 8  # bars that are written anew
AFTER = 2  # bars that are scored after them
Part = Callable[[NoteTable], NDArray[np.bool_]]
PARTS: dict[str, Part] = {
    "melody": lambda notes: top_line(notes.onset, notes.end, notes.pitch),
    "bass": lambda notes: bottom_line(notes.onset, notes.end, notes.pitch),
    "notes from the middle C up": lambda notes: notes.pitch >= 60,
    "notes below the middle C": lambda notes: notes.pitch < 60,
}


class Piece(NamedTuple):
    """A piece's tokens after its start, and where its notes stand."""

    tokens: NDArray[np.int64]
    notes: NoteTable


def pieces_of(corpus: Corpus, codec: BeatsCodec, count: int) -> Iterator[Piece]:
    """Held-out pieces, cut to LONGEST tokens."""
    rows = [row for row in corpus.pieces("valid") if row.tokens > 600][:count]
    for row in rows:
        tokens = corpus.piece(row)[:LONGEST].astype(np.int64)
        tokens = tokens[: np.flatnonzero(tokens == codec.events.index("bar"))[-1] + 1]
        yield Piece(tokens, codec.notes(np.append(codec.start, tokens)))


def nats(model: Model, rows: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """float64 [streams, n - 1]: of each row but the first its token's nats, given those before."""
    stream, count = model.stream(len(rows)), len(rows[0])
    found = np.zeros((len(rows), count - 1))
    for at in range(count - 1):
        for n, each in enumerate(rows):
            stream.x[n] = each[at]
        logits = stream.advance()[:, 0].astype(np.float64)
        top = logits.max(axis=1)
        whole = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        for n, each in enumerate(rows):
            found[n, at] = whole[n] - logits[n, each[at + 1, 0]]
    return found


def others_tokens(piece: Piece, part: NDArray[np.bool_], kinds: NDArray[np.str_]) -> NDArray:
    """Which tokens are not the part's notes: their velocities, pitches and durations."""
    own = np.zeros(len(piece.tokens) + 1, bool)
    for at in piece.notes.at[part].tolist():
        own[at] = True
        own[at + 1 : at + 2] = kinds[piece.tokens[at : at + 1]] == "duration"
        own[at - 1] |= kinds[piece.tokens[at - 2]] == "velocity" if at > 1 else False
    return ~own[1:]


def parts(model: Model, pieces: Sequence[Piece]) -> list[dict[str, str]]:
    """A row for each part."""
    codec = model.card.codec
    assert isinstance(codec, BeatsCodec)
    kinds = np.array([event.partition(":")[0] for event in codec.events])
    places = [1 + model.card.column_names.index(name) for name in GIVEN_NAMES]
    table = []
    for name, find in PARTS.items():
        sums, count = np.zeros(2), 0
        for piece in pieces:
            part = find(piece.notes)
            free = codec.to_rows(piece.tokens, model.card.column_names).astype(np.int64)
            told = free.copy()
            stream = np.append(codec.start, piece.tokens)
            told[:, places] = given_ids(stream, piece.notes, part)
            counted = others_tokens(piece, part, kinds)
            sums += nats(model, [free, told])[:, counted].sum(axis=1)
            count += int((~part).sum())
        alone, knowing = sums / count
        table.append(
            {
                "given": name,
                "nats per other note, not told": f"{alone:.2f}",
                "told": f"{knowing:.2f}",
                "": f"{knowing / alone - 1:+.1%}",
            }
        )
        print(table[-1], flush=True)
    return table


def written_anew(model: Model, piece: Piece, first: int, seed: int, *, knowing: bool) -> NDArray:
    """The piece's tokens with REGION bars from `first` on written by the model."""
    codec, bar = model.card.codec, piece.notes.bar[1:]
    # each but the first begins with the bar line that leads there
    before = piece.tokens[: np.searchsorted(bar, first) + 1]
    after = piece.tokens[np.searchsorted(bar, first + REGION) :]
    wishes = Wishes()
    if knowing:
        keep = np.concatenate([before, np.full(REGION - 1, codec.events.index("bar")), after])
        wishes = Wishes(given=Given(keep.astype(np.uint16), ((first, first + REGION),)))
    cursor = codec.cursor(columns=model.card.column_names, wishes=wishes)
    stream, rng = model.stream(), Rng(seed)
    sampling = SongSettings(seed=seed).for_model(model.card).sampling
    assert sampling is not None
    sampler, made = Sampler(codec.vocabulary, sampling, codec.onset_tokens), list[int]()
    stream.x[0] = [codec.start, *cursor.row()]
    while cursor.bars < first + REGION:
        logits = stream.advance()[0, 0]
        if len(made) < len(before):
            token = int(before[len(made)])
        else:
            logits[codec.start] = -np.inf
            token = sampler.sample(logits, cursor.mask(), rng)
        cursor.feed(token)
        made.append(token)
        stream.x[0] = [token, *cursor.row()]
    return np.array([*made, *after[1:]], np.int64)


def seams(model: Model, pieces: Sequence[Piece]) -> list[dict[str, str]]:
    """A row for each way to write the bars."""
    codec = model.card.codec
    found: dict[str, list[float]] = {
        "the piece's own": [],
        "written anew, knowing what follows": [],
        "continued, not knowing it": [],
    }
    for number, piece in enumerate(pieces):
        last = int(piece.notes.bar[-1])
        first = (last - REGION) // 2
        meters = np.array([codec.events[token].startswith("meter") for token in piece.tokens])
        bar = piece.notes.bar[1:]
        if last < 3 * REGION or meters[bar >= first].any():
            continue
        ways = [piece.tokens] + [
            written_anew(model, piece, first, number, knowing=each) for each in (True, False)
        ]
        for name, tokens in zip(found, ways, strict=True):
            rows = codec.to_rows(tokens, model.card.column_names).astype(np.int64)
            table = codec.notes(np.append(codec.start, tokens))  # type: ignore[attr-defined]
            its = table.bar[1:]
            end = np.searchsorted(its, first + REGION + AFTER)
            lost = nats(model, [rows[: end + 1]])[0]
            found[name].append(float(lost[its[:end] >= first + REGION].mean()))
    return [
        {
            "eight bars before": name,
            "nats per token of the two bars after": f"{np.mean(each):.3f}",
            "standard error": f"{np.std(each) / np.sqrt(len(each)):.3f}",
            "pieces": str(len(each)),
        }
        for name, each in found.items()
    ]


def main() -> None:
    """Measure, and write the page."""
    parser = ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    model = load(asked.model)
    assert isinstance(model.card.codec, BeatsCodec)
    pieces = [*pieces_of(Corpus.open(asked.corpus), model.card.codec, asked.pieces)]
    lines = ["# Music that stays: benchmarks", "", machine("onnxruntime"), "", how(__doc__), ""]
    for table in (parts(model, pieces), seams(model, pieces)):
        lines += [*markdown(pd.DataFrame(table)), ""]
    text = "\n".join(lines).rstrip() + "\n"
    sys.stdout.write(text)
    if asked.output:
        asked.output.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
