"""The BlobStore of one machine: a folder. Safe with many threads and processes at once. POSIX.

    root/
      owner                the registry whose blobs these are
      sha256/ab/<64 hex>   a blob; its name begins with ab; 0444: whole, verified, never written to
      staging/<32 hex>     bytes on their way in; 0600, locked while somebody writes
      trash/<32 hex>       thrown away; freed in the background, or when the store is next opened

    create_writer           write …            commit
         │                    │                  │
         └─> staging/id ──────┴─> fsync, 0444 ───┴─ rename ─> sha256/ab/digest, fsync of the folder
                 └──cancel─> trash/… <──────────────delete───────┘

A name is moved in one step, so at every moment a blob is whole or absent, and what a crash leaves
lies in staging/ (found by `writers()`) or in trash/. Only regular files count: anything else that
stands at such a place, a symbolic link above all, is not followed, not read and not listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from muniment.domain.names import DIGEST
from muniment.domain.values import from_millis
from muniment.errors import (
    ConfigurationError,
    Corrupt,
    DigestMismatch,
    NotFound,
    RangeNotSatisfiable,
    Unavailable,
)
from muniment.storage.blobs import CHUNK, BlobStat, BlobStore, BlobWriter, DirectUpload
from muniment.storage.objects.files import (
    create_file,
    explaining,
    is_folder,
    look_up,
    make_folder,
    names_in,
    open_file,
    sync_folder,
)
from muniment.storage.objects.staging import StagedFile, Staging

_SHARD: Final = re.compile(r"[0-9a-f]{2}")
_TRASH: Final = re.compile(r"[0-9a-f]{32}")


class FolderBlobStore(BlobStore):
    """Blobs as files below `root`, which is made if it is not there.

    Raises:
        ConfigurationError: the folder can't be made or is not a folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._blobs = self._root / "sha256"
        self._trash = self._root / "trash"
        staging = self._root / "staging"
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            for folder in (self._blobs, staging, self._trash):
                make_folder(folder)
            left_over = names_in(self._trash, _TRASH)
        except OSError as error:
            raise ConfigurationError(
                f"The blobs can't be kept in {self._root}: {error.strerror}.",
                hint="Choose a folder that this user may write to.",
            ) from error
        self._staging = Staging(staging)
        self._durable_shards: set[str] = set()
        self._freeing = ThreadPoolExecutor(1, thread_name_prefix="blob-free")
        for name in left_over:
            self._freeing.submit(_free, self._trash / name)

    def create_writer(self, writer_id: str | None = None) -> BlobWriter:
        """See BlobStore."""
        with explaining("be written to"):
            return FolderWriter(self, self._staging.create(writer_id or os.urandom(16).hex()))

    def resume_writer(self, writer_id: str) -> BlobWriter:
        """See BlobStore."""
        with explaining("be written to"):
            return FolderWriter(self, self._staging.resume(writer_id))

    def offset(self, writer_id: str) -> int | None:
        """See BlobStore."""
        with explaining("be read"):
            return self._staging.size(writer_id)

    def writers(self) -> Iterator[tuple[str, datetime]]:
        """See BlobStore."""
        with explaining("be read"):
            yield from self._staging.unfinished()

    def presign_put(
        self, writer_id: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        """See BlobStore. A folder has no URLs."""
        return None

    def stat(self, digest: str) -> BlobStat | None:
        """See BlobStore."""
        with explaining("be read"):
            found = look_up(self._path(digest))
        return None if found is None else _blob_stat(digest, found)

    def stat_many(self, digests: Collection[str]) -> Mapping[str, BlobStat]:
        """See BlobStore."""
        return {digest: stat for digest in digests if (stat := self.stat(digest))}

    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See BlobStore. What was begun is read to its end, even if the blob is deleted."""
        pieces = self._pieces(digest, start, end)
        next(pieces)  # opens the file, so that what is wrong is said here
        return pieces

    def read_all(self, digest: str) -> bytes:
        """See BlobStore."""
        return b"".join(self.read(digest))

    def local_path(self, digest: str) -> Path | None:
        """See BlobStore."""
        path = self._path(digest)
        with explaining("be read"):
            return None if look_up(path) is None else path

    def delete(self, digest: str) -> None:
        """See BlobStore."""
        path = self._path(digest)
        with explaining("be written to"):
            if look_up(path) is not None:
                self._discard(path)

    def list(self, after: str = "") -> Iterator[BlobStat]:
        """See BlobStore. Holds the names of one of 256 folders at a time."""
        with explaining("be read"):
            shards = names_in(self._blobs, _SHARD)
        for shard in shards:
            if shard < after[:2]:
                continue
            with explaining("be read"):
                digests = names_in(self._blobs / shard, DIGEST)
            for digest in digests:
                if digest > after and digest.startswith(shard):
                    blob = self.stat(digest)
                    if blob is not None:
                        yield blob

    def presign_get(self, digest: str, *, seconds: int, filename: str) -> str | None:
        """See BlobStore. A folder has no URLs."""
        return None

    def claim(self, owner: str) -> str:
        """See BlobStore."""
        with explaining("be written to"):
            fd = open_file(self._root / "owner", os.O_RDONLY)
            if fd is not None:
                with os.fdopen(fd, "rb") as file:
                    return file.read(200).decode("ascii", "replace")
            staged = self._root / f"owner-{os.urandom(8).hex()}"
            with os.fdopen(create_file(staged, os.O_WRONLY), "wb") as file:
                file.write(owner.encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(staged, self._root / "owner")  # whole at once; of several, one is first
            except FileExistsError:
                return self.claim(owner)
            finally:
                staged.unlink()
            sync_folder(self._root)
        return owner

    def ping(self) -> None:
        """See BlobStore."""
        path = self._trash / os.urandom(16).hex()
        try:
            fd = create_file(path, os.O_WRONLY)
            try:
                os.write(fd, b"\0")
            finally:
                os.close(fd)
                _free(path)
        except OSError as error:
            raise Unavailable(
                f"The blob folder can't be written to: {error.strerror}.",
                hint="Check that its disk is there, has room, and that this user may write to it.",
            ) from error

    def close(self) -> None:
        """Wait until what was deleted is freed, and end the threads."""
        self._staging.close()
        self._freeing.shutdown()

    # -- for the writer --------------------------------------------------------------------------

    def put(self, staged: StagedFile, digest: str) -> BlobStat:
        """Move a staged file to the place of `digest`, or drop it if that blob is here."""
        path = self._path(digest)
        shard = path.parent
        if shard.name not in self._durable_shards or not is_folder(shard):
            make_folder(shard)
            self._durable_shards.add(shard.name)
        found = look_up(path)
        if found is not None and found.st_size == staged.size:
            self.drop(staged)
        else:
            found = self._place(staged, path)
        sync_folder(shard)  # also for what another process may have placed this very moment
        return _blob_stat(digest, found)

    def drop(self, staged: StagedFile) -> None:
        """Throw a staged file away."""
        self._discard(staged.path)
        staged.release()

    # -- inside ----------------------------------------------------------------------------------

    def _place(self, staged: StagedFile, path: Path) -> os.stat_result:
        try:
            staged.seal()
        except OSError:
            # After a failed fsync nobody can tell which bytes are on the disk.
            self.drop(staged)
            raise
        # At no time does anybody find less than the whole blob: two who commit it at once replace
        # equal bytes by equal bytes, and whatever else is replaced was damaged.
        staged.path.rename(path)
        found = os.fstat(staged.fd)
        staged.release()
        return found

    def _discard(self, path: Path) -> None:
        """Take a file away at once and free its bytes later; fine if it is gone."""
        trashed = self._trash / os.urandom(16).hex()
        try:
            path.rename(trashed)
        except FileNotFoundError:
            return
        self._freeing.submit(_free, trashed)

    def _path(self, digest: str) -> Path:
        return self._blobs / digest[:2] / digest

    def _pieces(self, digest: str, start: int, end: int | None) -> Iterator[bytes]:
        """Yield an empty piece once the file is open, then [start, end)."""
        with explaining("be read"):
            fd = open_file(self._path(digest), os.O_RDONLY)
        if fd is None:
            raise NotFound(f"There is no blob {digest} here.", details={"digest": digest})
        try:
            size = os.fstat(fd).st_size
            if start > size:
                raise RangeNotSatisfiable(
                    f"Blob {digest} has {size} bytes; {start} lies beyond its end.",
                    details={"size": size},
                )
            end = size if end is None else min(end, size)
            yield b""
            while start < end:
                with explaining("be read"):
                    piece = os.pread(fd, min(CHUNK, end - start), start)
                if not piece:
                    raise Corrupt(f"Blob {digest} has lost its bytes from {start} on.")
                start += len(piece)
                yield piece
        finally:
            os.close(fd)


class FolderWriter(BlobWriter):
    """A staged file that can take its place among the blobs."""

    def __init__(self, store: FolderBlobStore, staged: StagedFile) -> None:
        self._store = store
        self._staged = staged
        self._committed: BlobStat | None = None

    @property
    def id(self) -> str:
        """See BlobWriter."""
        return self._staged.path.name

    @property
    def offset(self) -> int:
        """See BlobWriter."""
        return self._staged.size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See BlobWriter. If there is no room for all of `data`, nothing of it is kept."""
        self._staged.write(data)

    def digest(self) -> str:
        """See BlobWriter."""
        return self._committed.digest if self._committed else self._staged.digest()

    def commit(self, digest: str) -> BlobStat:
        """See BlobWriter."""
        if self._committed and self._committed.digest == digest:
            return self._committed
        actual = self.digest()
        if actual != digest:
            self.cancel()
            raise DigestMismatch(
                f"{self.offset} bytes came whose SHA-256 is {actual}, not {digest}.",
                hint="Send the file again, or announce its right digest.",
                details={"expected": digest, "actual": actual},
            )
        with explaining("be written to"):
            self._committed = self._store.put(self._staged, digest)
        return self._committed

    def cancel(self) -> None:
        """See BlobWriter. After close the bytes are no longer ours: they stay."""
        if self._staged.is_open:
            with explaining("be written to"):
                self._store.drop(self._staged)

    def close(self) -> None:
        """See BlobWriter. Bytes that the disk has failed to keep can't be resumed."""
        if self._staged.is_open and self._staged.lost_bytes():
            self.cancel()
        else:
            self._staged.close()

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _free(path: Path) -> None:
    # Another process may be first. What can't be freed now is tried again at the next opening.
    with suppress(FileNotFoundError):
        path.unlink()


def _blob_stat(digest: str, found: os.stat_result) -> BlobStat:
    return BlobStat(digest, found.st_size, from_millis(found.st_mtime_ns // 1_000_000))
