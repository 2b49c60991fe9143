"""A download on its way into the cache: one file, one writer, resumed after a broken connection."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final
from uuid import uuid4

from muniment.client.backend import Progress, Source
from muniment.client.parallel import Stopped, stoppable

if sys.platform != "win32":
    import fcntl

PIECE: Final = 1024 * 1024
_POLL: Final = 0.05  # seconds between two looks at a lock that another process holds


class Partial:
    """The bytes of a blob that have come so far, hashed; `offset` counts them."""

    def __init__(self, path: Path, descriptor: int, progress: Progress | None) -> None:
        self._path = path
        self._stream = os.fdopen(descriptor, "r+b", buffering=0)
        self._hash = hashlib.sha256()
        self._progress = progress
        self.offset = 0

    @classmethod
    @contextmanager
    def locked(cls, path: Path, stop: Event, progress: Progress | None = None) -> Iterator[Partial]:
        """Open (or create) the partial file at `path`, once no other writer holds it.

        What it holds at the end stays, to be resumed, unless it was published or discarded.
        """
        path, descriptor = _lock(path, stop)
        partial = cls(path, descriptor, progress)
        try:
            yield partial
        finally:
            partial._stream.close()  # and with it the lock

    @property
    def digest(self) -> str:
        """The SHA-256 of what is here."""
        return self._hash.hexdigest()

    def resume(self, size: int) -> bool:
        """Take over what an earlier download left; say whether there was anything."""
        here = os.fstat(self._stream.fileno()).st_size
        if not 0 < here <= size:
            self._stream.truncate(0)
            return False
        buffer = memoryview(bytearray(PIECE))
        while count := self._stream.readinto(buffer):
            self._hash.update(buffer[:count])
            self.offset += count
        self._tell(self.offset)
        return True

    def receive(self, source: Source, size: int, stop: Event) -> None:
        """Append what `source` gives from `offset` on, but never more than `size` in all."""
        if self.offset == size:
            return
        for piece in stoppable(source(self.offset), stop):
            self.offset += len(piece)
            if self.offset > size:
                return
            self._write(piece)
            self._hash.update(piece)
            self._tell(len(piece))

    def restart(self) -> None:
        """Forget what is here."""
        self._stream.seek(0)
        self._stream.truncate(0)
        self._tell(-self.offset)
        self._hash = hashlib.sha256()
        self.offset = 0

    def publish(self, place: Path) -> None:
        """Move the file to its place, read-only."""
        place.parent.mkdir(parents=True, exist_ok=True)
        os.fchmod(self._stream.fileno(), 0o444)
        self._path.replace(place)

    def discard(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def _write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[self._stream.write(rest) :]

    def _tell(self, count: int) -> None:
        if self._progress is not None:
            self._progress(count)


def _lock(path: Path, stop: Event) -> tuple[Path, int]:
    """Return `path` opened and locked; a name of its own where files can't be locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _wait(descriptor, stop):
                os.close(descriptor)
                path = path.with_name(f"{uuid4().hex}.part")
                return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            # the writer before us may have moved the file to its place: that one is not ours
            if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), path.stat()):  # noqa: PTH110
                return path, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait(descriptor: int, stop: Event) -> bool:
    """Lock an open file, however long that takes; False if files can't be locked here."""
    if sys.platform == "win32":
        return False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stop.is_set():
                raise Stopped from None
            time.sleep(_POLL)
        except OSError:  # a network file system without locks
            return False
        else:
            return True
