"""What all parts of the suite stand on: the store, what it declares, makers of bytes."""

# ruff: noqa: D102  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import ClassVar, Final, TypeAlias, TypeVar
from uuid import uuid4

import pytest

from muniment.domain.values import sha256_hex
from muniment.storage.blobs import CHUNK, BlobStat, BlobStore, BlobWriter

T = TypeVar("T")
StoreFactory: TypeAlias = Callable[[Path], BlobStore]

THREADS: Final = 16
MISSING: Final = sha256_hex(b"never stored")
SIZES: Final = [0, 1, 4_095, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17]


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


def everything(place: Path) -> set[Path]:
    """Return all paths below a place."""
    return set(place.rglob("*"))


class Contract:
    """A store for each test, and what it declares."""

    make_store: ClassVar[StoreFactory]
    locks_writers: ClassVar[bool] = True
    """A second writer is refused while the first is open in another process; else it may go on,
    and whatever both do, no wrong bytes are ever stored."""
    local_files: ClassVar[bool] = False
    """Blobs are files: `local_path` gives them, and all the store keeps lies below its place."""
    serves_directly: ClassVar[bool] = False
    """`presign_get` and `presign_put` give URLs."""
    large: ClassVar[int] = 2 * CHUNK + 300_000
    """Bytes that the store does not take in one piece."""

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
