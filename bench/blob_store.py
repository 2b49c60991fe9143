"""How much of the machine the blob folder leaves to its users: MiB/s of 1 GiB, and ratios.

    python bench/blob_store.py [--mib 1024] [--rounds 3] [--folder DIR]

The yardsticks run in the same process and on the same disk, in turn with the store; each figure is
the best of the rounds. Reads come from the page cache.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.storage.blobs import CHUNK, BlobStore
from muniment.storage.checked import CheckedBlobStore
from muniment.storage.objects.folder import FolderBlobStore

PIECES_PER_WRITER = 16
ID = "0" * 32


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="a folder on the disk to measure")
    options = parser.parse_args()
    block = os.urandom(min(options.mib, 256) * CHUNK)
    pieces = [block[n * CHUNK % len(block) :][:CHUNK] for n in range(options.mib)]
    best: dict[str, float] = {}

    def measure(name: str, work: Callable[[], None]) -> None:
        start = time.perf_counter()
        work()
        rate = options.mib / (time.perf_counter() - start)
        best[name] = max(best.get(name, 0), rate)

    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        plain, blobs = Path(scratch) / "plain", Path(scratch) / "blobs"
        for _ in range(options.rounds):
            measure("SHA-256", lambda: hash_plainly(pieces))
            measure("write, fsync", lambda: write_plainly(plain, pieces, hashed=False))
            measure("read", lambda: read_plainly(plain))
            plain.unlink()
            os.sync()
            measure(
                "write and SHA-256 in turn, fsync",
                lambda: write_plainly(plain, pieces, hashed=True),
            )
            plain.unlink()
            os.sync()
            with empty_store(blobs) as store:
                measure("store: write", lambda: write_to(store, pieces))
                measure("store: read", lambda: read_from(store))
            with empty_store(blobs) as store:
                measure("store: write in 16 MiB parts", lambda: write_in_parts_to(store, pieces))

    for name, rate in best.items():
        print(f"{name:34}{rate:8,.0f} MiB/s")
    written, in_turn = best["store: write"], best["write and SHA-256 in turn, fsync"]
    print(f"\nstore: write / write, fsync       {written / best['write, fsync']:8.2f}")
    print(f"store: write / SHA-256            {written / best['SHA-256']:8.2f}")
    print(f"store: write / both in turn       {written / in_turn:8.2f}")
    print(
        f"store: in parts / store: write    {best['store: write in 16 MiB parts'] / written:8.2f}"
    )
    print(f"store: read / read                {best['store: read'] / best['read']:8.2f}")


if __name__ == "__main__":
    main()
