"""One prefix of a bucket, by what every kind of object store can do. S3 can do more: `s3`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import obstore

from muniment.errors import Unavailable
from muniment.storage.blobs import CHUNK, DirectUpload
from muniment.storage.objects.answers import explaining
from muniment.storage.objects.parts import Found, Part
from muniment.storage.objects.refusals import Precondition

if TYPE_CHECKING:
    from obstore import BytesStream, GetOptions, GetResult, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

TRIES: Final = 4
"""How often what is safe to send again is sent, in all."""
CONNECT_SECONDS: Final = 5
SILENT_SECONDS: Final = 30
"""How long the store may say nothing; how long a transfer takes is up to its size."""

# What depends on the size of an object is bounded by silence, not by a total.
CLIENT: Final[ClientConfig] = {
    "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
    "read_timeout": timedelta(seconds=SILENT_SECONDS),
    "timeout": timedelta(days=1),
}
RETRY: Final[RetryConfig] = {
    "max_retries": TRIES - 1,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=3),
        "base": 3,
    },
}
_LIST_AT_ONCE: Final = 1_000
_COPIED_AT_ONCE: Final = 16 * CHUNK


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun: the object's size in bytes, and the bytes [start, end) of it."""

    size: int
    start: int
    end: int
    etag: str | None
    pieces: Iterator[bytes]


class Bucket:
    """Objects by their paths. `shown` is what it is called in messages.

    All methods raise what `explaining` says; those that could send something twice are safe to.
    """

    def __init__(self, objects: ObjectStore, shown: str) -> None:
        self._objects = objects
        self.shown: Final = shown

    def put(self, path: str, data: bytes | bytearray) -> str | None:
        """Put an object in one piece, whatever is there; return its ETag."""
        with explaining(self.shown):
            return obstore.put(self._objects, path, data, use_multipart=False)["e_tag"]

    def create(self, path: str, data: bytes | bytearray) -> bool:
        """Put an object in one piece unless there is one; say whether it was put.

        If an answer got lost and the next try met what the first had put, that is said to have
        been there.
        """
        try:
            with explaining(self.shown):
                obstore.put(self._objects, path, data, use_multipart=False, mode="create")
        except Precondition:
            return False
        return True

    def head(self, path: str) -> Found | None:
        """Look an object up."""
        try:
            with explaining(self.shown):
                return _found(obstore.head(self._objects, path))
        except FileNotFoundError:
            return None

    def open(
        self, path: str, start: int = 0, end: int | None = None, *, etag: str | None = None
    ) -> Opened:
        """Begin to read [start, end); with an `etag`, of that state of the object only.

        Raises:
            FileNotFoundError: there is no such object.
            RangeBehindEnd: `start` is at the end, or behind it.
            Precondition: it has another ETag.
        """
        options: GetOptions = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        if etag is not None:
            options["if_match"] = etag
        with explaining(self.shown):
            result = obstore.get(self._objects, path, options=options)
            meta, (first, last) = result.meta, result.range
        return Opened(
            meta["size"], first, last, meta["e_tag"], self._pieces(result, path, last - first)
        )

    def _pieces(self, result: GetResult, path: str, length: int) -> Iterator[bytes]:
        stream = result.stream(min_chunk_size=CHUNK)
        came = 0
        while True:
            piece = self._next(stream)
            if piece is None:
                break
            came += len(piece)
            if came > length:
                break
            yield bytes(piece)
        if came != length:
            raise Unavailable(
                f"{self.shown} sent {came} bytes of {path!r} where {length} were asked for.",
                hint="Try again.",
            )

    def _next(self, stream: BytesStream) -> bytes | None:
        with explaining(self.shown):
            return next(stream, None)

    def list(self, prefix: str, after: str = "") -> Iterator[Found]:
        """Yield the objects whose paths begin with `prefix` (it ends with `/`), by path."""
        with explaining(self.shown):
            pages = iter(
                obstore.list(self._objects, prefix, offset=after or None, chunk_size=_LIST_AT_ONCE)
            )
        while True:
            with explaining(self.shown):
                page = next(pages, None)
            if page is None:
                return
            yield from map(_found, page)

    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects; missing ones are fine."""
        if not paths:
            return
        try:
            with explaining(self.shown):
                obstore.delete(self._objects, paths)
        except (
            FileNotFoundError
        ):  # some stores mind; which one it was, and what is left, is not said
            for path in paths:
                with suppress(FileNotFoundError), explaining(self.shown):
                    obstore.delete(self._objects, path)

    def compose(self, parts: Sequence[Part], path: str, note: str) -> None:
        """Make one object of parts, whole, at once. `note` is a path for what must be remembered.

        This store can't copy pieces, so they come here and go back.

        Raises:
            FileNotFoundError, Precondition: a part is not there any more, or not the same.
        """
        with explaining(self.shown):
            # Not as a context: that would make an object of what was written before an error.
            writer = obstore.open_writer(
                self._objects, path, buffer_size=_COPIED_AT_ONCE, max_concurrency=2
            )
            for part in parts:
                for piece in self.open(part.path, etag=part.etag).pieces:
                    writer.write(piece)
            writer.close()

    def call_off(self, note: str) -> None:
        """Free what an interrupted `compose` has noted; nothing, in this store."""

    def proven_digest(self, part: Part) -> str | None:
        """Return the SHA-256 of a part if the store itself has computed it from the bytes."""
        return None

    def presign_get(self, path: str, *, seconds: int, filename: str) -> str | None:
        """Return a URL that serves an object as a file to save, without login; or None."""
        return None

    def presign_put(
        self, path: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        """Return how to put an object that has this digest and size, without login; or None."""
        return None

    def close(self) -> None:
        """Let go of all connections."""


def _found(meta: ObjectMeta) -> Found:
    # A listing may know milliseconds where a single answer knows seconds: they must be equal.
    modified: datetime = meta["last_modified"].astimezone(UTC).replace(microsecond=0)
    return Found(meta["path"], meta["size"], meta["e_tag"], modified)
