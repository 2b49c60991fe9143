"""Every metadata adapter passes the public suite."""

from __future__ import annotations

from muniment.storage.conformance.metadata import MetadataStoreSuite
from muniment.storage.sql.sqlite import open_sqlite


class TestSqlite(MetadataStoreSuite):
    open_store = staticmethod(open_sqlite)
