"""The adapter that docs/adapters.md shows passes the public suite, as one of yours would."""

from __future__ import annotations

from docs.examples.sqlite_blobs import Database, SqliteBlobStore

from muniment.storage.conformance.blobs import BlobStoreSuite
from muniment.storage.conformance.crashes import also_watch

also_watch(Database, "run")


class TestExample(BlobStoreSuite):
    make_store = SqliteBlobStore
    locks_writers = False
