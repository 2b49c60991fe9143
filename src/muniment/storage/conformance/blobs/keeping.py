"""Bytes come back as they were written."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.domain.values import sha256_hex, utcnow
from muniment.errors import NotFound, RangeNotSatisfiable
from muniment.storage.blobs import CHUNK, BlobStore
from muniment.storage.conformance.blobs.contract import MISSING, SIZES, Contract, content, put


class KeepingSuite(Contract):
    """Blobs, stored and read."""

    @pytest.mark.parametrize("size", SIZES)
    def test_bytes_come_back_as_they_were_written(self, store: BlobStore, size: int) -> None:
        data = content(size)
        before = utcnow()
        stored = put(store, data)
        assert (stored.digest, stored.size) == (sha256_hex(data), size)
        assert abs(stored.stored_at - before) < timedelta(hours=1)
        assert store.stat(stored.digest) == stored
        assert b"".join(store.read(stored.digest)) == data
        assert store.read_all(stored.digest) == data
        assert list(store.list()) == [stored]
        assert list(store.writers()) == []

    def test_the_first_registry_owns_the_blobs(self, store: BlobStore) -> None:
        assert store.claim("first") == "first"
        assert store.claim("second") == "first"
        assert store.claim("first") == "first"
        assert list(store.list()) == []
        assert list(store.writers()) == []

    def test_of_many_that_claim_the_blobs_one_owns_them(self, store: BlobStore) -> None:
        with ThreadPoolExecutor(8) as threads:
            owners = set(threads.map(store.claim, map(str, range(8))))
        assert len(owners) == 1

    def test_a_large_blob_is_read_in_pieces(self, store: BlobStore) -> None:
        data = content(20 * CHUNK + 3)
        digest = put(store, data, piece=5 * CHUNK + 1).digest
        pieces = list(store.read(digest))
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= 4 * CHUNK
        assert all(pieces)

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (0, 0),
            (0, 1),
            (1, None),
            (CHUNK - 1, CHUNK + 1),
            (CHUNK, 2 * CHUNK),
            (17, 2 * CHUNK + 5),
            (2 * CHUNK + 9, None),
            (2 * CHUNK + 10, None),
            (5, 10**15),
        ],
    )
    def test_a_range_is_half_open_and_cut_at_the_end(
        self, store: BlobStore, start: int, end: int | None
    ) -> None:
        data = content(2 * CHUNK + 10)
        digest = put(store, data).digest
        assert b"".join(store.read(digest, start, end)) == data[start:end]

    def test_a_range_that_starts_beyond_the_end_is_refused_before_the_first_piece(
        self, store: BlobStore
    ) -> None:
        digest = put(store, b"0123456789").digest
        with pytest.raises(RangeNotSatisfiable) as caught:
            store.read(digest, 11)
        assert caught.value.details["size"] == 10

    def test_a_missing_blob_is_said_to_be_missing_before_the_first_piece(
        self, store: BlobStore
    ) -> None:
        with pytest.raises(NotFound):
            store.read(MISSING)
        with pytest.raises(NotFound):
            store.read_all(MISSING)
        assert store.stat(MISSING) is None
        assert store.local_path(MISSING) is None

    def test_many_blobs_are_looked_up_at_once(self, store: BlobStore) -> None:
        stored = [put(store, content(9, seed)) for seed in range(20)]
        digests = [blob.digest for blob in stored]
        assert store.stat_many([*digests, MISSING]) == {blob.digest: blob for blob in stored}
        assert store.stat_many([]) == {}

    def test_a_blob_outlives_the_store_that_wrote_it(self, place: Path) -> None:
        first = self.open(place)
        stored = put(first, b"weights")
        first.close()
        second = self.open(place)
        assert second.stat(stored.digest) == stored
        assert second.read_all(stored.digest) == b"weights"
        second.close()

    def test_a_deleted_blob_is_gone_at_once_and_can_be_stored_again(self, store: BlobStore) -> None:
        digest = put(store, b"weights").digest
        store.delete(digest)
        assert store.stat(digest) is None
        assert list(store.list()) == []
        with pytest.raises(NotFound):
            store.read(digest)
        store.delete(digest)
        assert put(store, b"weights").digest == digest
        assert store.read_all(digest) == b"weights"

    def test_blobs_are_listed_in_the_order_of_their_digests(self, store: BlobStore) -> None:
        digests = sorted(put(store, content(9, seed)).digest for seed in range(24))
        assert [blob.digest for blob in store.list()] == digests
        assert [blob.digest for blob in store.list(digests[7])] == digests[8:]
        between = digests[7][:-1] + ("e" if digests[7][-1] == "f" else "f")
        assert [blob.digest for blob in store.list(between)] == [d for d in digests if d > between]
        assert list(store.list(digests[-1])) == []

    def test_a_local_path_holds_exactly_the_bytes(self, store: BlobStore) -> None:
        path = store.local_path(put(store, b"weights").digest)
        assert (path is not None) or not self.local_files
        assert path is None or path.read_bytes() == b"weights"

    def test_a_store_that_works_answers_a_ping_and_keeps_nothing_of_it(
        self, store: BlobStore
    ) -> None:
        store.ping()
        assert list(store.list()) == []
        assert list(store.writers()) == []
