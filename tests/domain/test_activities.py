"""The chain: whatever is changed, removed or moved shows, and where."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from muniment.domain.activities import Activity, ActivityKind, Entry, chain, verify_chain
from muniment.errors import Corrupt

AT = datetime(2026, 11, 21, 11, 33, tzinfo=UTC)


def history(length: int) -> list[Activity]:
    made: list[Activity] = []
    for n in range(length):
        entry = Entry(ActivityKind.MODEL_UPDATED, "ada", AT, details={"n": n, "x": [1.5, "é"]})
        previous = made[-1].hash if made else ""
        made.append(chain(entry, model_uuid="u", sequence=n + 1, previous=previous))
    return made


def test_an_untouched_history_verifies() -> None:
    for length in (0, 1, 5):
        made = history(length)
        verify_chain(made, count=length, head=made[-1].hash if made else "")


def test_an_entry_survives_json() -> None:
    (entry,) = history(1)
    assert Activity.from_json(entry.to_json()) == entry


def test_the_hash_is_fixed_for_ever() -> None:
    entry = Entry(ActivityKind.ALIAS_SET, "ada", AT, version=2, details={"alias": "champion"})
    made = chain(entry, model_uuid="0" * 32, sequence=1, previous="")
    assert made.hash == "ae90334a6eb108a5e64f78da8de5635cab69292dec5da6c9769df9d3dfe0d826"


@pytest.mark.parametrize(
    ("tamper", "sequence"),
    [
        (lambda h: [*h[:2], replace(h[2], actor="eve"), *h[3:]], 3),
        (lambda h: [*h[:2], replace(h[2], details={"n": 2.0, "x": [1.5, "é"]}), *h[3:]], 3),
        (lambda h: [*h[:2], *h[3:]], 3),
        (lambda h: [h[0], h[2], h[1], *h[3:]], 2),
        (lambda h: h[:-1], 5),
        (lambda h: [], 1),
        (lambda h: history(1) + history(5)[1:4] + [replace(h[4], previous="0" * 64)], 5),
    ],
)
def test_tampering_names_the_first_broken_entry(tamper, sequence: int) -> None:  # type: ignore[no-untyped-def]
    made = history(5)
    with pytest.raises(Corrupt) as caught:
        verify_chain(tamper(made), count=5, head=made[-1].hash)
    assert caught.value.details["sequence"] == sequence
