"""An empty SQLite store, and where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.storage.conformance.metadata.contract import NOON, WORKSPACE
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.sql.store import SqlMetadataStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "muniment.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlMetadataStore]:
    store = open_sqlite(path)
    store.ensure_workspace(WORKSPACE, NOON)
    yield store
    store.close()
