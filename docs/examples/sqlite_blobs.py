"""Blobs in one SQLite file: an example of an adapter, as small as the port allows.

    writers   id, began, wrote_at              uploads under way
    pieces    writer, start, data              the bytes of uploads and of blobs, at most 1 MiB each
    blobs     digest, writer, size, stored_at  a blob is the pieces that its writer has left

Committing moves no bytes: in one transaction a row of `blobs` appears and that of `writers` goes.
So a blob is whole or absent, whenever the process dies.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any
from uuid import uuid4

from muniment.domain.values import from_millis, to_millis, utcnow
from muniment.errors import DigestMismatch, NotFound, RangeNotSatisfiable, UploadConflict
from muniment.storage.blobs import CHUNK, BlobStat, BlobStore, BlobWriter, DirectUpload

TABLES = """
CREATE TABLE IF NOT EXISTS writers (id TEXT PRIMARY KEY, wrote_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pieces (
    writer TEXT NOT NULL, start INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (writer, start));
CREATE TABLE IF NOT EXISTS blobs (
    digest TEXT PRIMARY KEY, writer TEXT NOT NULL, size INTEGER NOT NULL,
    stored_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
"""


class Database:
    """One connection, used by one thread at a time; processes wait for each other."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(TABLES)

    def __enter__(self) -> None:
        """Begin a transaction."""
        self._lock.acquire()
        self.run("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Commit, or undo what an error has cut short."""
        try:
            self.run("COMMIT" if kind is None else "ROLLBACK")
        finally:
            self._lock.release()

    def run(self, sql: str, *values: object) -> int:
        """Run a statement; return how many rows it has touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return the rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


class SqliteBlobStore(BlobStore):
    """See `muniment.storage.blobs.BlobStore`."""

    def __init__(self, place: Path) -> None:
        self.database = Database(place / "blobs.db")
        self.open_writers: set[str] = set()  # of this process

    # -- in --------------------------------------------------------------------------------------

    def create_writer(self, writer_id: str | None = None) -> BlobWriter:
        writer_id = writer_id or uuid4().hex
        with self.database:
            if self.database.rows("SELECT 1 FROM writers WHERE id = ?", writer_id):
                raise UploadConflict(f"Upload {writer_id} was begun already.", hint="Resume it.")
            self.database.run("DELETE FROM pieces WHERE writer = ?", writer_id)
            self.database.run("INSERT INTO writers VALUES (?, ?)", writer_id, to_millis(utcnow()))
            self.open_writers.add(writer_id)
        return SqliteWriter(self, writer_id)

    def resume_writer(self, writer_id: str) -> BlobWriter:
        with self.database:
            if self.offset(writer_id) is None:
                raise NotFound(f"There is no upload {writer_id}.", hint="Begin a new one.")
            if writer_id in self.open_writers:
                raise UploadConflict(f"Somebody writes to upload {writer_id}.", hint="Wait.")
            self.open_writers.add(writer_id)
        return SqliteWriter(self, writer_id)

    def offset(self, writer_id: str) -> int | None:
        begun = "SELECT 1 FROM writers WHERE id = ?"
        end = "SELECT coalesce(max(start + length(data)), 0) FROM pieces WHERE writer = ?"
        if not self.database.rows(begun, writer_id):
            return None
        return int(self.database.rows(end, writer_id)[0][0])

    def writers(self) -> Iterator[tuple[str, datetime]]:
        for writer_id, wrote_at in self.database.rows("SELECT id, wrote_at FROM writers"):
            yield writer_id, from_millis(wrote_at)

    def presign_put(
        self, writer_id: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        return None

    # -- out -------------------------------------------------------------------------------------

    def stat(self, digest: str) -> BlobStat | None:
        return self.stat_many([digest]).get(digest)

    def stat_many(self, digests: Collection[str]) -> Mapping[str, BlobStat]:
        found = "SELECT size, stored_at FROM blobs WHERE digest = ?"
        return {
            digest: BlobStat(digest, size, from_millis(at))
            for digest in digests
            for size, at in self.database.rows(found, digest)
        }

    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        found = self.database.rows("SELECT writer, size FROM blobs WHERE digest = ?", digest)
        if not found:
            raise NotFound(f"There is no blob {digest} here.", details={"digest": digest})
        (writer, size) = found[0]
        if start > size:
            raise RangeNotSatisfiable(
                f"Blob {digest} has {size} bytes; {start} lies beyond its end.",
                details={"size": size},
            )
        return self._pieces(writer, start, size if end is None else min(end, size))

    def _pieces(self, writer: str, at: int, end: int) -> Iterator[bytes]:
        piece = "SELECT start, data FROM pieces WHERE writer = ? AND start <= ? ORDER BY start DESC"
        while at < end:
            found = self.database.rows(f"{piece} LIMIT 1", writer, at)
            if not found:
                raise NotFound("The blob was deleted while it was read.")
            start, data = found[0]
            data = data[at - start : end - start]
            at += len(data)
            yield data

    def read_all(self, digest: str) -> bytes:
        return b"".join(self.read(digest))

    def local_path(self, digest: str) -> Path | None:
        return None

    def presign_get(self, digest: str, *, seconds: int, filename: str) -> str | None:
        return None

    def list(self, after: str = "") -> Iterator[BlobStat]:
        page = "SELECT digest, size, stored_at FROM blobs WHERE digest > ? ORDER BY 1 LIMIT 1000"
        while rows := self.database.rows(page, after):
            yield from (BlobStat(digest, size, from_millis(at)) for digest, size, at in rows)
            after = rows[-1][0]

    # -- the rest --------------------------------------------------------------------------------

    def delete(self, digest: str) -> None:
        pieces = "DELETE FROM pieces WHERE writer IN (SELECT writer FROM blobs WHERE digest = ?)"
        with self.database:
            self.database.run(pieces, digest)
            self.database.run("DELETE FROM blobs WHERE digest = ?", digest)

    def claim(self, owner: str) -> str:
        self.database.run("INSERT OR IGNORE INTO owner VALUES (1, ?)", owner)
        return str(self.database.rows("SELECT id FROM owner")[0][0])

    def ping(self) -> None:
        with self.database:
            pass  # it can be written to

    def close(self) -> None:
        self.database.close()


class SqliteWriter(BlobWriter):
    """See `muniment.storage.blobs.BlobWriter`. Every write is a transaction of its own."""

    def __init__(self, store: SqliteBlobStore, writer_id: str) -> None:
        self._store, self._database, self._id = store, store.database, writer_id
        self._stat: BlobStat | None = None
        self._is_open = True
        self._offset = store.offset(writer_id) or 0

    @property
    def id(self) -> str:
        return self._id

    @property
    def offset(self) -> int:
        return self._offset

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        with self._database:
            now = to_millis(utcnow())
            known = self._store.offset(self._id)
            if known != self._offset:
                raise UploadConflict(f"Somebody else went on with {self._id}.", hint="Resume it.")
            for begin in range(0, len(view), CHUNK):
                piece = bytes(view[begin : begin + CHUNK])
                self._database.run(
                    "INSERT INTO pieces VALUES (?, ?, ?)", self._id, self._offset + begin, piece
                )
            self._database.run("UPDATE writers SET wrote_at = ? WHERE id = ?", now, self._id)
        self._offset += len(view)

    def digest(self) -> str:
        sha = hashlib.sha256()
        for piece in self._store._pieces(self._id, 0, self._offset):
            sha.update(piece)
        return sha.hexdigest()

    def commit(self, digest: str) -> BlobStat:
        if self._stat is not None:
            return self._stat
        with self._database:
            # Hashed anew within the transaction: another process may have resumed this upload.
            self._offset = self._store.offset(self._id) or 0
            found = self.digest()
            if found == digest:
                self._stat = self._place(digest)
            else:
                self._drop()
        self.close()
        if self._stat is None:
            raise DigestMismatch(
                f"The bytes have the digest {found}, not {digest}.", hint="Upload them again."
            )
        return self._stat

    def _place(self, digest: str) -> BlobStat:
        there = self._store.stat(digest)
        if there is not None:
            self._drop()
            return there
        now, values = utcnow(), (digest, self._id, self._offset)
        self._database.run("INSERT INTO blobs VALUES (?, ?, ?, ?)", *values, to_millis(now))
        self._database.run("DELETE FROM writers WHERE id = ?", self._id)
        return BlobStat(digest, self._offset, from_millis(to_millis(now)))

    def _drop(self) -> None:
        self._database.run("DELETE FROM pieces WHERE writer = ?", self._id)
        self._database.run("DELETE FROM writers WHERE id = ?", self._id)

    def cancel(self) -> None:
        if self._is_open:
            with self._database:
                if self._store.offset(self._id) is not None:
                    self._drop()
        self.close()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._store.open_writers.discard(self._id)

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
