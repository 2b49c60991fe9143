"""The names of staged objects, and which of them make up what has arrived.

    staging/<writer>/begun                        the writer was created; holds who created it
    staging/<writer>/<start>-<end>-<author>       bytes [start, end) of it, each put in one piece
    staging/<writer>/<start>-<end>-<sha-256>      the same, sent straight by a client, by a URL that
                                                  was good for bytes with this digest only
    staging/<writer>/composing                    a commit is copying; holds what to call off

An author (32 hex digits) is one writer object in one process, and writes no name twice: what stands
under a name never changes. So whoever goes on with an upload, here or elsewhere, while somebody
slow still holds it too, loses nothing and mixes nothing up: a digest is taken of certain objects,
and these are what a commit copies.

Full parts begin and end at places that everybody agrees on. A part that ends before is a tail: it
was all there was when its writer was closed, and is written again, longer, by the next one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Final

from muniment.errors import LimitExceeded

MIB: Final = 2**20
_TIERS: Final = ((4_000, 8 * MIB), (3_000, 32 * MIB), (3_000, 128 * MIB))
"""How many parts of which size: no store takes more than 10,000, and small ones use less memory."""
_BEGINS: Final = (0, *accumulate(count * size for count, size in _TIERS))
MAX_BYTES: Final = _BEGINS[-1]
"""What can be sent in parts: 500 GiB."""

_PART: Final = re.compile(
    r"staging/[0-9a-f]{32}/([0-9]{14})-([0-9]{14})-([0-9a-f]{32}|[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Found:
    """An object: its path below the store's prefix, size in bytes, ETag, time of writing."""

    path: str
    size: int
    etag: str | None
    modified: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes [start, end) of an upload, in one object; `etag` pins the bytes that were meant."""

    path: str
    start: int
    end: int
    etag: str | None
    promised: str | None = None
    """The SHA-256 that its URL was good for, if a client has sent it."""

    @property
    def is_tail(self) -> bool:
        """Whether a later writer may make a longer one of it."""
        return self.promised is None and self.end < part_end(self.start)


def folder(writer_id: str) -> str:
    """Return what the paths of all objects of a writer begin with."""
    return f"staging/{writer_id}/"


def part_path(writer_id: str, start: int, end: int, author: str) -> str:
    """Return the path of a part."""
    return f"{folder(writer_id)}{start:014}-{end:014}-{author}"


def part_end(start: int) -> int:
    """Return where the full part that begins at `start` ends.

    Raises:
        LimitExceeded: behind `MAX_BYTES`.
    """
    if start >= MAX_BYTES:
        raise LimitExceeded(
            f"A blob that is sent in parts holds at most {MAX_BYTES} bytes here.",
            details={"limit": MAX_BYTES},
        )
    tier = bisect_right(_BEGINS, start) - 1
    begin, size = _BEGINS[tier], _TIERS[tier][1]
    return begin + ((start - begin) // size + 1) * size


def chain(found: Iterable[Found]) -> list[Part]:
    """Return the parts that hold all that has arrived, without a gap, from the first byte on."""
    longest: dict[int, Part] = {}
    for each in found:
        part = _parse(each)
        if part is None:
            continue
        rival = longest.get(part.start)
        if rival is None or part.end > rival.end:
            longest[part.start] = part
    parts: list[Part] = []
    reached = 0
    while (part := longest.get(reached)) is not None:
        parts.append(part)
        reached = part.end
    return parts


def _parse(found: Found) -> Part | None:
    name = _PART.fullmatch(found.path)
    if name is None:
        return None
    start, end, author = int(name[1]), int(name[2]), name[3]
    if end <= start or found.size != end - start:
        return None  # sent with another length than its URL was made for
    promised = author if len(author) == 64 else None
    return Part(found.path, start, end, found.etag, promised)
