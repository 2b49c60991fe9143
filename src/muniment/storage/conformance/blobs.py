"""The suite that every BlobStore passes. In a test file of yours, one line:

    class TestMyStore(BlobStoreSuite): make_store = MyStore

`make_store` takes the test's own place (a path that nobody else uses; a store that is not a folder
makes a prefix of it) and opens the store that is there. It is called several times for one place,
in other processes too, so it must be a class or a function at the top of a module. What an adapter
can't do, it declares:

    class TestMyBucket(BlobStoreSuite):
        make_store = open_bucket
        durable_resume = False
"""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import ClassVar, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from muniment.domain.values import sha256_hex, utcnow
from muniment.errors import (
    DigestMismatch,
    InvalidInput,
    MunimentError,
    NotFound,
    RangeNotSatisfiable,
    UploadConflict,
)
from muniment.storage.blobs import CHUNK, BlobStat, BlobStore, BlobWriter
from muniment.storage.checked import CheckedBlobStore
from muniment.storage.conformance.crashes import End, Mortal, live

T = TypeVar("T")
StoreFactory: TypeAlias = Callable[[Path], BlobStore]

THREADS: Final = 16
MISSING: Final = sha256_hex(b"never stored")
SIZES: Final = [0, 1, 4_095, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17]
HOSTILE_PATHS: Final = [
    "",
    ".",
    "..",
    "../" * 8 + "etc/passwd",
    "/etc/passwd",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..\\..\\secret",
    "C:\\secret",
    "~",
    "*",
    "a;b#c?d",
    "\udcff",
]


def hostile_names(digits: int) -> list[str]:
    """Return names that look like `digits` lower-case hex digits, and are not."""
    return [
        "a" * (digits - 1),
        "a" * (digits + 1),
        "A" * digits,
        "a" * (digits - 1) + "g",
        "a" * digits + "\n",
        "\n" + "a" * digits,
        "a" * (digits - 1) + "\n",
        "a" * (digits - 1) + "\0",
        "a" * digits + "\0",
        "a" * digits + "/..",
        "../" + "a" * (digits - 3),
        "sha256:" + "a" * digits,
        " " + "a" * (digits - 1),
        "٣" * digits,  # a digit to str.isdigit(), as the next are
        "１" * digits,
        "ａ" * digits,
        *HOSTILE_PATHS,
    ]


