"""A program as a user writes it: songs, notes, files, scores. `make types` checks it strictly, and
tests/test_api.py runs it."""

from itertools import islice
from pathlib import Path

from ugen.data import Note, Score, UgenError, arrange, make_codec, read_midi, write_midi
from ugen.runtime import (
    GuardError,
    Model,
    Sampling,
    Scores,
    Song,
    SongSettings,
    generate,
    load,
    read_piece,
    score,
    stream,
    tokens_of,
)


def longest(song: Song) -> float:
    notes = song.score.notes
    return float((notes["end"] - notes["onset"]).max())


def best(model: Model, seeds: range) -> Song | None:
    made: list[Song] = []
    for seed in seeds:
        try:
            made.append(generate(model, seconds=10, seed=seed, sampling=Sampling(temperature=0.9)))
        except GuardError as error:
            print(error.fault)
    return max(made, key=longest, default=None)


def main() -> int:
    model = load("pretrained")
    song = best(model, range(1, 3))
    if song is None:
        return 1
    song.save(Path("mypy-song.mid"))
    piece: Score = read_midi("mypy-song.mid")
    primer = tokens_of(model, piece, 5)
    again = generate(model, SongSettings(bars=4, seed=1, primer=primer))
    write_midi(again.score, "again.mid")
    found: Scores = score(model, [read_piece("mypy-song.mid", model.card)])
    print(found.nats_per_note, song.key, song.seconds)
    notes: list[Note] = list(islice(stream(model, seed=3), 5))
    print([(note.onset, note.pitch, note.drum) for note in notes])
    codec = make_codec("events")
    encoded = codec.encode(arrange(piece, "piano"))
    print(len(encoded.tokens), encoded.lost)
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except UgenError as error:
        print(error.reason, error.flag, error.path)
