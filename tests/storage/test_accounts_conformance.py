"""Every account adapter passes the public suite."""

from __future__ import annotations

from pathlib import Path

from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.accounts import AccountStoreSuite
from muniment.storage.metadata import MetadataStore
from muniment.storage.sql.sqlite import open_sqlite


def open_stores(path: Path) -> tuple[MetadataStore, AccountStore]:
    store = open_sqlite(path)
    return store, store.accounts


class TestSqlite(AccountStoreSuite):
    open_stores = staticmethod(open_stores)
