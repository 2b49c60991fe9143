"""Which staged objects make up what has arrived."""

from __future__ import annotations

import pytest

from muniment.domain.values import utcnow
from muniment.errors import LimitExceeded
from muniment.storage.objects.parts import (
    MAX_BYTES,
    MIB,
    Found,
    chain,
    folder,
    part_end,
    part_path,
)

ID = "5" * 32
ME, ANOTHER = "a" * 32, "b" * 32


def staged(start: int, end: int, author: str = ME, size: int | None = None) -> Found:
    path = part_path(ID, start, end, author)
    return Found(path, end - start if size is None else size, '"etag"', utcnow())


def spans(*found: Found) -> list[tuple[int, int]]:
    return [(part.start, part.end) for part in chain(found)]


def test_parts_follow_each_other_from_the_first_byte_on() -> None:
    assert spans() == []
    assert spans(staged(8, 16), staged(0, 8), staged(16, 17)) == [(0, 8), (8, 16), (16, 17)]
    assert spans(staged(0, 8), staged(16, 24)) == [(0, 8)]
    assert spans(staged(8, 16)) == []


def test_of_two_that_begin_together_the_longer_one_counts() -> None:
    assert spans(staged(0, 5), staged(0, 8, ANOTHER), staged(8, 9)) == [(0, 8), (8, 9)]


def test_what_is_no_part_does_not_count() -> None:
    others = [
        Found(f"{folder(ID)}begun", 0, None, utcnow()),
        Found(f"{folder(ID)}{0:014}-{8:014}-nobody", 8, None, utcnow()),
        staged(0, 8, size=7),
        staged(8, 8),
    ]
    assert spans(*others) == []


def test_who_sends_directly_has_promised_a_digest() -> None:
    (part,) = chain([staged(0, 100, "c" * 64)])
    assert part.promised == "c" * 64
    assert not part.is_tail


def test_full_parts_meet_and_are_few_enough_for_every_store() -> None:
    starts = [0]
    while starts[-1] < MAX_BYTES:
        starts.append(part_end(starts[-1]))
    assert starts[1] == 8 * MIB
    assert starts[-1] == MAX_BYTES == 500 * 1024 * MIB
    assert len(starts) - 1 == 10_000
    assert {part_end(start + 1) for start in starts[:-1]} == set(starts[1:])
    with pytest.raises(LimitExceeded):
        part_end(MAX_BYTES)
