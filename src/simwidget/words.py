"""Numbers as people read them."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def counted(count: int, what: str) -> str:
    """Write a number of things, such as "1 image" or "1,204 images"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def file_size(size: int) -> str:
    """Write a number of bytes with three digits in decimal units, such as "3.41 MB"; those below 1000 in full."""
    if size < 1000:
        return counted(size, "byte")
    scaled, unit = size / 1000, 0
    while scaled >= 999.5 and unit < len(_UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:.{digits}f} {_UNITS[unit]}"


def quoted(name: str) -> str:
    """Write a name that a person gave, in quotes."""
    return f'"{name}"'
