"""Where registries of tests live: any of three databases with any of three stores of blobs.

place = place_at(tmp_path / "registry", "mongodb", "minio")     the same path, the same place
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Final
from zlib import crc32

import pytest

from muniment.storage.places import Place, file_url, sqlite_url
from tests.parts import mongodb, postgres, s3

EMBEDDED: Final = ("sqlite", "folder")
PLACES: Final = tuple(
    product(("sqlite", "postgresql", "mongodb"), ("folder", "seaweedfs", "minio"))
)
_OTHERS: Final = tuple(place for place in PLACES if place != EMBEDDED)
_DROPPED_BY: Final = {"postgresql": "postgres", "mongodb": "mongodb"}
"""Fixtures that drop the databases which a test has made."""


def spread(test: str) -> tuple[tuple[str, str], ...]:
    """Return where a test runs: on the embedded stores, and on one of the other eight places.

    Which of them hangs on the test's name, so that all tests together run on all places, and none
    of them nine times.
    """
    return EMBEDDED, _OTHERS[crc32(test.encode()) % len(_OTHERS)]


def place_at(path: Path, database: str = "sqlite", blobs: str = "folder") -> Place:
    """Return the place that stands for `path`; it is new if the path is."""
    path.mkdir(parents=True, exist_ok=True)
    where = {
        "sqlite": lambda: sqlite_url(path / "muniment.db"),
        "postgresql": lambda: postgres.database_at(path / "postgresql"),
        "mongodb": lambda: mongodb.database_at(path / "mongodb"),
    }[database]()
    if blobs == "folder":
        return Place.of(where, file_url(path / "blobs"))
    kept = (s3.seaweedfs_at if blobs == "seaweedfs" else s3.minio_at)(path / "blobs")
    return Place.of(where, kept.url, kept.options)


@contextmanager
def lasting(request: pytest.FixtureRequest, path: Path, which: tuple[str, str]) -> Iterator[Place]:
    """Yield a place whose database is dropped after the test."""
    if which[0] in _DROPPED_BY:
        request.getfixturevalue(_DROPPED_BY[which[0]])
    yield place_at(path, *which)
