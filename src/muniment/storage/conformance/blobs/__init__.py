"""The suite that every BlobStore passes. In a test file of yours, one line:

    class TestMyStore(BlobStoreSuite): make_store = MyStore

`make_store` takes the test's own place (a path that nobody else uses; a store that is not a folder
makes a prefix of it) and opens the store that is there. It is called several times for one place,
in other processes too, so it must be a class or a function at the top of a module. What an adapter
does otherwise, it declares:

    class TestMyBucket(BlobStoreSuite):
        make_store = staticmethod(open_bucket)
        locks_writers = False
        serves_directly = True

    contract.py    what all parts stand on: the store, what it declares, makers of bytes
    keeping.py     bytes come back as they were written, whole and in ranges; listed, deleted
    writing.py     writers: offset, digest, commit, cancel
    resuming.py    uploads that go on, by another writer or after the store was opened again
    direct.py      bytes that come and go by presigned URLs
    threads.py     many threads at one blob, one id, one store
    hostile.py     what is no digest and no id does not reach the store
    deaths.py      processes that die anywhere: a blob is whole or absent, nothing is lost track of
"""

from __future__ import annotations

from muniment.storage.conformance.blobs.contract import content, new_id, put, sweep, write
from muniment.storage.conformance.blobs.deaths import DeathsSuite
from muniment.storage.conformance.blobs.direct import DirectSuite
from muniment.storage.conformance.blobs.hostile import HostileSuite, hostile_names
from muniment.storage.conformance.blobs.keeping import KeepingSuite
from muniment.storage.conformance.blobs.resuming import ResumingSuite
from muniment.storage.conformance.blobs.threads import ThreadsSuite
from muniment.storage.conformance.blobs.writing import WritingSuite

__all__ = ["BlobStoreSuite", "content", "hostile_names", "new_id", "put", "sweep", "write"]


class BlobStoreSuite(
    KeepingSuite,
    WritingSuite,
    ResumingSuite,
    DirectSuite,
    ThreadsSuite,
    HostileSuite,
    DeathsSuite,
):
    """What the docstrings of `muniment.storage.blobs` promise, as tests."""
