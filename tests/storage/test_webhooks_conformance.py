"""Every adapter of webhooks and leases passes the public suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.storage.conformance.webhooks import WebhookStoreSuite
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore
from muniment.storage.mongo import open_mongo
from muniment.storage.sql.postgres import open_postgres
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.webhooks import WebhookStore
from tests.parts import mongodb, postgres


def open_stores(path: Path) -> tuple[MetadataStore, WebhookStore, LeaseStore]:
    store = open_sqlite(path)
    return store, store.webhooks, store.leases


def open_postgres_at(path: Path) -> tuple[MetadataStore, WebhookStore, LeaseStore]:
    store = open_postgres(postgres.database_at(path))
    return store, store.webhooks, store.leases


def open_mongo_at(path: Path) -> tuple[MetadataStore, WebhookStore, LeaseStore]:
    store = open_mongo(mongodb.database_at(path))
    return store, store.webhooks, store.leases


class TestSqlite(WebhookStoreSuite):
    open_stores = staticmethod(open_stores)


@pytest.mark.usefixtures("postgres")
class TestPostgres(WebhookStoreSuite):
    open_stores = staticmethod(open_postgres_at)


@pytest.mark.usefixtures("mongodb")
class TestMongo(WebhookStoreSuite):
    open_stores = staticmethod(open_mongo_at)
