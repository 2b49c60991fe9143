"""Every change leaves one entry, and the entries hold each other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.paging import encode_token
from muniment.domain.query import Cursor
from muniment.errors import Corrupt, InvalidPageToken

from .conftest import House


def test_history_says_who_did_what(house: House) -> None:
    house.catalog.create_model("m", ModelChanges(description="d"))
    bob = house.acting_as("bob")
    bob.catalog.create_version("m", NewVersion(source_uri="x:y"))
    bob.catalog.set_alias("m", "champion", 1)
    entries = house.catalog.history("m", newest_first=False).items
    assert [(a.sequence, a.actor, a.kind, a.version) for a in entries] == [
        (1, "ada", "model.created", None),
        (2, "bob", "version.created", 1),
        (3, "bob", "alias.set", 1),
    ]


def test_history_pages_both_ways(house: House) -> None:
    house.catalog.create_model("m")
    for n in range(10):
        house.catalog.update_model("m", ModelChanges(description=str(n)))

    def walk(newest_first: bool) -> list[int]:
        seen: list[int] = []
        token = None
        while True:
            page = house.catalog.history(
                "m", page_size=3, page_token=token, newest_first=newest_first
            )
            seen += [a.sequence for a in page.items]
            token = page.next_token
            if token is None:
                return seen

    assert walk(False) == list(range(1, 12))
    assert walk(True) == list(range(11, 0, -1))
    token = house.catalog.history("m", page_size=3).next_token
    with pytest.raises(InvalidPageToken):
        house.catalog.history("m", page_token=token, newest_first=False)


@pytest.mark.parametrize("cursor", [(1, 2), ("x",), (True,), (None,)])
def test_a_page_token_that_somebody_made_up_is_refused(house: House, cursor: Cursor) -> None:
    uuid = house.catalog.create_model("m").uuid
    token = encode_token(cursor, search=f"history {uuid} True [] None None")
    with pytest.raises(InvalidPageToken):
        house.catalog.history("m", page_token=token)


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE activities SET actor = 'eve' WHERE sequence = 2", "entry 2"),
        ("DELETE FROM activities WHERE sequence = 2", "entry 2"),
        ("DELETE FROM activities WHERE sequence = 4", "4 entries were recorded, 3"),
    ],
)
def test_tampering_with_the_database_shows(
    house: House, tmp_path: Path, tampering: str, told: str
) -> None:
    house.catalog.create_model("m")
    for n in range(3):
        house.catalog.update_model("m", ModelChanges(description=str(n)))
    assert house.catalog.verify_history("m") == 4
    with sqlite3.connect(tmp_path / "registry" / "muniment.db", timeout=30) as database:
        database.execute(tampering)
    with pytest.raises(Corrupt, match=told):
        house.catalog.verify_history("m")
