"""Numbers, times and names as text that is safe to print."""

from __future__ import annotations


def count(number: int, thing: str) -> str:
    """A number of things, in the plural unless it is one."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def duration(seconds: float) -> str:
    """A length of time that is not known exactly: 40 seconds, 25 minutes, 3.5 hours."""
    if seconds < 90:
        return count(max(round(seconds), 1), "second")
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.3g} hours"


def printable(text: str) -> str:
    """Text with U+FFFD in place of characters that could break a line or a terminal, which file
    names can hold."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def line(value: object) -> str:
    """A value from a file, cut to 200 characters that are safe in a one-line error."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[:200])
    return text if len(str(value)) <= 200 else f"{text}..."
