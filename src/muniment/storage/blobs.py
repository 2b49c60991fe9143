"""The BlobStore port: bytes, named by their SHA-256; immutable, stored once.

Writing has two steps, so that the metadata can take its lease between them:

    writer = store.create_writer(id)      writer = store.resume_writer(id)     after a crash
    writer.write(…); writer.write(…)      writer.offset says what is here
    digest = writer.digest()              hashed while writing
    (metadata.add_blob(digest, …))
    writer.commit(digest)                 the bytes appear at their place, whole, at once
    writer.cancel()                       or nothing ever appears

A writer that is closed without commit keeps what it has, to be resumed by any process that sees
the same store. Nothing above this port may assume that a blob is one file.

Where the store can be reached by others, they can send and fetch bytes themselves, by URLs that
are good for a while: `presign_put` to what a writer holds, `presign_get` from a blob.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol

CHUNK = 1024 * 1024
"""Bytes per piece when streaming: what socket, hash and disk like best here (see specs)."""


@dataclass(frozen=True, slots=True)
class BlobStat:
    """A stored blob: its size in bytes and when it was put in its place."""

    digest: str
    size: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """A request that puts bytes into the store without login: PUT to `url` with these headers."""

    url: str
    headers: Mapping[str, str]


class BlobWriter(Protocol):
    """Bytes on their way in. One thread at a time; as a context manager it closes at the end."""

    @property
    @abstractmethod
    def id(self) -> str:
        """The id that the writer was created with."""

    @property
    @abstractmethod
    def offset(self) -> int:
        """How many bytes are here."""

    @abstractmethod
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; large pieces (about `CHUNK`) are fastest.

        They are safe once `close` or `commit` has returned: before, a crash may cost the last of
        them, and what the store refuses may be said by a later call.

        Raises:
            StorageFull: there is no room. What was here before stays and can be resumed.
        """

    @abstractmethod
    def digest(self) -> str:
        """Return the SHA-256 of all bytes (re-reads only what an earlier process wrote)."""

    @abstractmethod
    def commit(self, digest: str) -> BlobStat:
        """Put the bytes at the place of `digest`, durably, and close. Idempotent.

        If that blob is stored already, it stays as it is and these bytes are dropped.

        Raises:
            DigestMismatch: the bytes have another digest; they are dropped.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Drop the bytes and close. Fine after commit, cancel or close."""

    @abstractmethod
    def close(self) -> None:
        """Let go, keeping the bytes for `resume_writer`. Fine after commit, cancel or close."""

    @abstractmethod
    def __enter__(self) -> BlobWriter: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class BlobStore(Protocol):
    """The port. Safe to use from many threads and, on one place, from many processes.

    Digests must fully match `^[0-9a-f]{64}$` and writer ids `^[0-9a-f]{32}$`; anything else raises
    InvalidInput before the store is touched (`CheckedBlobStore` sees to that for every adapter).
    """

    @abstractmethod
    def create_writer(self, writer_id: str | None = None) -> BlobWriter:
        """Begin to write. Raises UploadConflict if the id is in use.

        Without an id the writer gets one of its own, and is for this process only: what it holds
        need not outlive its `close`.
        """

    @abstractmethod
    def resume_writer(self, writer_id: str) -> BlobWriter:
        """Go on with bytes that were begun earlier, by this or another process.

        Raises:
            NotFound: there is nothing (it was committed, cancelled or swept).
            UploadConflict: somebody writes to it at this moment.
        """

    @abstractmethod
    def offset(self, writer_id: str) -> int | None:
        """Return how many bytes a writer has put down, or None if there is none. Takes no lock."""

    @abstractmethod
    def writers(self) -> Iterator[tuple[str, datetime]]:
        """Yield the ids of unfinished writers and when each last wrote, for sweeping."""

    @abstractmethod
    def presign_put(
        self, writer_id: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        """Return how anybody can send all bytes of a new writer for a while; None if nobody can.

        Once they are sent the writer holds them, as if it had been written to and closed. The
        store takes no bytes that have another digest or size.
        """

    @abstractmethod
    def stat(self, digest: str) -> BlobStat | None:
        """Return what is known of a blob, or None."""

    @abstractmethod
    def stat_many(self, digests: Collection[str]) -> Mapping[str, BlobStat]:
        """Return what is known of each of these blobs that is here; quicker than one by one."""

    @abstractmethod
    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes [start, end) in pieces of about `CHUNK`.

        Raises:
            NotFound: there is no such blob (before the first piece).
            RangeNotSatisfiable: `start` lies beyond the end.
        """

    @abstractmethod
    def read_all(self, digest: str) -> bytes:
        """Return a small blob (a manifest) whole. Raises NotFound."""

    @abstractmethod
    def local_path(self, digest: str) -> Path | None:
        """Return the file that holds exactly the blob's bytes, if there is one on this machine."""

    @abstractmethod
    def delete(self, digest: str) -> None:
        """Remove a blob; a missing one is fine. Quick: large files are freed in the background."""

    @abstractmethod
    def list(self, after: str = "") -> Iterator[BlobStat]:
        """Yield all blobs with a digest above `after`, in the order of their digests."""

    @abstractmethod
    def presign_get(self, digest: str, *, seconds: int, filename: str) -> str | None:
        """Return a URL that serves the blob for a while without login; None if there is none.

        It serves ranges, too, and lets a browser save it as `filename`.
        """

    @abstractmethod
    def claim(self, owner: str) -> str:
        """Note whose these blobs are, unless it is noted; return what is.

        `owner` is the id of a registry, at most 100 characters of ASCII. Of two registries that
        shared a store, each would take the other's blobs for garbage.
        """

    @abstractmethod
    def ping(self) -> None:
        """Raise Unavailable unless blobs can be read and written."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all resources."""
