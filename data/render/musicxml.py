"""Scores as MusicXML 4.0 (W3C, 2021), for notation programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from ugen.data.analysis.key import key_of
from ugen.data.codecs.beats.table import GRID
from ugen.data.errors import CodecError
from ugen.data.files import replacing
from ugen.data.midi.messages import DRUM_CHANNEL, MELODIC_CHANNELS
from ugen.data.score import Score
from ugen.data.text import printable

from .notation.bars import Bar, bars_of, quantized
from .notation.measure import Symbol, Voice, symbols
from .notation.parts import Clef, Part, parts_of
from .notation.percussion import drum
from .notation.spelling import Spelling
from .notation.voices import MOST, Chord

_MOST_MEASURES = 1_000_000  # of all parts; bounds the size of the file
_NOTICEABLE = 0.06  # the change of tempo from which a mark says so
_HEAD = """\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
"""


def write_musicxml(
    score: Score,
    path: Path,
    key: tuple[int, bool] | None = None,
    pad_ticks: int = 0,
    as_played: bool = False,
) -> None:
    """Write a score as a file, whole or not at all: on the grid of the beats codec, each program a
    part, keyboards in two staves.

    `key`: that of the signature and the accidentals; None for the likeliest. Notes are as long as
    they read well, and have attributes that say when they are released; `as_played`: as long as
    they are. Raises CodecError for music that lasts too long for its notes, and UgenError when
    the file cannot be written."""
    music = quantized(score)
    last = music.end_tick + pad_ticks * GRID // score.ticks_per_beat
    bars = bars_of(music, last)
    parts = list(parts_of(music, bars, as_played))
    if len(bars) * len(parts) > _MOST_MEASURES:
        many = f"has {len(parts):,} parts of {len(bars):,} bars"
        raise CodecError(f"{many}; {_MOST_MEASURES:,} are the most, all together")
    spelling = Spelling(key_of(score) if key is None else key)
    with replacing(path) as partial, open(partial, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(_HEAD)
        stream.writelines(_header(parts, printable(path.stem)))
        for number, part in enumerate(parts, 1):
            stream.write(f'<part id="P{number}">\n')
            tempos = _tempos(music, bars) if number == 1 else {}
            stream.writelines(_measures(part, f"P{number}", bars, tempos, spelling))
            stream.write("</part>\n")
        stream.write("</score-partwise>\n")


def _header(parts: Sequence[Part], title: str) -> Iterator[str]:
    """All before the first part."""
    yield f"<work><work-title>{escape(title)}</work-title></work>\n"
    yield "<identification><encoding><software>ugen</software></encoding></identification>\n"
    yield "<part-list>\n"
    pitched = 0
    for number, part in enumerate(parts, 1):
        channel = MELODIC_CHANNELS[pitched % len(MELODIC_CHANNELS)]
        pitched += not part.drums
        yield from _instruments(part, f"P{number}", DRUM_CHANNEL if part.drums else channel)
    yield "</part-list>\n"


def _instruments(part: Part, name: str, channel: int) -> Iterator[str]:
    yield f'<score-part id="{name}"><part-name>{escape(part.name)}</part-name>\n'
    # the name of each instrument, and what it plays: a drum by its key
    known: dict[str, tuple[str, int | None]]
    known = {f"{name}-I{key + 1}": (drum(key).name, key) for key in part.drums}
    if not part.drums:
        known = {f"{name}-I1": (part.name, None)}
    for each, (words, _) in known.items():
        yield f'<score-instrument id="{each}"><instrument-name>{escape(words)}</instrument-name>'
        yield "</score-instrument>\n"
    for each, (_, key) in known.items():
        unpitched = "" if key is None else f"<midi-unpitched>{key + 1}</midi-unpitched>"
        yield f'<midi-instrument id="{each}"><midi-channel>{channel + 1}</midi-channel>'
        yield f"<midi-program>{part.program + 1}</midi-program>{unpitched}</midi-instrument>\n"
    yield "</score-part>\n"


def _tempos(score: Score, bars: list[Bar]) -> dict[int, str]:
    """The tempos that begin in each bar, by its number."""
    found: dict[int, str] = defaultdict(str)
    number, shown = 0, 0.0
    for tick, usec in score.tempos.tolist():
        while number < len(bars) and bars[number].end <= tick:
            number += 1
        if number == len(bars):
            break
        bar, tempo = bars[number], 60e6 / usec
        offset, sound = tick - bar.start, f'<sound tempo="{tempo:.6f}"'
        if abs(tempo / shown - 1 if shown else 1.0) < _NOTICEABLE:
            found[number] += f"{sound}><offset>{offset}</offset></sound>\n"
            continue
        shown = tempo
        beat, dot = ("quarter", "<beat-unit-dot/>") if bar.meter.beat == 36 else ("quarter", "")
        beats = round(tempo / (1.5 if dot else 1))
        found[number] += (
            '<direction placement="above"><direction-type><metronome>'
            f"<beat-unit>{beat}</beat-unit>{dot}<per-minute>{beats}</per-minute></metronome>"
            f'</direction-type><offset sound="yes">{offset}</offset><staff>1</staff>{sound}/>'
            "</direction>\n"
        )
    return found


def _measures(
    part: Part, name: str, bars: list[Bar], tempos: dict[int, str], spelling: Spelling
) -> Iterator[str]:
    """The bars of a part."""
    staves = [[Voice(chords) for chords in staff.voices] for staff in part.staves]
    whole = partial = 0
    for number, bar in enumerate(bars):
        whole, partial = whole + (not bar.lacks), partial + (bar.lacks > 0 and not bar.is_pickup)
        label = "0" if bar.is_pickup else f"X{partial}" if bar.lacks else str(whole)
        yield f'<measure number="{label}"{" implicit=" if bar.lacks else ""}'
        yield '"yes">\n' if bar.lacks else ">\n"
        yield _attributes(part, bar, bars[number - 1] if number else None, spelling)
        yield tempos.get(number, "")
        yield from _contents(part, name, bar, staves, spelling)
        if number == len(bars) - 1:
            yield '<barline location="right"><bar-style>light-heavy</bar-style></barline>\n'
        yield "</measure>\n"


def _attributes(part: Part, bar: Bar, before: Bar | None, spelling: Spelling) -> str:
    """What holds from this bar on: at the beginning all, later a change of meter."""
    numerator, denominator = bar.meter
    time = f"<time><beats>{numerator}</beats><beat-type>{denominator}</beat-type></time>"
    if before is not None:
        return "" if before.meter == bar.meter else f"<attributes>{time}</attributes>\n"
    mode = "minor" if spelling.is_minor else "major"
    key = f"<key><fifths>{spelling.fifths}</fifths><mode>{mode}</mode></key>"
    if part.drums:
        key = "<key><fifths>0</fifths></key>"
    staves = len(part.staves)
    count = f"<staves>{staves}</staves>" if staves > 1 else ""
    clefs = "".join(_clef(n, staff.clef) for n, staff in enumerate(part.staves, 1))
    return f"<attributes><divisions>{GRID}</divisions>{key}{time}{count}{clefs}</attributes>\n"


def _clef(number: int, clef: Clef) -> str:
    line = f"<line>{clef.line}</line>" if clef.line else ""
    octaves = f"<clef-octave-change>{clef.octaves}</clef-octave-change>" if clef.octaves else ""
    return f'<clef number="{number}"><sign>{clef.sign}</sign>{line}{octaves}</clef>'


def _contents(
    part: Part, name: str, bar: Bar, staves: list[list[Voice]], spelling: Spelling
) -> Iterator[str]:
    """The voices of a bar, the one after the other. Those that are heard in it get the first
    numbers of their staff."""
    for staff, voices in enumerate(staves):
        heard = list(filter(None, [voice.within(bar) for voice in voices])) or [[]]
        accidentals = _accidentals((chord for chords in heard for chord in chords), spelling)
        for number, chords in enumerate(heard):
            if staff or number:
                yield f"<backup><duration>{bar.length}</duration></backup>\n"
            voice = staff * MOST + number + 1
            writer = _VoiceWriter(part, name, staff + 1, voice, spelling, accidentals)
            yield from writer.write(chords, bar, is_main=not number)


def _accidentals(chords: Iterator[Chord], spelling: Spelling) -> dict[tuple[int, int], str]:
    """The accidentals of a staff's bar, by onset and pitch."""
    spelling.begin_bar()
    starts = ((c.start, pitch) for c in chords for pitch in c.pitches if pitch not in c.tied_from)
    return {start: spelling.accidental(start[1]) for start in sorted(starts)}


