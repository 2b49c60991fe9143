"""Every account adapter passes the public suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.accounts import AccountStoreSuite
from muniment.storage.metadata import MetadataStore
from muniment.storage.mongo import open_mongo
from muniment.storage.sql.postgres import open_postgres
from muniment.storage.sql.sqlite import open_sqlite
from tests.parts import mongodb, postgres


def open_stores(path: Path) -> tuple[MetadataStore, AccountStore]:
    store = open_sqlite(path)
    return store, store.accounts


def open_postgres_at(path: Path) -> tuple[MetadataStore, AccountStore]:
    store = open_postgres(postgres.database_at(path))
    return store, store.accounts


def open_mongo_at(path: Path) -> tuple[MetadataStore, AccountStore]:
    store = open_mongo(mongodb.database_at(path))
    return store, store.accounts


class TestSqlite(AccountStoreSuite):
    open_stores = staticmethod(open_stores)


@pytest.mark.usefixtures("postgres")
class TestPostgres(AccountStoreSuite):
    open_stores = staticmethod(open_postgres_at)


@pytest.mark.usefixtures("mongodb")
class TestMongo(AccountStoreSuite):
    open_stores = staticmethod(open_mongo_at)
