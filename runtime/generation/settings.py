"""All that decides a song besides the model: one checked object, from the caller to the sampler."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from typing import Any, ClassVar

from ugen.data.analysis.chord_symbols import parse_chords
from ugen.data.analysis.chords import key_of_chords
from ugen.data.analysis.key import key_name, key_of, parse_key
from ugen.data.analysis.wishes import BY_NAME, WISH_TABLE
from ugen.data.codecs.base import Tokens
from ugen.data.codecs.columns import Wishes
from ugen.data.errors import UgenError
from ugen.data.settings import check_settings, setting
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.config import Sampling

from .packing import packed_array
from .song_state import MAX_SEED, MAX_TOKENS, TEMPOS, SongState
from .wishes.asked import Mix, drawn, mix_of, require_chords, require_known
from .wishes.instruments import check_instruments, instruments_of
from .wishes.kept import Kept, check_kept
from .wishes.usual import drawn_key

MAX_SECONDS = 24 * 3600.0
MAX_STEPS = 1 << 40
WISHES = "What a song is to be"
GUIDANCE = 3.0
_LONGEST = 1 << 13  # characters of a text


@dataclass(frozen=True, eq=False, kw_only=True)
class SongSettings:
    """What to make. With neither `seconds` nor `bars` the song is endless.

    `key`: asked of a model that knows keys; None for that of `start` or `primer`, or a drawn one.
    `like`, `density`, `polyphony`, `meter`, `chords`: asked of a model that knows such; None for
    that of `start`, or leaves it to the model. `guidance`: of what is asked for, all but a drawn
    key and chords; `guided`: what that is, by the wish's name; None for what is asked for here.
    `instruments`, `drums`: which a band may use. `sampling`: None for that of `start`, or the
    model's own. `primer`: tokens of music to continue from (`tokens_of`), before the song starts
    or, with `keep_primer`, as its beginning. `start`: where another song ended, to continue from
    there: with its sampling and tempo unless others are given, and with its random stream if the
    seed is the same. `kept`: music that stays (`kept_music`); the song has its bars and, unless
    others are given, its key and tempos. `guard`: detect degenerate and copied output and resample
    it; `copy_guard`: copied output, too; neither where music is `kept`, which may be such. `cut`:
    the second up to which a song was written. `stopped_after`: how many steps had been taken when
    it was stopped, those that were taken back among them.
    """

    PANEL: ClassVar[str] = "Song"

    seconds: float | None = setting(None, "Length of the song in seconds.", default_text="60")
    bars: int | None = setting(
        None, "Length in whole bars, instead of --seconds.", minimum=1, maximum=20_000
    )
    exact: bool = setting(
        False,
        "Take what the model makes as it comes: with a rest before the first note, and cut at "
        "exactly the asked length instead of coming to an end near there.",
    )
    key: str | None = setting(
        None,
        "Key, as in C, F# or Bbm. The song of a model that knows no keys is moved to it when it is "
        "finished.",
        default_text="drawn by the model's music, or the primer's",
    )
    tempo: float | None = setting(
        None,
        "Beats per minute of the whole song; its mood follows, if the model knows tempos.",
        minimum=TEMPOS[0],
        maximum=TEMPOS[1],
    )
    like: str | None = setting(
        None,
        "Style, as a sub-folder of the training music is called (--info lists them); or several, "
        "as in rag:0.7,waltz:0.3.",
        panel=WISHES,
    )
    density: str | None = setting(
        None,
        "How many notes, as the training music has them.",
        choices=BY_NAME["density"].values,
        panel=WISHES,
    )
    polyphony: str | None = setting(
        None,
        "How many notes at once, as the training music has them.",
        choices=BY_NAME["polyphony"].values,
        panel=WISHES,
    )
    meter: str | None = setting(
        None, "Meter, as in 3/4.", choices=BY_NAME["meter"].values, panel=WISHES
    )
    guidance: float | None = setting(
        None,
        "How much to do what is asked for: so many times what it changes in a model's mind. More "
        "than 1 takes longer.",
        default_text=f"{GUIDANCE:g}",
        minimum=1,
        maximum=10,
        panel=WISHES,
    )
    instruments: str | None = setting(
        None,
        "The instruments of a band, all of which are used, by number or name of General MIDI, as "
        "in 'piano, acoustic bass, drums'.",
        panel=WISHES,
    )
    drums: bool = setting(
        True, "Use drums, if the model knows them.", flag="--no-drums", panel=WISHES
    )
    chords: str | None = setting(
        None,
        "Chords, one a bar or more, as in 'Am | F | C G | Am', again and again; or a MIDI file "
        "that has them.",
        panel=WISHES,
    )
    seed: int = setting(
        MISSING,
        "The same seed makes the same song.",
        default_text="a random number",
        minimum=0,
        maximum=MAX_SEED,
    )
    keep_primer: bool = setting(False, "Start the song with the primer itself.")
    guard: bool = setting(
        True,
        "Keep degenerate output: silence, stuck notes, endless loops; and copied passages.",
        flag="--no-guard",
    )
    copy_guard: bool = setting(
        True, "Keep passages copied from the training music.", flag="--no-copy-guard"
    )
    sampling: Sampling | None = None
    primer: Tokens | None = packed_array("<u2", MAX_TOKENS, default=None, is_compressed=False)
    start: SongState | None = None
    kept: Kept | None = None
    cut: float | None = None
    stopped_after: int | None = None
    guided: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        for flag, value in (("--seconds", self.seconds), ("cut", self.cut)):
            if value is not None and not 0 < value <= MAX_SECONDS:
                reason = f"must be more than 0 and at most {MAX_SECONDS:.0f}"
                raise UgenError(reason, flag=flag, value=value)
        if self.stopped_after is not None and not 0 <= self.stopped_after <= MAX_STEPS:
            reason = f"must be 0 to {MAX_STEPS}"
            raise UgenError(reason, flag="stopped_after", value=self.stopped_after)
        if self.seconds is not None and self.bars is not None:
            raise UgenError("--seconds and --bars: give one of them")
        if self.key is not None:
            parse_key(self.key)
        texts = ("like", self.like), ("instruments", self.instruments), ("chords", self.chords)
        for name, text in texts:
            if text is not None and len(text) > _LONGEST:
                raise UgenError(
                    f"{len(text)} characters; {_LONGEST} are the most", flag=f"--{name}"
                )
        if self.instruments is not None:
            instruments_of(self.instruments)
        if self.chords is not None:
            parse_chords(self.chords)
        if not set(self.guided or ()) <= set(BY_NAME):
            raise UgenError("guided: no wishes")
        if self.primer is not None and self.start is not None:
            raise UgenError("not with --from-state, which continues another song", flag="--primer")
        if self.kept is not None:
            self._check_kept(self.kept)
        if self.keep_primer and self.primer is None:
            raise UgenError("goes with --primer", flag="--keep-primer")

    def _check_kept(self, kept: Kept) -> None:
        """Raise UgenError for what contradicts music that stays."""
        for flag, value in (("--primer", self.primer), ("--from-state", self.start)):
            if value is not None:
                raise UgenError("not with --with, whose music is all of the song", flag=flag)
        if self.seconds is not None or self.bars not in (None, kept.bars):
            flag = "--bars" if self.bars else "--seconds"
            raise UgenError("not with --with: the song is as long as its music", flag=flag)
        meters = {f"{n}/{d}" for _, n, d in kept.meters.reshape(-1, 3).tolist()}
        if self.meter is not None and meters != {self.meter}:
            reason = f"the music of --with is in {', '.join(sorted(meters))}; leave it out"
            raise UgenError(reason, flag="--meter", value=self.meter)

    @property
    def is_endless(self) -> bool:
        """Whether no length is given."""
        lengths = self.seconds, self.bars, self.cut, self.stopped_after, self.kept
        return all(each is None for each in lengths)

    @property
    def before(self) -> Tokens | None:
        """The tokens that the song continues from, if any."""
        return self.primer if self.start is None else self.start.tokens

    def counts_down(self, card: Card) -> bool:
        """Whether a model with this card is told how much of the song is left."""
        has_length = (self.seconds or self.bars) is not None
        return "left" in card.column_names and has_length and not self.exact

    def ends(self, card: Card) -> bool:
        """Whether such a model ends the song near the asked length, by the codec's end."""
        return self.kept is None and self.counts_down(card) and card.codec.end is not None

    @property
    def asked(self) -> dict[str, str | float]:
        """What is asked for, by the wish's name."""
        found = {wish.name: getattr(self, _field(wish.name)) for wish in WISH_TABLE}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def texts(self) -> dict[str, str]:
        """The same, without the tempo."""
        return {name: value for name, value in self.asked.items() if isinstance(value, str)}

    def guided_columns(self, card: Card) -> list[str]:
        """The columns whose wishes are guided, if any are."""
        if self.guidance == 1 or self.guided is None:
            return []
        return [name for name in self.guided if name in card.known]

    def mixes(self, card: Card) -> dict[str, Mix]:
        """The ids asked for, with their weights, by the column's name."""
        mixes = {name: mix_of(card.known[name], text) for name, text in self.texts.items()}
        if self.tempo is not None and "tempo" in card.known:
            mixes["tempo"] = {card.known["tempo"].ask(float(self.tempo)): 1.0}
        return mixes

    def wishes(self, card: Card) -> Wishes:
        """What is wanted of the piece from its first token on, the primer included; of a mix, what
        holds in its first bar."""
        ids = {name: drawn(mix, self.seed, 0) for name, mix in self.mixes(card).items()}
        given = None
        if self.kept is not None:
            asked = None if self.instruments is None else instruments_of(self.instruments)
            given = self.kept.given(card.codec, self.seed, asked)
        if not self.counts_down(card) and self.chords is None:
            return Wishes(ids, given=given)
        before = card.codec.cursor(self.tempo)
        for token in () if self.before is None else self.before.tolist():
            before.feed(token)
        wishes = Wishes(ids, given=given)
        if self.chords is not None:
            bars = parse_chords(self.chords).bars
            begin = self._chords_from(card, before.bars)
            wishes = replace(wishes, chords=bars, chords_from=begin)
        if not self.counts_down(card):
            return wishes
        if self.bars is not None:
            return replace(wishes, bars=before.bars + self.bars)
        assert self.seconds is not None
        return replace(wishes, seconds=before.seconds + self.seconds)

    def _chords_from(self, card: Card, bar: int) -> int:
        """The bar that the chords begin with: the next new one, but where a state is among them.
        `bar`: where what came before has led to."""
        if self.start is not None and self.start.chords == self.chords:
            return bar - self.start.chord_bar
        before = () if self.before is None else self.before.tolist()
        is_new = not before or card.codec.events[before[-1]] == "bar"
        return bar if is_new else bar + 1

    def for_model(self, card: Card) -> SongSettings:
        """The same for a model with this card, `sampling`, `tempo` and `key` filled in. Raises
        UgenError that names what such a model cannot do."""
        start, codec = self.start, card.codec
        sampling, tempo = self.sampling, self.tempo
        if start is not None:
            start.check(card)
            if start.has_ended(card):
                reason = "its song has come to its end; make it with --exact to continue it"
                raise UgenError(reason, flag="--from-state")
            sampling = sampling or start.sampling
            tempo = start.tempo if tempo is None else tempo
        sampling = sampling or card.sampling
        for flag, value in (("--bars", self.bars), ("--tempo", tempo)):
            if value is not None and not codec.has_bars:
                reason = f"the {codec.name} codec knows seconds only, no beats and bars"
                raise UgenError(reason, flag=flag)
        if sampling.repetition_penalty > 1 and not codec.onset_tokens.any():
            reason = f"the {codec.name} codec has no tokens for onsets"
            raise UgenError(reason, flag="--repetition-penalty")
        if self.primer is not None:
            codec.check(self.primer)
        bars = self.bars
        if self.kept is not None:
            check_kept(card, self.kept)
            bars, tempo = self.kept.bars, self.kept.tempo if tempo is None else tempo
        asked = self._asked_of(card)
        settings = replace(self, sampling=sampling, tempo=tempo, bars=bars, **asked)
        if settings.chords is not None:
            require_chords(card)
        check_instruments(codec, settings.instruments, settings.drums)
        settings.mixes(card)
        return settings

    def _asked_of(self, card: Card) -> dict[str, Any]:
        """What to ask a model for, by the field's name: what is given, else what `start` holds; a
        key always, if it knows keys."""
        before = {} if self.start is None else {**self.start.asked}
        asked = {**before, **self.texts}
        guided = dict.fromkeys(self.start.guided if self.start else ()) | self.asked
        if "key" in asked and "key" not in card.known:
            reason = "the model was trained without the column key; transpose its songs"
            raise UgenError(reason, flag="--key", value=asked["key"])
        for name in asked:
            require_known(card, name)
        if "key" in card.known and "key" not in asked:
            asked["key"] = self._usual_key(card)
        found: dict[str, Any] = {_field(name): text for name, text in asked.items()}
        found["guided"] = tuple(guided) if self.guided is None else self.guided
        found["guidance"] = self.guidance or (self.start.guidance if self.start else GUIDANCE)
        if self.start is not None:
            found["instruments"] = self.instruments or self.start.instruments
            found["drums"] = self.drums and self.start.drums
            found["chords"] = self.chords or self.start.chords
        return found

    def _usual_key(self, card: Card) -> str:
        """The key to ask for where nobody names one."""
        if self.chords is not None:
            return key_name(key_of_chords(parse_chords(self.chords).bars))
        if self.primer is not None and len(self.primer):
            return key_name(key_of(card.codec.decode(self.primer)))
        if self.kept is not None:
            return key_name(key_of(self.kept.score))
        return drawn_key(card, self.seed)


def _field(name: str) -> str:
    """The field of a wish: its option's name."""
    return BY_NAME[name].flag.removeprefix("--")
