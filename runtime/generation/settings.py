"""All that decides a song besides the model: one checked object, from the caller to the sampler."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from typing import ClassVar

from ugen.data.codecs.base import Tokens
from ugen.data.errors import UgenError
from ugen.data.settings import check_settings, setting
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.config import Sampling

from .packing import packed_array
from .song_state import MAX_SEED, MAX_TOKENS, TEMPOS, SongState

MAX_SECONDS = 24 * 3600.0


@dataclass(frozen=True, eq=False, kw_only=True)
class SongSettings:
    """What to make. With neither `seconds` nor `bars` the song is endless.

    `sampling`: None for that of `start`, or the model's own. `primer`: tokens of music to continue
    from (`tokens_of`), before the song starts or, with `keep_primer`, as its beginning. `start`:
    where another song ended, to continue from there: with its sampling and tempo unless others are
    given, and with its random stream if the seed is the same. `guard`: detect degenerate and copied
    output and resample it; `copy_guard`: copied output, too. `cut`: this is the length at which the
    song was stopped, whatever its end is like.
    """

    PANEL: ClassVar[str] = "Song"

    seconds: float | None = setting(None, "Length of the song in seconds.", default_text="60")
    bars: int | None = setting(
        None, "Length in whole bars, instead of --seconds.", minimum=1, maximum=20_000
    )
    tempo: float | None = setting(
        None, "Beats per minute of the whole song.", minimum=TEMPOS[0], maximum=TEMPOS[1]
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
    primer: Tokens | None = packed_array("<u2", MAX_TOKENS, default=None)
    start: SongState | None = None
    cut: bool = False

    def __post_init__(self) -> None:
        check_settings(self)
        if self.seconds is not None and not 0 < self.seconds <= MAX_SECONDS:
            reason = f"must be more than 0 and at most {MAX_SECONDS:.0f}"
            raise UgenError(reason, flag="--seconds", value=self.seconds)
        if self.seconds is not None and self.bars is not None:
            raise UgenError("--seconds and --bars: give one of them")
        if self.primer is not None and self.start is not None:
            raise UgenError("not with --from-state, which continues another song", flag="--primer")
        if self.keep_primer and self.primer is None:
            raise UgenError("goes with --primer", flag="--keep-primer")

    @property
    def is_endless(self) -> bool:
        """Whether no length is given."""
        return self.seconds is None and self.bars is None

    @property
    def before(self) -> Tokens | None:
        """The tokens that the song continues from, if any."""
        return self.primer if self.start is None else self.start.tokens

    def for_model(self, card: Card) -> SongSettings:
        """The same for a model with this card, `sampling` and `tempo` filled in. Raises UgenError
        that names what such a model cannot do."""
        start, codec = self.start, card.codec
        sampling, tempo = self.sampling, self.tempo
        if start is not None:
            start.check(card)
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
        return replace(self, sampling=sampling, tempo=tempo)
