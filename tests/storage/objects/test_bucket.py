"""What every kind of object store can do is enough: the suite, over obstore's store of files.

Google's and Azure's buckets are used like this; S3 does more, and is tried in `test_remote`.
"""

from __future__ import annotations

from pathlib import Path

import obstore
from obstore.store import LocalStore

from muniment.storage.blobs import BlobStore
from muniment.storage.conformance.blobs import BlobStoreSuite
from muniment.storage.conformance.crashes import also_watch
from muniment.storage.objects.bucket import Bucket
from muniment.storage.objects.parts import MIB
from muniment.storage.objects.remote import RemoteBlobStore

also_watch(obstore, "put", "delete")


def open_bucket(path: Path) -> BlobStore:
    return RemoteBlobStore(Bucket(LocalStore(path, mkdir=True), "the folder"))


class TestBucket(BlobStoreSuite):
    make_store = open_bucket
    locks_writers = False
    large = 9 * MIB
