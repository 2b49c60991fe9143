"""CheckedBlobStore: what holds for every BlobStore, said once.

    services ──> CheckedBlobStore ──> any adapter
                 names are checked, bytes and operations are counted

An adapter may build a path or a key from any digest and id that reaches it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final

from muniment.domain.names import DIGEST, WRITER_ID
from muniment.errors import InvalidInput
from muniment.storage.blobs import BlobStat, BlobStore, BlobWriter, DirectUpload


class BlobCounters:
    """What went through one store since it was opened; only ever grows. Safe with threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bytes_in = 0
        self._bytes_out = 0
        self._operations: Counter[str] = Counter()

    @property
    def bytes_in(self) -> int:
        """Bytes that writers took."""
        return self._bytes_in

    @property
    def bytes_out(self) -> int:
        """Bytes that `read` and `read_all` gave; not what went by `local_path` or a URL."""
        return self._bytes_out

    @property
    def operations(self) -> Mapping[str, int]:
        """Calls begun, by the name of the method of BlobStore or BlobWriter."""
        with self._lock:
            return dict(self._operations)

    def count(self, operation: str = "", *, bytes_in: int = 0, bytes_out: int = 0) -> None:
        """Add one operation (if it is named) and bytes."""
        with self._lock:
            if operation:
                self._operations[operation] += 1
            self._bytes_in += bytes_in
            self._bytes_out += bytes_out


class CheckedBlobStore(BlobStore):
    """`inner`, with checked names and `counters`. Passes everything else on as it is."""

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner
        self.counters: Final = BlobCounters()

    def create_writer(self, writer_id: str | None = None) -> BlobWriter:
        """See BlobStore."""
        if writer_id is not None:
            _check_writer_id(writer_id)
        self.counters.count("create_writer")
        return _CheckedWriter(self._inner.create_writer(writer_id), self.counters)

    def resume_writer(self, writer_id: str) -> BlobWriter:
        """See BlobStore."""
        _check_writer_id(writer_id)
        self.counters.count("resume_writer")
        return _CheckedWriter(self._inner.resume_writer(writer_id), self.counters)

    def offset(self, writer_id: str) -> int | None:
        """See BlobStore."""
        _check_writer_id(writer_id)
        self.counters.count("offset")
        return self._inner.offset(writer_id)

    def writers(self) -> Iterator[tuple[str, datetime]]:
        """See BlobStore."""
        self.counters.count("writers")
        return self._inner.writers()

    def presign_put(
        self, writer_id: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        """See BlobStore."""
        _check_writer_id(writer_id)
        _check_digest(digest)
        self.counters.count("presign_put")
        return self._inner.presign_put(writer_id, digest=digest, size=size, seconds=seconds)

    def stat(self, digest: str) -> BlobStat | None:
        """See BlobStore."""
        _check_digest(digest)
        self.counters.count("stat")
        return self._inner.stat(digest)

    def stat_many(self, digests: Collection[str]) -> Mapping[str, BlobStat]:
        """See BlobStore."""
        for digest in digests:
            _check_digest(digest)
        self.counters.count("stat_many")
        return self._inner.stat_many(digests)

    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See BlobStore."""
        _check_digest(digest)
        if start < 0 or (end is not None and end < start):
            raise InvalidInput(
                f"[{start}, {end}) is not a range of bytes.",
                hint="Count from 0 and let it end behind its start.",
            )
        self.counters.count("read")
        return self._counted(self._inner.read(digest, start, end))

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.counters.count(bytes_out=len(piece))
            yield piece

    def read_all(self, digest: str) -> bytes:
        """See BlobStore."""
        _check_digest(digest)
        data = self._inner.read_all(digest)
        self.counters.count("read_all", bytes_out=len(data))
        return data

    def local_path(self, digest: str) -> Path | None:
        """See BlobStore."""
        _check_digest(digest)
        self.counters.count("local_path")
        return self._inner.local_path(digest)

    def delete(self, digest: str) -> None:
        """See BlobStore."""
        _check_digest(digest)
        self.counters.count("delete")
        self._inner.delete(digest)

    def list(self, after: str = "") -> Iterator[BlobStat]:
        """See BlobStore."""
        if after:
            _check_digest(after)
        self.counters.count("list")
        return self._inner.list(after)

    def presign_get(self, digest: str, *, seconds: int, filename: str) -> str | None:
        """See BlobStore."""
        _check_digest(digest)
        self.counters.count("presign_get")
        return self._inner.presign_get(digest, seconds=seconds, filename=filename)

    def claim(self, owner: str) -> str:
        """See BlobStore."""
        return self._inner.claim(owner)

    def ping(self) -> None:
        """See BlobStore."""
        self._inner.ping()

    def close(self) -> None:
        """See BlobStore."""
        self._inner.close()


class _CheckedWriter(BlobWriter):
    def __init__(self, inner: BlobWriter, counters: BlobCounters) -> None:
        self._inner = inner
        self._counters = counters

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def offset(self) -> int:
        return self._inner.offset

    def write(self, data: bytes | bytearray | memoryview) -> None:
        before = self._inner.offset
        self._inner.write(data)
        self._counters.count(bytes_in=self._inner.offset - before)

    def digest(self) -> str:
        return self._inner.digest()

    def commit(self, digest: str) -> BlobStat:
        _check_digest(digest)
        self._counters.count("commit")
        return self._inner.commit(digest)

    def cancel(self) -> None:
        self._counters.count("cancel")
        self._inner.cancel()

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inner.__exit__(kind, error, trace)


def _check_digest(digest: str) -> None:
    # Stricter than names.check_digest, which also takes `sha256:…`: here a digest has one spelling.
    if not DIGEST.fullmatch(digest):
        raise InvalidInput(
            f"{digest!r:.100} is not the digest of a blob.",
            hint="A SHA-256 digest has 64 of 0-9 and a-f.",
        )


def _check_writer_id(writer_id: str) -> None:
    if not WRITER_ID.fullmatch(writer_id):
        raise InvalidInput(
            f"{writer_id!r:.100} is not the id of an upload.", hint="An id has 32 of 0-9 and a-f."
        )
