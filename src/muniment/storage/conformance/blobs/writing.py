"""Writers: offset, digest, commit, cancel."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import DigestMismatch, NotFound, UploadConflict
from muniment.storage.blobs import CHUNK, BlobStore
from muniment.storage.conformance.blobs.contract import (
    MISSING,
    Contract,
    content,
    new_id,
    put,
    sweep,
    write,
)


class WritingSuite(Contract):
    """One writer, from its beginning to its end."""

    def test_a_writer_knows_its_id_its_offset_and_the_digest_so_far(self, store: BlobStore) -> None:
        writer_id = new_id()
        with store.create_writer(writer_id) as writer:
            assert (writer.id, writer.offset) == (writer_id, 0)
            assert writer.digest() == sha256_hex(b"")
            writer.write(b"model ")
            assert writer.digest() == sha256_hex(b"model ")
            writer.write(bytearray(b"wei"))
            writer.write(memoryview(b"weights")[3:])
            writer.write(b"")
            assert writer.offset == 13
            assert writer.digest() == sha256_hex(b"model weights")
            writer.cancel()

    def test_a_buffer_may_be_used_again_once_it_is_written(self, store: BlobStore) -> None:
        buffer = bytearray(CHUNK)
        with store.create_writer(new_id()) as writer:
            for value in range(8):
                buffer[:] = bytes([value]) * CHUNK
                writer.write(buffer)
            buffer[:] = bytes(CHUNK)
            data = b"".join(bytes([value]) * CHUNK for value in range(8))
            assert writer.commit(sha256_hex(data)).size == 8 * CHUNK
        assert store.read_all(sha256_hex(data)) == data

    def test_nothing_can_be_read_before_the_commit(self, store: BlobStore) -> None:
        with store.create_writer(new_id()) as writer:
            writer.write(b"weights")
            digest = writer.digest()
            assert store.stat(digest) is None
            assert list(store.list()) == []
            writer.commit(digest)
            assert store.read_all(digest) == b"weights"

    def test_a_second_commit_changes_nothing(self, store: BlobStore) -> None:
        writer = store.create_writer(new_id())
        writer.write(b"weights")
        stored = writer.commit(sha256_hex(b"weights"))
        assert writer.commit(stored.digest) == stored
        writer.cancel()
        writer.close()
        assert store.stat(stored.digest) == stored

    def test_bytes_that_are_stored_already_are_dropped(self, store: BlobStore) -> None:
        first = put(store, content(CHUNK))
        again = put(store, content(CHUNK))
        assert again == first
        assert list(store.list()) == [first]
        assert list(store.writers()) == []

    def test_bytes_with_another_digest_are_not_kept(self, store: BlobStore) -> None:
        writer = store.create_writer(new_id())
        writer.write(b"weights")
        with pytest.raises(DigestMismatch):
            writer.commit(MISSING)
        writer.close()
        assert list(store.list()) == []
        assert list(store.writers()) == []
        assert store.offset(writer.id) is None

    def test_a_cancelled_writer_leaves_nothing(self, store: BlobStore) -> None:
        with store.create_writer(new_id()) as writer:
            writer.write(b"weights")
            writer.cancel()
            writer.cancel()
        assert list(store.writers()) == []
        assert store.offset(writer.id) is None
        with pytest.raises(NotFound):
            store.resume_writer(writer.id)

    def test_an_id_is_used_by_one_writer(self, store: BlobStore) -> None:
        with store.create_writer(new_id()) as writer, pytest.raises(UploadConflict):
            store.create_writer(writer.id)
        with pytest.raises(UploadConflict):
            store.create_writer(writer.id)
        sweep(store)

    def test_a_large_blob_is_put_together_as_it_came(self, store: BlobStore) -> None:
        data = content(self.large)
        assert put(store, data, piece=CHUNK + 1).size == len(data)
        assert store.read_all(sha256_hex(data)) == data
        assert list(store.writers()) == []

    def test_a_writer_without_an_id_stores_like_any_other(self, store: BlobStore) -> None:
        for size in (0, 10, self.large):
            data = content(size)
            with store.create_writer() as writer:
                write(writer, data)
                assert writer.commit(writer.digest()).size == size
            assert store.read_all(sha256_hex(data)) == data
        assert list(store.writers()) == []

    @pytest.mark.parametrize("end", ["cancel", "close"])
    def test_what_a_writer_without_an_id_leaves_can_be_swept(
        self, store: BlobStore, end: str
    ) -> None:
        writer = store.create_writer()
        write(writer, content(self.large))
        getattr(writer, end)()
        sweep(store)
        assert list(store.writers()) == []
        assert list(store.list()) == []
