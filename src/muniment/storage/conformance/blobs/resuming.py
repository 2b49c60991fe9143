"""Uploads that go on: by another writer, or after the store was opened again."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.domain.values import sha256_hex, utcnow
from muniment.errors import NotFound, UploadConflict
from muniment.storage.blobs import CHUNK, BlobStore
from muniment.storage.conformance.blobs.contract import Contract, content, new_id, sweep, write


class ResumingSuite(Contract):
    """One upload, several writers."""

    @pytest.mark.parametrize("share", [0, 0.3, 0.5, 1])
    def test_an_upload_goes_on_where_it_was_left(self, place: Path, share: float) -> None:
        data, writer_id = content(self.large), new_id()
        cut = int(len(data) * share)
        before = self.open(place)
        writer = before.create_writer(writer_id)
        write(writer, data[:cut])
        writer.close()
        before.close()

        store = self.open(place)
        assert [found for found, _ in store.writers()] == [writer_id]
        assert store.offset(writer_id) == cut
        with store.resume_writer(writer_id) as resumed:
            assert resumed.offset == cut
            assert resumed.digest() == sha256_hex(data[:cut])
            write(resumed, data, piece=CHUNK - 1)
            assert resumed.digest() == sha256_hex(data)
            resumed.commit(sha256_hex(data))
        assert store.read_all(sha256_hex(data)) == data
        assert store.offset(writer_id) is None
        store.close()

    def test_the_first_bytes_are_not_read_before_the_last_have_come(self, place: Path) -> None:
        data, writer_id = content(self.large), new_id()
        for end in (1, 2, len(data) // 2, len(data) - 1, len(data)):
            store = self.open(place)
            opened = store.resume_writer if end > 1 else store.create_writer
            with opened(writer_id) as writer:
                write(writer, data[:end])
                if end == len(data):
                    writer.commit(sha256_hex(data))
            store.close()
        store = self.open(place)
        assert store.read_all(sha256_hex(data)) == data
        store.close()

    def test_pieces_may_come_by_one_writer_each(self, store: BlobStore) -> None:
        data, writer_id = content(5 * CHUNK // 2), new_id()
        store.create_writer(writer_id).close()
        while (here := store.offset(writer_id)) != len(data):
            assert here is not None
            with store.resume_writer(writer_id) as writer:
                write(writer, data[: here + CHUNK // 2])
        with store.resume_writer(writer_id) as writer:
            assert writer.commit(sha256_hex(data)).size == len(data)

    def test_there_is_nothing_to_resume_after_a_commit(self, store: BlobStore) -> None:
        with store.create_writer(new_id()) as writer:
            writer.commit(sha256_hex(b""))
        assert store.offset(writer.id) is None
        with pytest.raises(NotFound):
            store.resume_writer(writer.id)

    def test_a_second_writer_is_refused_until_the_first_lets_go(
        self, store: BlobStore, place: Path
    ) -> None:
        if not self.locks_writers:
            return
        elsewhere = self.open(place)
        with store.create_writer(new_id()) as writer:
            writer.write(b"weights")
            for other in (store, elsewhere):
                with pytest.raises(UploadConflict):
                    other.resume_writer(writer.id)
                assert other.offset(writer.id) is not None
        with elsewhere.resume_writer(writer.id) as resumed:
            resumed.cancel()
        elsewhere.close()

    def test_a_writer_that_is_overtaken_spoils_nothing(self, store: BlobStore, place: Path) -> None:
        """One that hung while another process went on: its late bytes are nobody's."""
        if self.locks_writers:
            return
        elsewhere, data, other = self.open(place), content(self.large), content(self.large, 1)
        slow = store.create_writer(new_id())
        write(slow, other[: self.large // 2])
        quick = elsewhere.resume_writer(slow.id)
        write(quick, data)
        quick.close()
        with suppress(UploadConflict):  # it may be told, or not
            write(slow, other[: self.large - 1])
        slow.close()
        with elsewhere.resume_writer(slow.id) as writer:
            assert writer.offset == len(data)
            digest = writer.digest()
            assert writer.commit(digest).size == len(data)
        assert sha256_hex(store.read_all(digest)) == digest
        assert list(store.writers()) == []
        elsewhere.close()

    def test_a_writer_whose_upload_was_finished_meanwhile_leaves_nothing(
        self, store: BlobStore, place: Path
    ) -> None:
        if self.locks_writers:
            return
        elsewhere, data = self.open(place), content(self.large)
        slow = store.create_writer(new_id())
        write(slow, data[: self.large // 2])
        with elsewhere.resume_writer(slow.id) as quick:
            write(quick, data)
            quick.commit(sha256_hex(data))
        slow.close()
        assert list(store.writers()) == []
        assert store.read_all(sha256_hex(data)) == data
        elsewhere.close()

    def test_unfinished_writers_are_listed_with_the_time_they_last_wrote(
        self, store: BlobStore
    ) -> None:
        ids = {new_id() for _ in range(3)}
        for writer_id in ids:
            with store.create_writer(writer_id) as writer:
                writer.write(b"weights")
        found = dict(store.writers())
        assert found.keys() == ids
        assert all(abs(utcnow() - wrote) < timedelta(hours=1) for wrote in found.values())
        sweep(store)
        assert list(store.writers()) == []
