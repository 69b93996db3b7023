"""How long notes are on paper. What is played is often a little shorter, or longer."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from .bars import Bar
from .rhythm import levels_of

_LONGEST_GAP = 12  # steps that are left out on paper, and half of the note at most
_LONGEST_OVERLAP = 6  # and a quarter of the note
_PLAIN = {6 << n for n in range(6)} | {18 << n for n in range(4)}


def written_ends(notes: list[tuple[int, int, int]], bars: list[Bar]) -> list[int]:
    """Where the notes of a staff end on paper. `notes`: onset, end and pitch, by onset.

    One that ends where another begins, or lasts as long as a note on paper can, stays. Others last
    to the next onset if it is near, or else to the strongest place in the bar that is.
    """
    onsets = sorted({onset for onset, _, _ in notes})
    starts = [bar.start for bar in bars]
    found = []
    for onset, end, _ in notes:
        following = onsets[place] if (place := bisect_left(onsets, end)) < len(onsets) else end * 2
        next_onset = onsets[place] if (place := bisect_right(onsets, onset)) < len(onsets) else end
        length = end - onset
        if following == end or _is_plain(onset, end):
            found.append(end)
        elif 0 < end - next_onset <= min(length // 4, _LONGEST_OVERLAP):
            found.append(next_onset)
        elif following - end <= (most := min(length // 2, _LONGEST_GAP)):
            found.append(following)
        else:
            bar = bars[bisect_right(starts, end - 1) - 1]
            found.append(_strongest(end, min(following, end + most), bar))
    return found


def _is_plain(onset: int, end: int) -> bool:
    """Whether a note without ties would do, and end at a sixteenth, a dotted one at an eighth."""
    length = end - onset
    in_triplet = onset % 3 and end % 4 == 0
    return bool(in_triplet) or (length in _PLAIN and end % (12 if length % 9 == 0 else 6) == 0)


def _strongest(first: int, last: int, bar: Bar) -> int:
    """The strongest place of a bar between two steps, the first of several."""
    origin = bar.start - (bar.lacks if bar.is_pickup else 0)
    for distance in levels_of(bar.meter):
        place = origin - (origin - first) // distance * distance
        if place <= min(last, bar.end):
            return place
    return first
