"""The errors a user can cause. Everything else is a bug in ugen and may show a traceback."""

from __future__ import annotations

from .text import printable

TYPE_CHECKING = False  # see ugen/data/__init__.py: commands start at once
if TYPE_CHECKING:
    from pathlib import Path


_LONGEST = 1000  # characters of a reason: files can claim names and values of any length


class UgenError(Exception):
    """A mistake in what was asked or given, in one line: its subject, then the reason.

    Attributes: `reason` (str); `flag` (str or None), the option at fault, as in `--seconds`; `path`
    (str or None), the file at fault; `exit_code` (int), what a command ends with.
    """

    exit_code = 2

    def __init__(
        self,
        reason: str,
        *,
        flag: str | None = None,
        value: object = None,
        path: str | Path | None = None,
    ):
        self.reason = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}..."
        self.flag = flag
        self.path = None if path is None else str(path)
        shown = None if value is None else str(value)
        subject = " ".join(part for part in (flag, shown, self.path) if part)
        super().__init__(printable(f"{subject}: {self.reason}" if subject else self.reason))


class StoppedError(UgenError):
    """Work that was stopped by no mistake; the same command continues it."""

    exit_code = 1


class MidiError(UgenError):
    """A MIDI file that cannot be read or written.

    Besides those of UgenError it has `offset` (int or None), the byte where reading failed.
    """

    def __init__(self, path: str, reason: str, offset: int | None = None):
        where = "" if offset is None else f" (byte {offset})"
        super().__init__(f"{reason}{where}", path=path)
        self.offset = offset


class CodecError(UgenError):
    """Tokens, or a description of a codec, that make no sense."""
