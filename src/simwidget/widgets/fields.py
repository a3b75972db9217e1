"""Reads the fields of a message from outside: whatever JSON can hold, and nothing is taken on trust."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_ID = 2**53 - 1  # the largest integer that JavaScript counts without gaps
MAX_ITEM = 2**31 - 1  # item ids travel as int32
MAX_RANGES = 10_000
MAX_TEXT = 1_000  # characters of a name that is worth passing on
# JSON can hold half a character, and no reply could.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class ProtocolError(ValueError):
    """A message that is no valid request.

    Attributes
    ----------
    id : int or None
        The request's id where one could be read, so that an error reply can be sent.
    """

    def __init__(self, message: str, request_id: int | None) -> None:
        super().__init__(message)
        self.id = request_id


class Fields:
    """Typed access to the fields of one message; everything wrong with them is a :class:`ProtocolError`.

    Parameters
    ----------
    content : mapping
        What JSON can hold.
    buffers : sequence of memoryview or bytes
        What came with it.
    """

    def __init__(self, content: Mapping[str, object], buffers: Sequence[memoryview | bytes]) -> None:
        self._content, self._buffers = content, buffers
        raw = content.get("id")
        if not _is_integer(raw, 1, MAX_ID):
            raise ProtocolError(f"id must be an integer from 1 to 2**53 - 1, not {brief(raw)}", None)
        self.id = raw

    def error(self, message: str) -> ProtocolError:
        """Make an error that names the request."""
        return ProtocolError(message, self.id)

    def integer(self, name: str, low: int, high: int) -> int:
        """Read an integer from ``low`` to ``high``."""
        value = self._content.get(name)
        if not _is_integer(value, low, high):
            raise self.error(f"{name} must be an integer from {low} to {high}, not {brief(value)}")
        return value

    def text(self, name: str, longest: int = MAX_TEXT) -> str:
        """Read a text that is not empty."""
        value = self._content.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= longest or _LONE_SURROGATE.search(value):
            raise self.error(f"{name} must be a text of 1 to {longest} characters, not {brief(value)}")
        return value

    def data(self, longest: int) -> bytes:
        """Read the one buffer that came with the message."""
        sizes = [memoryview(buffer).nbytes for buffer in self._buffers]
        if len(sizes) != 1 or not 1 <= sizes[0] <= longest:
            got = f"of {sizes[0]}" if len(sizes) == 1 else f"but {len(sizes)}"
            raise self.error(f"one buffer of 1 to {longest} bytes must come with it, not one {got}")
        return bytes(self._buffers[0])

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Read one of some texts."""
        value = self._content.get(name)
        if not isinstance(value, str) or value not in choices:
            raise self.error(f"{name} must be one of {', '.join(choices)}, not {brief(value)}")
        return value

    def items(self, low: int, high: int) -> tuple[int, ...]:
        """Read a list of ``low`` to ``high`` ids."""
        value = self._content.get("items")
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise self.error(f"items must be a list of {low} to {high} item ids")
        for item in value:
            if not _is_integer(item, 0, MAX_ITEM):
                raise self.error(f"an item id is an integer from 0 to {MAX_ITEM}, not {brief(item)}")
        return tuple(value)

    def item(self) -> int:
        """Read the id of an item."""
        return self.integer("item", 0, MAX_ITEM)

    def epoch(self) -> int:
        """Read the number of an order."""
        return self.integer("epoch", 0, MAX_ID)

    def flag(self, name: str) -> bool:
        """Read true or false."""
        value = self._content.get(name)
        if not isinstance(value, bool):
            raise self.error(f"{name} must be true or false, not {brief(value)}")
        return value

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Read pairs of a start and a stop past it."""
        value = self._content.get("ranges")
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_RANGES:
            raise self.error(f"ranges must be a list of 1 to {MAX_RANGES} pairs")
        for pair in value:
            if (
                not isinstance(pair, list)
                or len(pair) != 2
                or not all(_is_integer(end, 0, MAX_ITEM) for end in pair)
            ):
                raise self.error(f"a range is a start and a stop, two integers from 0 to {MAX_ITEM}")
            if pair[0] >= pair[1]:
                raise self.error(f"stop must be past start in every range, not {pair[1]} past {pair[0]}")
        return tuple((start, stop) for start, stop in value)

    def span(self, longest: int) -> tuple[int, int]:
        """Read ``start`` and ``stop``, at most ``longest`` past it."""
        start = self.integer("start", 0, MAX_ITEM)
        stop = self.integer("stop", 0, MAX_ITEM)
        if not 0 < stop - start <= longest:
            raise self.error(f"stop must be 1 to {longest} past start, not {stop - start}")
        return start, stop


def _is_integer(value: object, low: int, high: int) -> TypeGuard[int]:
    # JSON's true is Python's True, which is an int as well; a browser never means it as a number.
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def brief(value: object) -> str:
    """Show a value from outside in a message, cut short; a million digits of it would not help anyone."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_ID:
        return "an integer past 2**53"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
