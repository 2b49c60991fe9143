"""Every adapter of webhooks and leases passes the public suite."""

from __future__ import annotations

from pathlib import Path

from muniment.storage.conformance.webhooks import WebhookStoreSuite
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.webhooks import WebhookStore


def open_stores(path: Path) -> tuple[MetadataStore, WebhookStore, LeaseStore]:
    store = open_sqlite(path)
    return store, store.webhooks, store.leases


class TestSqlite(WebhookStoreSuite):
    open_stores = staticmethod(open_stores)
