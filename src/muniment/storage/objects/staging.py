"""Bytes on their way in: one file per writer, locked while somebody writes.

A staged file only ever grows. While one thread writes a large piece, a second hashes it, and a
third makes durable what is there already:

    write   ████ ████ ████ ████ ████ ████          SHA-256 is the slowest of the three, so storing
    hash    █████████████████████████████          takes about as long as hashing
    sync             ████████████  ██████████

If an earlier process wrote its beginning, it is hashed once at the end.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from muniment.domain.names import WRITER_ID
from muniment.domain.values import from_millis
from muniment.errors import Corrupt, NotFound, UploadConflict
from muniment.storage.blobs import CHUNK
from muniment.storage.objects.files import (
    create_file,
    explaining,
    look_up,
    names_in,
    open_file,
    try_lock,
    write_all,
)

if TYPE_CHECKING:
    from hashlib import _Hash


PARALLEL_FROM: Final = 256 * 1024  # for less, another thread costs more than it saves
SYNC_EVERY: Final = 16 * 1024 * 1024  # so that the disk works while bytes come, not after
_REMEMBERED: Final = 1_024


class Staging:
    """The folder of staged files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hashing: Final = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="blob-hash")
        self.syncing: Final = ThreadPoolExecutor(4, thread_name_prefix="blob-sync")
        self._hashes: OrderedDict[str, tuple[tuple[int, ...], _Hash]] = OrderedDict()
        self._hashes_lock = Lock()

    def create(self, writer_id: str) -> StagedFile:
        """Begin a file. Raises UploadConflict if the id is in use."""
        path = self._folder / writer_id
        try:
            fd = create_file(path, os.O_RDWR | os.O_APPEND)
        except FileExistsError:
            raise UploadConflict(
                f"Upload {writer_id} was begun already.", hint="Resume it, or take another id."
            ) from None
        self._lock(fd, path)
        return StagedFile(self, path, fd)

    def resume(self, writer_id: str) -> StagedFile:
        """Open a file that was begun earlier. Raises NotFound, or UploadConflict if in use."""
        path = self._folder / writer_id
        try:
            fd = open_file(path, os.O_RDWR | os.O_APPEND)
        except PermissionError:  # a commit was interrupted after it had made the file read-only
            self._thaw(path)
            fd = open_file(path, os.O_RDWR | os.O_APPEND)
        if fd is None:
            raise _gone(writer_id)
        self._lock(fd, path)
        return StagedFile(self, path, fd)

    def size(self, writer_id: str) -> int | None:
        """Return the size of a file in bytes, or None if there is none."""
        found = look_up(self._folder / writer_id)
        return None if found is None else found.st_size

    def unfinished(self) -> Iterator[tuple[str, datetime]]:
        """Yield the ids of all files and when each was last written to."""
        for name in names_in(self._folder, WRITER_ID):
            found = look_up(self._folder / name)
            if found is not None:
                yield name, from_millis(found.st_mtime_ns // 1_000_000)

    def close(self) -> None:
        """End the threads."""
        self.hashing.shutdown()
        self.syncing.shutdown()

    def _lock(self, fd: int, path: Path) -> None:
        """Lock the file, or close it and raise."""
        try:
            if not try_lock(fd):
                raise UploadConflict(
                    f"Somebody else writes to upload {path.name} at this moment.",
                    hint="Wait until they are done or gone, then resume.",
                    details={"offset": os.fstat(fd).st_size},
                )
            # Between opening and locking it may have been committed: it's a blob now, not ours.
            here, opened = look_up(path), os.fstat(fd)
            if here is None or not os.path.samestat(here, opened):
                raise _gone(path.name)
        except BaseException:
            os.close(fd)
            raise

    def _thaw(self, path: Path) -> None:
        fd = open_file(path, os.O_RDONLY)
        if fd is not None:
            self._lock(fd, path)
            try:
                os.fchmod(fd, 0o600)
            finally:
                os.close(fd)

    # A file that is written piece by piece, each by a new writer of this process, is hashed only
    # once: each writer leaves the state of its hash to the next.

    def leave_hash(self, writer_id: str, fd: int, sha: _Hash) -> None:
        """Keep the hash of everything in a file."""
        with self._hashes_lock:
            self._hashes[writer_id] = (_identity(fd), sha)
            while len(self._hashes) > _REMEMBERED:
                self._hashes.popitem(last=False)

    def take_hash(self, writer_id: str, fd: int) -> _Hash | None:
        """Return the hash of everything in a file, if it's known and the file is still the same."""
        with self._hashes_lock:
            identity, sha = self._hashes.pop(writer_id, (None, None))
        return sha if identity == _identity(fd) else None


class StagedFile:
    """One staged file, open and locked. One thread at a time."""

    def __init__(self, staging: Staging, path: Path, fd: int) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        self._staging = staging
        self._fd: int | None = fd
        self._sync: Future[None] | None = None
        self._sync_due = self.size + SYNC_EVERY
        self._start_hash(staging.take_hash(path.name, fd))

    @property
    def is_open(self) -> bool:
        """Say whether the file can be written to."""
        return self._fd is not None

    @property
    def fd(self) -> int:
        """The open file; ValueError after close, as of any closed file."""
        if self._fd is None:
            raise ValueError(f"The writer of upload {self.path.name} is closed.")
        return self._fd

    def _start_hash(self, sha: _Hash | None) -> None:
        """Go on from the hash of everything that is here, or from that of nothing."""
        self._sha = sha or hashlib.sha256()
        self._hashed = self.size if sha else 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of `data`, or nothing of it."""
        fd, view = self.fd, memoryview(data).cast("B")
        try:
            with explaining("be written to"):
                if self._hashed == self.size:
                    self._write_and_hash(fd, view)
                    self._hashed += view.nbytes
                else:
                    write_all(fd, view)
        except BaseException:
            os.ftruncate(fd, self.size)
            self._start_hash(None)
            raise
        self.size += view.nbytes
        if self.size >= self._sync_due:
            self._sync_aside(fd)

    def _write_and_hash(self, fd: int, view: memoryview) -> None:
        if view.nbytes < PARALLEL_FROM:
            write_all(fd, view)
            self._sha.update(view)
            return
        hashing = self._staging.hashing.submit(self._sha.update, view)
        try:
            write_all(fd, view)
        finally:
            hashing.result()  # the caller may use its buffer again once we return

    def digest(self) -> str:
        """Return the SHA-256 of everything in the file, reading what is not hashed yet."""
        fd = self.fd
        with explaining("be read"):
            while self._hashed < self.size:
                piece = os.pread(fd, CHUNK, self._hashed)
                if not piece:
                    raise Corrupt(
                        f"Upload {self.path.name} has lost bytes: {self.size} were here, "
                        f"{self._hashed} are left.",
                        hint="Upload it again.",
                    )
                self._sha.update(piece)
                self._hashed += len(piece)
        return self._sha.hexdigest()

    def seal(self) -> None:
        """Make the bytes durable and read-only, with the present as their time."""
        fd = self.fd
        if os.fstat(fd).st_size != self.size:  # only where there are no locks
            raise UploadConflict(
                f"Somebody else wrote to upload {self.path.name}, too.",
                hint="Cancel it and upload again.",
            )
        if self._sync is not None:
            self._sync.result()  # the system tells of a fault once: the fsync below may not know
        os.fchmod(fd, 0o444)
        os.utime(fd)
        os.fsync(fd)

    def lost_bytes(self) -> bool:
        """Wait for the disk; say whether it failed, so that nobody can tell what is on it."""
        return self._sync is not None and self._sync.exception() is not None

    def close(self) -> None:
        """Let go of the file and its lock, to be resumed. Fine twice."""
        if self.is_open and self._hashed == self.size > 0:
            self._staging.leave_hash(self.path.name, self.fd, self._sha)
        self.release()

    def release(self) -> None:
        """Let go of a file that has gone elsewhere. Fine twice."""
        fd, self._fd = self._fd, None
        if fd is not None:
            self.lost_bytes()  # its number must not be used for another file before
            os.close(fd)

    def _sync_aside(self, fd: int) -> None:
        """Begin to make durable what is here, unless that is under way or has failed."""
        if self._sync is None or (self._sync.done() and not self.lost_bytes()):
            self._sync = self._staging.syncing.submit(_sync_data, fd)
            self._sync_due = self.size + SYNC_EVERY


# fdatasync is quicker; macOS has none.
_sync_data: Final = getattr(os, "fdatasync", os.fsync)


def _identity(fd: int) -> tuple[int, ...]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _gone(writer_id: str) -> NotFound:
    return NotFound(
        f"There is no upload {writer_id}: it was committed, cancelled or swept.",
        hint="Begin a new one.",
    )
