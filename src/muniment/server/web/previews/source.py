"""A stored file, read here and there: in blocks that are kept, and never more than a few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BLOCK: Final = 64 * 1024
_BLOCKS: Final = 160  # 10 MiB: the long header of a large model
_KEPT: Final = 8


class Unreadable(Exception):
    """The file is not what it seemed to be, or says so much that a page can't."""


class Source:
    """The bytes of a file; `read(start, end)` fetches them from the store."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._read = read
        self._left = _BLOCKS
        self._blocks: dict[int, bytes] = {}

    def part(self, start: int, end: int) -> bytes:
        """Return the bytes [start, end), fewer at the end of the file.

        Raises:
            Unreadable: too much of the file was asked for.
        """
        end = min(end, self.size)
        if start >= end:
            return b""
        first, last = start // BLOCK, (end - 1) // BLOCK
        if last - first > _BLOCKS:
            raise Unreadable
        joined = b"".join(self._block(number) for number in range(first, last + 1))
        return joined[start - first * BLOCK : end - first * BLOCK]

    def head(self, count: int) -> bytes:
        """Return the first bytes."""
        return self.part(0, count)

    def _block(self, number: int) -> bytes:
        known = self._blocks.pop(number, None)
        if known is None:
            self._left -= 1
            if self._left < 0:
                raise Unreadable
            known = self._read(number * BLOCK, min((number + 1) * BLOCK, self.size))
        self._blocks[number] = known
        if len(self._blocks) > _KEPT:
            del self._blocks[next(iter(self._blocks))]
        return known
