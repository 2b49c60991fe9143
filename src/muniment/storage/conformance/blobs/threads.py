"""Many threads at one blob, one id, one store."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from pathlib import Path

from muniment.domain.values import sha256_hex
from muniment.errors import MunimentError, UploadConflict
from muniment.storage.blobs import CHUNK, BlobStore, BlobWriter
from muniment.storage.conformance.blobs.contract import (
    THREADS,
    Contract,
    at_once,
    content,
    new_id,
    put,
)


class ThreadsSuite(Contract):
    """Many at once."""

    def test_many_threads_may_store_the_same_blob(self, store: BlobStore) -> None:
        data = content(CHUNK + 1)
        stored = at_once(lambda number: put(store, data))
        assert {(blob.digest, blob.size) for blob in stored} == {(sha256_hex(data), len(data))}
        assert [blob.digest for blob in store.list()] == [sha256_hex(data)]
        assert store.read_all(sha256_hex(data)) == data
        assert list(store.writers()) == []

    def test_many_threads_may_store_blobs_of_their_own(self, place: Path) -> None:
        stores = [self.open(place), self.open(place)]
        blobs = [content(CHUNK // 2 + number, number) for number in range(THREADS)]
        at_once(lambda number: put(stores[number % 2], blobs[number]))
        assert {blob.digest for blob in stores[0].list()} == {sha256_hex(data) for data in blobs}
        for data in blobs:
            assert stores[1].read_all(sha256_hex(data)) == data
        for store in stores:
            store.close()

    def test_one_of_many_gets_the_id(self, store: BlobStore) -> None:
        writer_id = new_id()

        def create(number: int) -> BlobWriter | None:
            try:
                return store.create_writer(writer_id)
            except UploadConflict:
                return None

        writers = [writer for writer in at_once(create) if writer is not None]
        assert len(writers) == 1
        writers[0].cancel()

    def test_a_reader_gets_the_whole_blob_or_an_error_while_it_is_deleted(
        self, store: BlobStore
    ) -> None:
        data = content(6 * CHUNK)
        digest = put(store, data).digest
        pieces = store.read(digest)
        got = next(pieces)
        store.delete(digest)
        try:
            got += b"".join(pieces)
        except MunimentError:
            assert not self.local_files
        else:
            assert got == data

    def test_storing_and_deleting_the_same_blob_at_once_leaves_it_whole_or_absent(
        self, store: BlobStore
    ) -> None:
        data = content(CHUNK // 2)
        digest = sha256_hex(data)

        def task(number: int) -> None:
            for _ in range(5):
                if number % 2:
                    store.delete(digest)
                else:
                    assert put(store, data).size == len(data)
                for blob in store.list():
                    assert blob.size == len(data)

        at_once(task)
        assert store.stat(digest) is None or store.read_all(digest) == data
        assert list(store.writers()) == []
