"""What every kind of object store can do is enough: the suite, over obstore's store of files.

Google's and Azure's buckets are used like this; S3 does more, and is tried in `test_remote`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import obstore
from obstore.store import LocalStore

from muniment.storage.blobs import BlobStore
from muniment.storage.conformance.blobs import BlobStoreSuite
from muniment.storage.conformance.crashes import also_watch
from muniment.storage.objects.bucket import Bucket, Opened
from muniment.storage.objects.parts import MIB, Found
from muniment.storage.objects.refusals import RangeBehindEnd
from muniment.storage.objects.remote import RemoteBlobStore

also_watch(obstore, "put", "delete", "open_writer")


class Folder(Bucket):
    """Does what only files don't: they are not listed by name, and know no 416."""

    def list(self, prefix: str, after: str = "") -> Iterator[Found]:
        yield from sorted(super().list(prefix, after), key=lambda found: found.path)

    def open(
        self, path: str, start: int = 0, end: int | None = None, *, etag: str | None = None
    ) -> Opened:
        found = self.head(path)
        if found is not None and start >= found.size > 0:
            raise RangeBehindEnd
        return super().open(path, start, end, etag=etag)


def open_folder(path: Path) -> BlobStore:
    return RemoteBlobStore(Folder(LocalStore(path, mkdir=True), "the folder"))


class TestBucket(BlobStoreSuite):
    make_store = open_folder
    locks_writers = False
    large = 9 * MIB
