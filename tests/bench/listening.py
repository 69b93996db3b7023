"""`make listening`: songs that nobody picked, beside those of a 5-gram, as a page to listen to.

    python tests/bench/listening.py FOLDER PAGE [--music FOLDER] [--songs 12] [--seconds 60]

For the piano and the band that come with ugen: the songs of seeds 1 on, by the files' own defaults,
and as many of an interpolated 5-gram (Kneser-Ney), which counts what follows what in the music
under --music, the bundled one without it, and samples under the same mask. FOLDER gets index.html
with every song's roll, sound, measures and copies; PAGE (docs/listening.md) the means. Measures are
those of docs/scoring.md; `distance` is that of a song from music like that which the model learned,
and `copied` the longest passage of notes that a song shares with the latter. Sound needs the extra
`audio`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from five_gram import NGram
from machine import how, machine
from ugen.data import Codec, Score, UgenError
from ugen.data.analysis.measures import measures
from ugen.data.analysis.originality import originality
from ugen.data.cli.main import MUSIC
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.data.html_page import document, escaped, table
from ugen.data.pretrained import NAMES
from ugen.data.render.convert import WRITABLE, write_score
from ugen.data.render.piano_roll import contact_sheet
from ugen.runtime import Card, GuardError, generate, load
from ugen.runtime.scoring.ranking import distance_to, real_music

SHOWN = "notes_per_second", "polyphony", "bars_returning", "key_stability", "in_scale", "ends"
HEADS = [*(name.replace("_", " ") for name in SHOWN), "copied", "distance"]
PICTURE = ".svg" if ".svg" in WRITABLE else ".png"
STYLE = """
article { margin: 1.5rem 0; } article img { width: 100%; border-radius: 4px; }
audio { width: 100%; } nav a { margin-right: 1rem; } td.text { white-space: nowrap; }
"""


class Group(NamedTuple):
    """Songs of one kind: a name for files, a title, what made them, and the songs by seed."""

    name: str
    title: str
    about: str
    songs: dict[int, Score]
    card: Card


def groups(music: Path, songs: int, seconds: float) -> Iterator[Group]:
    """The songs of each model, and those of a 5-gram in the same codec."""
    for arrangement, name in NAMES.items():
        model = load(name)
        made = {}
        for seed in range(1, songs + 1):
            try:
                made[seed] = generate(model, seconds=seconds, seed=seed).score
            except GuardError as error:
                print(f"{name}, seed {seed}: given up, {error}")
        about = f"{name}, as it comes"
        yield Group(arrangement, f"{arrangement.capitalize()}, by ugen", about, made, model.card)
        counted, pieces = learned(music, arrangement, model.card.codec)
        about = (
            f"counts in {pieces} pieces what follows the last four tokens, and knows nothing else"
        )
        made = {seed: counted.song(model.card.codec, seconds, seed) for seed in range(1, songs + 1)}
        title = f"{arrangement.capitalize()}, by a 5-gram"
        yield Group(f"{arrangement}-5-gram", title, about, made, model.card)


def learned(music: Path, arrangement: str, codec: Codec) -> tuple[NGram, int]:
    """A 5-gram of all music in a folder, and how many pieces that is."""
    with TemporaryDirectory() as folder:
        corpus = prepare(music, Path(folder) / "corpus", Settings(codec, arrangement))
        rows = [*corpus.pieces("train"), *corpus.pieces("valid")]
        pieces = [codec.to_inputs(corpus.piece(row)).astype(np.int64) for row in rows]
    return NGram(pieces, codec.vocabulary, codec.start), len(pieces)


def numbers(score: Score, card: Card) -> list[float]:
    """What is shown of a song, in the order of HEADS; it is compared as the codec keeps it."""
    found = measures(score)
    longest = originality(score, card.originality).longest if card.originality else None
    copied = longest.notes if longest else 0
    return [*(found[name] for name in SHOWN), copied, distance_to(real_music(card), score)]


def in_words(row: list[float]) -> list[str]:
    return [
        f"{value:.0f}" if head == "copied" else f"{value:.2f}"
        for head, value in zip(HEADS, row, strict=True)
    ]


def article(group: Group, seed: int, score: Score, folder: Path) -> str:
    """A song on the page: its files are written beside it."""
    name = f"{group.name}-{seed}"
    write_score(score, folder / f"{name}.mid")
    write_score(score, folder / f"{name}{PICTURE}")
    sound = ""
    try:
        write_score(score, folder / f"{name}.mp3")
        sound = f'<audio controls preload="none" src="{name}.mp3"></audio>'
    except UgenError as error:
        sound = f'<p class="soft">No sound: {escaped(error)}</p>'
    row = zip(HEADS, in_words(numbers(score, group.card)), strict=True)
    shown = ", ".join(f"{head} {value}" for head, value in row)
    return (
        f'<article id="{name}"><h3>Seed {seed}</h3>'
        f'<img src="{name}{PICTURE}" alt="Piano roll of {name}">{sound}'
        f'<p>{shown}. <a href="{name}.mid">{name}.mid</a></p></article>'
    )


def means(found: list[Group]) -> list[list[str]]:
    """A row for each group: its title, and the mean of each number over its songs. After a model's
    comes one of the music that it was measured on, as its file has it."""
    rows = []
    for each in found:
        of_songs = [numbers(score, each.card) for score in each.songs.values()]
        rows.append([each.title, *in_words(list(np.mean(of_songs, axis=0)))])
        if not each.name.endswith("gram"):
            music = real_music(each.card)
            known = [f"{music[name][0]:.2f}" if name in music else "" for name in SHOWN]
            rows.append([f"{each.name.capitalize()}, real pieces", *known, "", "0"])
    return rows


def html(found: list[Group], folder: Path) -> str:
    """The page to listen to."""
    links = " ".join(f'<a href="#{each.name}">{escaped(each.title)}</a>' for each in found)
    parts = [
        "<h1>Songs, not chosen</h1>",
        "<p>All songs of these seeds, none left out but where the guard gave up. The 5-grams only "
        "count what follows what: they are what the models have to beat.</p>",
        f"<nav>{links}</nav>",
        table(["means", *HEADS], means(found)),
    ]
    for each in found:
        parts += [f'<h2 id="{each.name}">{escaped(each.title)}</h2>', f"<p>{each.about}.</p>"]
        parts += [article(each, seed, score, folder) for seed, score in each.songs.items()]
    # our pages hold all that they show; this one has its pictures and sounds beside it
    page = document("Songs, not chosen", parts, STYLE)
    return page.replace("img-src data:", "img-src 'self' file:; media-src 'self' file:")


INTRO = """# Twelve songs, not chosen

