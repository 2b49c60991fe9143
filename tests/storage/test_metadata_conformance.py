"""Every metadata adapter passes the public suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.storage.conformance.metadata import MetadataStoreSuite
from muniment.storage.metadata import MetadataStore
from muniment.storage.mongo import open_mongo
from muniment.storage.sql.postgres import open_postgres
from muniment.storage.sql.sqlite import open_sqlite
from tests.parts import mongodb, postgres


def open_postgres_at(path: Path) -> MetadataStore:
    return open_postgres(postgres.database_at(path))


def open_mongo_at(path: Path) -> MetadataStore:
    return open_mongo(mongodb.database_at(path))


class TestSqlite(MetadataStoreSuite):
    open_store = staticmethod(open_sqlite)


@pytest.mark.usefixtures("postgres")
class TestPostgres(MetadataStoreSuite):
    open_store = staticmethod(open_postgres_at)


@pytest.mark.usefixtures("mongodb")
class TestMongo(MetadataStoreSuite):
    open_store = staticmethod(open_mongo_at)
    crowd_size = 250 if mongodb.is_ferretdb() else 1_200