def content(size: int, seed: int = 0) -> bytes:
    """Return `size` bytes that do not compress and are the same for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311


def new_id() -> str:
    """Return an id that no writer has."""
    return uuid4().hex


def put(store: BlobStore, data: bytes, *, piece: int = CHUNK) -> BlobStat:
    """Store `data` as services do."""
    with store.create_writer(new_id()) as writer:
        write(writer, data, piece=piece)
        return writer.commit(sha256_hex(data))


def write(writer: BlobWriter, data: bytes, *, piece: int = CHUNK) -> None:
    """Write what is not there yet of `data`, in pieces."""
    view = memoryview(data)
    for start in range(writer.offset, len(data), piece):
        writer.write(view[start : start + piece])


def sweep(store: BlobStore) -> None:
    """Cancel every unfinished writer, as garbage collection does."""
    for writer_id, _ in list(store.writers()):
        store.resume_writer(writer_id).cancel()


def at_once(task: Callable[[int], T]) -> list[T]:
    """Return what `task` returns for each of `THREADS` numbers, run at the same moment."""
    barrier = Barrier(THREADS)

    def run(number: int) -> T:
        barrier.wait()
        return task(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


class BlobStoreSuite:
    """What the docstrings of `muniment.storage.blobs` promise, as tests."""

    make_store: ClassVar[StoreFactory]
    durable_resume: ClassVar[bool] = True
    """Every byte that `write` took is there after a crash; else some of the last may be missing."""
    locks_writers: ClassVar[bool] = True
    """A second writer is refused while the first is open; else that is the services' task."""
    local_files: ClassVar[bool] = False
    """Blobs are files: `local_path` gives them, and all the store keeps lies below its place."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / "blobs"

    @pytest.fixture
    def store(self, place: Path) -> Iterator[BlobStore]:
        store = self.open(place)
        yield store
        store.close()

    def open(self, place: Path) -> BlobStore:
        """Open the store at a place."""
        return type(self).make_store(place)

    # -- a blob ----------------------------------------------------------------------------------

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

    def test_a_presigned_url_is_a_url(self, store: BlobStore) -> None:
        digest = put(store, b"weights").digest
        url = store.presign_get(digest, seconds=60, filename='m"ödel;.pkl')
        assert url is None or urlsplit(url).scheme in ("http", "https")

    def test_a_store_that_works_answers_a_ping_and_keeps_nothing_of_it(
        self, store: BlobStore
    ) -> None:
        store.ping()
        assert list(store.list()) == []
        assert list(store.writers()) == []

    # -- writing ---------------------------------------------------------------------------------

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

    # -- resuming --------------------------------------------------------------------------------

    @pytest.mark.parametrize("cut", [0, 1, CHUNK, CHUNK + 5, 3 * CHUNK])
    def test_an_upload_goes_on_where_a_crash_has_left_it(self, place: Path, cut: int) -> None:
        data, writer_id = content(3 * CHUNK), new_id()
        before = self.open(place)
        writer = before.create_writer(writer_id)
        write(writer, data[:cut])
        writer.close()
        before.close()

        store = self.open(place)
        assert [found for found, _ in store.writers()] == [writer_id]
        here = store.offset(writer_id)
        assert here is not None
        assert here == cut if self.durable_resume else here <= cut
        with store.resume_writer(writer_id) as resumed:
            assert resumed.offset == here
            assert resumed.digest() == sha256_hex(data[:here])
            write(resumed, data, piece=CHUNK - 1)
            assert resumed.digest() == sha256_hex(data)
            resumed.commit(sha256_hex(data))
        assert store.read_all(sha256_hex(data)) == data
        assert store.offset(writer_id) is None
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

    # -- many at once ----------------------------------------------------------------------------

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

    # -- hostile names ---------------------------------------------------------------------------

    @pytest.mark.parametrize("name", hostile_names(64))
    def test_what_is_no_digest_does_not_reach_the_store(
        self, store: BlobStore, place: Path, name: str
    ) -> None:
        checked = CheckedBlobStore(store)
        before = _everything(place.parent)
        calls: list[Callable[[], object]] = [
            lambda: checked.stat(name),
            lambda: checked.read(name),
            lambda: checked.read_all(name),
            lambda: checked.local_path(name),
            lambda: checked.delete(name),
            lambda: checked.presign_get(name, seconds=60, filename="f"),
        ]
        if name:
            calls.append(lambda: checked.list(name))
        for call in calls:
            with pytest.raises(InvalidInput):
                call()
        assert _everything(place.parent) == before
        with checked.create_writer(new_id()) as writer:
            with pytest.raises(InvalidInput):
                writer.commit(name)
            writer.cancel()
        assert list(store.list()) == []

    @pytest.mark.parametrize("name", hostile_names(32))
    def test_what_is_no_writer_id_does_not_reach_the_store(
        self, store: BlobStore, place: Path, name: str
    ) -> None:
        checked = CheckedBlobStore(store)
        before = _everything(place.parent)
        for call in (checked.create_writer, checked.resume_writer, checked.offset):
            with pytest.raises(InvalidInput):
                call(name)
        assert _everything(place.parent) == before
        assert list(store.writers()) == []

    # -- crashes ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("stored_before", [False, True], ids=["new", "stored"])
    @pytest.mark.parametrize("afterwards", ["resume", "sweep"])
    def test_killed_while_storing(
        self, tmp_path: Path, stored_before: bool, afterwards: str
    ) -> None:
        """A blob is whole or absent; what was begun is found, and can be finished or swept."""
        for store, place, end in self._deaths(tmp_path, _store_blob, stored_before):
            assert _is_whole(store) or (end is End.DIED and not stored_before)
            unfinished = [writer_id for writer_id, _ in store.writers()]
            assert unfinished in ([], [_ID])
            if unfinished and afterwards == "resume":
                with store.resume_writer(_ID) as writer:
                    write(writer, _DATA)
                    writer.commit(_DIGEST)
                assert _is_whole(store)
            sweep(store)
            self._nothing_else_is_left(store, place)

    def test_killed_while_deleting(self, tmp_path: Path) -> None:
        """A blob is whole or absent, and its room is not lost."""
        for store, place, end in self._deaths(tmp_path, _delete_blob, True):
            assert not _is_whole(store) or end is End.DIED
            self._nothing_else_is_left(store, place)

    def test_killed_while_cancelling(self, tmp_path: Path) -> None:
        """What is being dropped is dropped, or found by the next sweep."""
        for store, place, end in self._deaths(tmp_path, _cancel_writer, False):
            assert not _is_whole(store)
            assert not list(store.writers()) or end is End.DIED
            sweep(store)
            self._nothing_else_is_left(store, place)

    def _deaths(
        self, tmp_path: Path, life: Callable[..., None], stored_before: bool
    ) -> Iterator[tuple[BlobStore, Path, End]]:
        """Yield the store, opened again, after every death that a life can have; lived whole last.

        It is closed by `_nothing_else_is_left`.
        """
        for moment in itertools.count(1):
            place = tmp_path / f"death-{moment}"
            if stored_before:
                store = self.open(place)
                put(store, _DATA)
                store.close()
            end = live(moment, life, type(self).make_store, place)
            yield self.open(place), place, end
            if end is End.LIVED:
                assert moment > 2
                return

    def _nothing_else_is_left(self, store: BlobStore, place: Path) -> None:
        assert list(store.writers()) == []
        assert [blob.digest for blob in store.list()] == ([_DIGEST] if _is_whole(store) else [])
        assert put(store, _DATA).digest == _DIGEST
        assert _is_whole(store)
        store.close()
        if self.local_files:
            sizes = [path.stat().st_size for path in _everything(place) if path.is_file()]
            assert sum(sizes) == len(_DATA)


def _everything(place: Path) -> set[Path]:
    return set(place.rglob("*"))


def _is_whole(store: BlobStore) -> bool:
    stored = store.stat(_DIGEST)
    if stored is None:
        with pytest.raises(NotFound):
            store.read(_DIGEST)
        return False
    assert stored.size == len(_DATA)
    assert store.read_all(_DIGEST) == _DATA
    return True


# The lives that crashes cut short.

_ID: Final = "5" * 32
_DATA: Final = content(2 * CHUNK + 300_000, seed=5)
_DIGEST: Final = sha256_hex(_DATA)


def _store_blob(mortal: Mortal, make_store: StoreFactory, place: Path) -> None:
    store = make_store(place)
    mortal.step()
    writer = store.create_writer(_ID)
    mortal.step()
    for start in range(0, len(_DATA), CHUNK):
        writer.write(_DATA[start : start + CHUNK])
        mortal.step()
    writer.commit(writer.digest())
    mortal.acknowledge()
    store.close()


def _cancel_writer(mortal: Mortal, make_store: StoreFactory, place: Path) -> None:
    store = make_store(place)
    writer = store.create_writer(_ID)
    writer.write(_DATA)
    mortal.step()
    writer.cancel()
    mortal.acknowledge()
    store.close()


def _delete_blob(mortal: Mortal, make_store: StoreFactory, place: Path) -> None:
    store = make_store(place)
    mortal.step()
    store.delete(_DIGEST)
    mortal.acknowledge()
    store.close()