A model is judged by ear, and by songs that nobody picked.

<!-- not run: takes minutes; tests/test_listening.py makes a smaller page -->
```bash
make listening
```

writes a page, `demo/listening/index.html`, with every song's roll, sound, measures and copies.
After that `make docs` takes it along into the site.

Written by `make listening`. {machine}

{table}

{how}
"""


def main() -> None:
    """Make the songs, the page to listen to, and the page of means."""
    parser = argparse.ArgumentParser(description="songs that nobody picked")
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--music", type=Path, default=MUSIC)
    parser.add_argument("--songs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    found = list(groups(given.music, given.songs, given.seconds))
    write_atomically(given.folder / "index.html", html(found, given.folder).encode())
    write_page(found, given.page)
    print(f"open {given.folder / 'index.html'}")


def write_page(found: list[Group], page: Path) -> None:
    """The means, and a picture of each group's songs, for docs/."""
    rows = ["", *HEADS], ["---"] * (len(HEADS) + 1), *means(found)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    for each in found:
        picture = page.parent / "showcase" / f"{each.name}{PICTURE}"
        picture.parent.mkdir(exist_ok=True)
        contact_sheet([(f"seed {seed}", score) for seed, score in each.songs.items()], picture)
        lines += ["", f"## {each.title}", "", f"{each.about.capitalize()}.", ""]
        lines += [f"![Rolls of the songs](showcase/{picture.name})"]
    text = INTRO.format(machine=machine("onnxruntime"), table="\n".join(lines), how=how(__doc__))
    write_atomically(page, text.encode())


if __name__ == "__main__":
    main()