class _VoiceWriter:
    """Writes a bar of a voice."""

    def __init__(
        self,
        part: Part,
        name: str,
        staff: int,
        voice: int,
        spelling: Spelling,
        accidentals: dict[tuple[int, int], str],
    ):
        self._part = part
        self._name = name
        self._pitches = spelling.pitches
        self._accidentals = accidentals
        self._voice = f"<voice>{voice}</voice>"
        self._staff = f"<staff>{staff}</staff>" if len(part.staves) > 1 else ""

    def write(self, chords: list[Chord], bar: Bar, is_main: bool) -> Iterator[str]:
        """Its notes, and its rests; of a voice beside the main one, only those in triplets."""
        if not chords and not bar.lacks:  # rests of whole bars are read as long as the meter says
            yield f'<note><rest measure="yes"/><duration>{bar.length}</duration>{self._voice}'
            yield f"{self._staff}</note>\n"
            return
        now, gap = bar.start, 0
        for symbol in symbols(chords, bar, has_ties=not self._part.drums):
            if symbol.pitches or is_main or symbol.piece.triplet:
                yield from self._forward(gap)
                gap = 0
                yield from self._notes(symbol, now)
            else:
                gap += symbol.length
            now += symbol.length
        yield from self._forward(gap)

    def _forward(self, steps: int) -> Iterator[str]:
        if steps:
            yield f"<forward><duration>{steps}</duration>{self._voice}{self._staff}</forward>\n"

    def _notes(self, symbol: Symbol, now: int) -> Iterator[str]:
        """The notes of a chord, or a rest."""
        if not symbol.pitches:
            yield f"<note><rest/>{self._rest_of_note(symbol, None, '', '')}"
        for n, pitch in enumerate(symbol.pitches):
            chord = "<chord/>" if n else ""
            if self._part.drums:
                its = drum(pitch)
                yield f"<note>{chord}<unpitched><display-step>{its.letter}</display-step>"
                yield f"<display-octave>{its.octave}</display-octave></unpitched>"
                head = f"<notehead>{its.head}</notehead>" if its.head != "normal" else ""
                yield self._rest_of_note(symbol, pitch, "", head, is_chord=bool(n))
                continue
            letter, alter, octave = self._pitches[pitch]
            altered = f"<alter>{alter}</alter>" if alter else ""
            later = 0 if pitch in symbol.tied_to else symbol.released[pitch]
            release = f' release="{later}"' if later else ""
            yield f"<note{release}>{chord}<pitch><step>{letter}</step>{altered}"
            yield f"<octave>{octave}</octave>"
            mark = "" if pitch in symbol.tied_from else self._accidentals.get((now, pitch), "")
            mark = f"<accidental>{mark}</accidental>" if mark else ""
            yield f"</pitch>{self._rest_of_note(symbol, pitch, mark, '', is_chord=bool(n))}"

    def _rest_of_note(
        self, symbol: Symbol, pitch: int | None, accidental: str, head: str, is_chord: bool = False
    ) -> str:
        """All that follows a note's pitch, in the order that the schema wants."""
        piece, triplet = symbol.piece, symbol.piece.triplet
        starts = pitch in symbol.tied_to
        stops = pitch in symbol.tied_from
        ties = '<tie type="stop"/>' * stops + '<tie type="start"/>' * starts
        notations = '<tied type="stop"/>' * stops + '<tied type="start"/>' * starts
        instrument = modified = ""
        if self._part.drums and pitch is not None:
            instrument = f'<instrument id="{self._name}-I{pitch + 1}"/>'
        if piece.is_triplet:
            normal = ""
            if triplet and triplet.kind != piece.kind:
                normal = f"<normal-type>{triplet.kind}</normal-type>"
            modified = (
                "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
                f"{normal}</time-modification>"
            )
        if triplet and not is_chord:
            notations += '<tuplet type="start" bracket="yes"/>' * (piece.start == triplet.start)
            notations += '<tuplet type="stop"/>' * (piece.end == triplet.end)
        beams = "" if is_chord else _beams(symbol.beams)
        return (
            f"<duration>{symbol.length}</duration>{ties}{instrument}{self._voice}"
            f"<type>{piece.kind}</type>{'<dot/>' * piece.dots}{accidental}{modified}{head}"
            f"{self._staff}{beams}"
            f"{f'<notations>{notations}</notations>' if notations else ''}</note>\n"
        )


def _beams(beams: Sequence[str]) -> str:
    return "".join(f'<beam number="{n}">{each}</beam>' for n, each in enumerate(beams, 1))
