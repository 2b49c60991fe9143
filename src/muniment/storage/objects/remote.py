"""The BlobStore of many machines: an object store. Safe with many threads and processes at once.

    prefix/
      sha256/ab/<64 hex>   a blob; its name begins with ab
      staging/<32 hex>/    bytes on their way in, in parts: see `parts`
      owner                the registry whose blobs these are
      probe                written by `ping`, to see that one can

    create_writer           write …                    commit
         │                    │                          │
         └─> staging/id/begun ┴─> staging/id/<part> ─────┴─ copied by the store ─> sha256/ab/digest
                 └──cancel─> all below staging/id/ deleted <──┘
    small, without id ────────────────────────────── put at its place in one request ──┘

Stores show an object when it is whole, so a blob is whole or absent at every moment. What a crash
leaves lies below staging/, and `writers()` finds it.

What is checked: each part travels with its SHA-256 to stores that compare it (S3), and has its
length when it is copied. A blob that is read whole is hashed on the way, and its last piece is
given only if it is the right blob; of a range, the length is checked.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from muniment.domain.values import utcnow
from muniment.errors import (
    ConfigurationError,
    Corrupt,
    NotFound,
    RangeNotSatisfiable,
    Unavailable,
    UploadConflict,
)
from muniment.storage.blobs import BlobStat, BlobStore, BlobWriter, DirectUpload
from muniment.storage.objects.options import ObjectOptions
from muniment.storage.objects.parts import Found, Part, chain, folder, part_path
from muniment.storage.objects.refusals import RangeBehindEnd
from muniment.storage.objects.remote_writer import RemoteWriter, Writing

if TYPE_CHECKING:
    from muniment.storage.objects.bucket import Bucket, Opened

_BLOB: Final = re.compile(r"sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_STAGED: Final = re.compile(r"staging/([0-9a-f]{32})/.+")
_LOCATION: Final = re.compile(r"(s3|gs|az)://([a-z0-9][a-z0-9._-]{1,220})(?:/([^?#\s]*))?")
PAUSES: Final = (0.1, 0.4, 1.5)
"""Seconds before each further try to go on with an answer that broke off."""
PROBE: Final = "probe"
OWNER: Final = "owner"
ASKED_AT_ONCE: Final = 16


def open_objects(url: str, options: ObjectOptions) -> BlobStore:
    """Open the blobs at `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.

    A bucket of S3 is made if there is none.

    Raises:
        ConfigurationError: the address is wrong, the bucket can't be used, or obstore is missing.
        Unavailable: the store does not answer.
    """
    found = _LOCATION.fullmatch(url)
    if found is None:
        raise ConfigurationError(
            f"{url!r:.200} is not the address of a bucket.",
            hint="Write s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
        )
    scheme, bucket, prefix = found[1], found[2], (found[3] or "").strip("/")
    try:
        if scheme == "s3":
            from muniment.storage.objects.s3 import open_s3

            return RemoteBlobStore(open_s3(bucket, prefix, options))
        from muniment.storage.objects.clouds import open_azure, open_google

        return RemoteBlobStore({"gs": open_google, "az": open_azure}[scheme](bucket, prefix))
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{url!r:.200} needs the package {error.name}, which is not installed.",
            hint="pip install 'muniment[s3]' (for every kind of object store).",
        ) from error


class RemoteBlobStore(BlobStore):
    """Blobs as objects in a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket: Final = bucket
        self.writing: Final = Writing()
        self._asking = ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="blob-stat")

    # -- in --------------------------------------------------------------------------------------

    def create_writer(self, writer_id: str | None = None) -> BlobWriter:
        """See BlobStore. Without an id nothing is sent before a part is full, or the commit."""
        if writer_id is None:
            return RemoteWriter(self, uuid4().hex, [], kept=False)
        self.writing.begin(writer_id)
        try:
            if not self.bucket.create(_marker(writer_id), b""):
                raise UploadConflict(
                    f"Upload {writer_id} was begun already.", hint="Resume it, or take another id."
                )
        except BaseException:
            self.writing.end(writer_id)
            raise
        return RemoteWriter(self, writer_id, [])

    def resume_writer(self, writer_id: str) -> BlobWriter:
        """See BlobStore. Who writes in another process is not noticed, and does no harm."""
        self.writing.begin(writer_id)
        try:
            found = list(self.bucket.list(folder(writer_id)))
            if not found:
                raise NotFound(
                    f"There is no upload {writer_id}: it was committed, cancelled or swept.",
                    hint="Begin a new one.",
                )
            return RemoteWriter(self, writer_id, chain(found))
        except BaseException:
            self.writing.end(writer_id)
            raise

    def offset(self, writer_id: str) -> int | None:
        """See BlobStore. Counts what is safe, not what a writer still holds."""
        found = list(self.bucket.list(folder(writer_id)))
        if not found:
            return None
        parts = chain(found)
        return parts[-1].end if parts else 0

    def writers(self) -> Iterator[tuple[str, datetime]]:
        """See BlobStore."""
        staged = (
            (name[1], found.modified)
            for found in self.bucket.list("staging/")
            if (name := _STAGED.fullmatch(found.path))
        )
        for writer_id, group in groupby(staged, key=lambda pair: pair[0]):
            yield writer_id, max(modified for _, modified in group)

    def presign_put(
        self, writer_id: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        """See BlobStore."""
        if not size:
            return None
        path = part_path(writer_id, 0, size, digest)
        return self.bucket.presign_put(path, digest=digest, size=size, seconds=seconds)

    # -- out -------------------------------------------------------------------------------------

    def stat(self, digest: str) -> BlobStat | None:
        """See BlobStore."""
        found = self.bucket.head(_path(digest))
        return None if found is None else _blob_stat(digest, found)

    def stat_many(self, digests: Collection[str]) -> Mapping[str, BlobStat]:
        """See BlobStore. Asks for several at the same time."""
        stats = self._asking.map(self.stat, digests)
        return {stat.digest: stat for stat in stats if stat is not None}

    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See BlobStore. What breaks off is gone on with.

        A blob that is read whole is hashed, and Corrupt is raised before its last piece.
        """
        if start == end:
            self._check_start(digest, start)
            return iter(())
        try:
            opened = self.bucket.open(_path(digest), start, end)
        except FileNotFoundError:
            raise _no_blob(digest) from None
        except RangeBehindEnd:
            self._check_start(digest, start)
            return iter(())
        pieces = self._going_on(digest, opened, start)
        whole = start == 0 and opened.end == opened.size
        return _verified(digest, pieces) if whole else pieces

    def _check_start(self, digest: str, start: int) -> None:
        stat = self.stat(digest)
        if stat is None:
            raise _no_blob(digest)
        if start > stat.size:
            raise RangeNotSatisfiable(
                f"Blob {digest} has {stat.size} bytes; {start} lies beyond its end.",
                details={"size": stat.size},
            )

    def _going_on(self, digest: str, opened: Opened, at: int) -> Iterator[bytes]:
        """Yield the bytes of an answer; where it breaks off, those of another one from there."""
        end, pauses = opened.end, iter(PAUSES)
        while True:
            try:
                for piece in opened.pieces:
                    at += len(piece)
                    yield piece
                return
            except Unavailable:
                pause = next(pauses, None)
                if pause is None or at >= end:
                    raise
            time.sleep(pause)
            try:
                opened = self.bucket.open(_path(digest), at, end)
            except FileNotFoundError:
                raise _no_blob(digest) from None

    def read_all(self, digest: str) -> bytes:
        """See BlobStore."""
        return b"".join(self.read(digest))

    def local_path(self, digest: str) -> Path | None:
        """See BlobStore. What is in a bucket is no file here."""
        return None

    def presign_get(self, digest: str, *, seconds: int, filename: str) -> str | None:
        """See BlobStore."""
        return self.bucket.presign_get(_path(digest), seconds=seconds, filename=filename)

    def delete(self, digest: str) -> None:
        """See BlobStore."""
        self.bucket.delete([_path(digest)])

    def list(self, after: str = "") -> Iterator[BlobStat]:
        """See BlobStore."""
        for found in self.bucket.list("sha256/", _path(after) if after else ""):
            if name := _BLOB.fullmatch(found.path):
                yield _blob_stat(name[2], found)

    def claim(self, owner: str) -> str:
        """See BlobStore."""
        if self.bucket.create(OWNER, owner.encode("ascii")):
            return owner
        return b"".join(self.bucket.open(OWNER).pieces).decode("ascii", "replace")

    def ping(self) -> None:
        """See BlobStore. One small object is written each time, always the same."""
        try:
            self.bucket.put(PROBE, b"")
        except ConfigurationError as error:  # its rights or its bucket were taken away
            raise Unavailable(error.message, hint=error.hint) from error

    def close(self) -> None:
        """See BlobStore."""
        self.writing.close()
        self._asking.shutdown()
        self.bucket.close()

    # -- for the writer --------------------------------------------------------------------------

    def place_bytes(self, data: bytes | bytearray, digest: str) -> BlobStat:
        """Put a small blob at its place, unless it is there."""
        path = _path(digest)
        placed = self.bucket.create(path, data)
        found = self.bucket.head(path)
        if not placed and (found is None or found.size != len(data)):
            # Deleted this very moment; or it was damaged, and is made whole.
            self.bucket.put(path, data)
            found = self.bucket.head(path)
        return self._placed(digest, len(data), found)

    def place_parts(
        self, writer_id: str, parts: Sequence[Part], size: int, digest: str
    ) -> BlobStat:
        """Copy parts to the place of their blob, unless it is there.

        Raises:
            FileNotFoundError, Precondition: somebody has removed or replaced a part.
        """
        path = _path(digest)
        found = self.bucket.head(path)
        if found is None or found.size != size:
            self.bucket.compose(parts, path, _note(writer_id))
            found = self.bucket.head(path)
        return self._placed(digest, size, found)

    def _placed(self, digest: str, size: int, found: Found | None) -> BlobStat:
        if found is None:  # it was there, and somebody has deleted it since
            return BlobStat(digest, size, utcnow())
        if found.size != size:
            raise Corrupt(
                f"{self.bucket.shown} holds {found.size} bytes of the blob {digest} after {size} "
                "were put there.",
                hint="Upload it again.",
            )
        return _blob_stat(digest, found)

    def is_begun(self, writer_id: str) -> bool:
        """Say whether an upload was begun, and neither finished nor cancelled since."""
        return self.bucket.head(_marker(writer_id)) is not None

    def drop(self, writer_id: str) -> None:
        """Free everything that is staged for a writer."""
        paths = [found.path for found in self.bucket.list(folder(writer_id))]
        if _note(writer_id) in paths:
            self.bucket.call_off(_note(writer_id))
        self.bucket.delete(paths)


def _verified(digest: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a whole blob; the last one only if it is the right blob."""
    sha, held = hashlib.sha256(), b""
    for piece in pieces:
        if held:
            yield held
        sha.update(piece)
        held = piece
    if sha.hexdigest() != digest:
        raise Corrupt(
            f"The bytes of the blob {digest} have the digest {sha.hexdigest()}.",
            hint="Run `muniment verify`; restore the blob from a backup, or push the same file "
            "again.",
            details={"digest": digest},
        )
    if held:
        yield held


def _path(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


def _marker(writer_id: str) -> str:
    return f"{folder(writer_id)}begun"


def _note(writer_id: str) -> str:
    return f"{folder(writer_id)}composing"


def _blob_stat(digest: str, found: Found) -> BlobStat:
    return BlobStat(digest, found.size, found.modified)


def _no_blob(digest: str) -> NotFound:
    return NotFound(f"There is no blob {digest} here.", details={"digest": digest})
