"""How much of the machine the blob folder leaves to its users, writing and reading one blob.

What is written is durable when counted; parts are of 16 MiB. The yardsticks run in the same process
and on the same disk, in turn with the store. Reads come from the page cache.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Figure, Finding, Notebook
from muniment.storage.blobs import CHUNK, BlobStore
from muniment.storage.checked import CheckedBlobStore
from muniment.storage.objects.folder import FolderBlobStore

MIB, QUICK_MIB = 1024, 64
PIECES_PER_WRITER = 16
ID = "0" * 32

HASH, WRITE, READ, IN_TURN = "SHA-256", "write", "read", "write and SHA-256 in turn"
STORE_WRITE, STORE_READ, STORE_PARTS = "store: write", "store: read", "store: write in parts"
COMPARED = (
    (STORE_WRITE, WRITE),
    (STORE_WRITE, HASH),
    (STORE_WRITE, IN_TURN),
    (STORE_PARTS, STORE_WRITE),
    (STORE_READ, READ),
)


def hash_plainly(pieces: list[bytes]) -> None:
    sha = hashlib.sha256()
    for piece in pieces:
        sha.update(piece)


def write_plainly(path: Path, pieces: list[bytes], *, hashed: bool) -> None:
    sha = hashlib.sha256()
    with path.open("xb", buffering=0) as file:
        for piece in pieces:
            file.write(piece)
            if hashed:
                sha.update(piece)
        os.fsync(file.fileno())


def read_plainly(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(CHUNK):
            pass


def write_to(store: BlobStore, pieces: list[bytes]) -> None:
    with store.create_writer(ID) as writer:
        for piece in pieces:
            writer.write(piece)
        writer.commit(writer.digest())


def write_in_parts_to(store: BlobStore, pieces: list[bytes]) -> None:
    """As an upload comes that is sent in parts: each by a writer of its own."""
    store.create_writer(ID).close()
    for start in range(0, len(pieces), PIECES_PER_WRITER):
        with store.resume_writer(ID) as writer:
            for piece in pieces[start : start + PIECES_PER_WRITER]:
                writer.write(piece)
    with store.resume_writer(ID) as writer:
        writer.commit(writer.digest())


def read_from(store: BlobStore) -> None:
    for _ in store.read(next(store.list()).digest):
        pass


@contextmanager
def empty_store(folder: Path) -> Iterator[BlobStore]:
    """Open a store, and free what was put in before anything else is measured."""
    store = CheckedBlobStore(FolderBlobStore(folder))
    yield store
    for blob in store.list():
        store.delete(blob.digest)
    store.close()
    os.sync()


def run(notebook: Notebook) -> None:
    mib = QUICK_MIB if notebook.quick else MIB
    block = os.urandom(min(mib, 256) * CHUNK)
    pieces = [block[n * CHUNK % len(block) :][:CHUNK] for n in range(mib)]
    plain, blobs = notebook.scratch / "plain", notebook.scratch / "blobs"
    rounds: dict[str, list[float]] = {}

    def measure(name: str, work: Callable[[], None]) -> None:
        start = time.perf_counter()
        work()
        rounds.setdefault(name, []).append(mib / (time.perf_counter() - start))

    for _ in range(notebook.rounds):
        measure(HASH, lambda: hash_plainly(pieces))
        measure(WRITE, lambda: write_plainly(plain, pieces, hashed=False))
        measure(READ, lambda: read_plainly(plain))
        plain.unlink()
        os.sync()
        measure(IN_TURN, lambda: write_plainly(plain, pieces, hashed=True))
        plain.unlink()
        os.sync()
        with empty_store(blobs) as store:
            measure(STORE_WRITE, lambda: write_to(store, pieces))
            measure(STORE_READ, lambda: read_from(store))
        with empty_store(blobs) as store:
            measure(STORE_PARTS, lambda: write_in_parts_to(store, pieces))
    figures = {name: Figure(each, "MiB/s") for name, each in rounds.items()}
    for name, yardstick in COMPARED:
        notebook.note(Finding("", name, figures[name], figures[yardstick], yardstick))
