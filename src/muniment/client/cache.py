"""The local cache: every blob once, by digest, shared by all processes of a user.

    MUNIMENT_CACHE, else XDG_CACHE_HOME/muniment, else ~/.cache/muniment
    ├── blobs/sha256/ab/abcd…      verified when written, read-only since; a manifest is one, too
    ├── trees/<manifest digest>/   a version as a folder: hard links to blobs (copies if need be)
    ├── linked/<random>/           such a folder once more, for one caller to change or remove
    └── staging/                   <digest>.part: a download that can be resumed, locked by its
                                   writer; anything else: on its way to its place by rename

A file appears at its place whole and verified, or not at all. One whose size is wrong was damaged
later and is fetched again. The time of last use is kept as the access time, for `prune`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final
from uuid import uuid4

from muniment.client.backend import Progress, Source
from muniment.client.staging import Partial
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.names import check_digest, check_path
from muniment.domain.values import sha256_hex
from muniment.errors import ConfigurationError, DigestMismatch, StorageFull

PIECE: Final = 1024 * 1024
FORGOTTEN: Final = 7 * 24 * 3600.0
"""Seconds after which an unfinished download or a linked folder is given up."""

_HOUR: Final = 3600 * 10**9  # nanoseconds
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_OURS: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
)


def default_cache() -> Path:
    """Return where the cache is, unless a caller says otherwise."""
    if chosen := os.environ.get("MUNIMENT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "muniment"


class Cache:
    """The cache in `root`; created when first written to. Safe for threads and processes."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_cache()).absolute()
        self._swept = False

    def __repr__(self) -> str:
        return f"Cache({str(self.root)!r})"

    # -- blobs -----------------------------------------------------------------------------------

    def blob(self, digest: str, size: int | None = None) -> Path | None:
        """Return the file of a blob, or None if it is not here (or was damaged)."""
        place = self._place(digest)
        try:
            found = place.stat()
        except OSError:
            return None
        if size is not None and found.st_size != size:
            return None
        _touch(place, found)
        return place

    def fetch(
        self,
        digest: str,
        size: int,
        source: Source,
        progress: Progress | None = None,
        stop: Event | None = None,
    ) -> Path:
        """Return the file of a blob, read from `source` if it is not here.

        A download that broke off earlier goes on where it stopped; another process that fetches
        the same blob is waited for. `stop` ends the work from another thread.

        Raises:
            DigestMismatch: the bytes that came are not the blob's; nothing is kept.
            StorageFull: there is no room.
        """
        place, stop = self._place(digest), stop or Event()
        with (
            self._writing(),
            Partial.locked(self._staging / f"{digest}.part", stop, progress) as partial,
        ):
            if found := self.blob(digest, size):  # by now, maybe by another process
                partial.discard()
                if progress is not None:
                    progress(size)
                return found
            resumed = partial.resume(size)
            partial.receive(source, size, stop)
            if resumed and partial.digest != digest:  # what was left here was not from this blob
                partial.restart()
                partial.receive(source, size, stop)
            if (partial.offset, partial.digest) == (size, digest):
                partial.publish(place)
                return place
            partial.discard()
        raise _not_as_announced(partial.offset, partial.digest, size, digest)

    def adopt(self, digest: str, size: int, file: Path) -> Path:
        """Return the file of a blob whose bytes stand in a read-only file on this machine.

        They are copied and verified: a link would let who writes here damage what stands there.
        """
        if found := self.blob(digest, size):
            return found
        with self._writing():
            staged = self._staged()
            try:
                shutil.copyfile(file, staged)
                staged.chmod(0o444)
                _verify(staged, digest, size)
                self._publish(staged, self._place(digest))
            finally:
                staged.unlink(missing_ok=True)
        return self._place(digest)

    def keep(self, content: bytes) -> str:
        """Keep a small blob (a manifest); return its digest."""
        digest = sha256_hex(content)
        if self.blob(digest, len(content)) is None:
            with self._writing():
                staged = self._staged()
                staged.write_bytes(content)
                staged.chmod(0o444)
                self._publish(staged, self._place(digest))
        return digest

    def drop(self, digest: str) -> None:
        """Remove a blob that turned out to be damaged."""
        with self._writing():
            self._place(digest).unlink(missing_ok=True)

    # -- trees -----------------------------------------------------------------------------------

    def tree(self, manifest: Manifest) -> Path:
        """Return a read-only folder that holds the manifest's files, all of whose blobs are here.

        The folder is made once; a file of it that was damaged or removed is put back.
        """
        self.keep(manifest.content)  # so that `prune` knows what the folder is made of
        folder = self.root / "trees" / manifest.digest
        if folder.is_dir():
            broken = [file for file in manifest.files if not _intact(folder, file)]
            if broken:
                with self._writing():
                    self._fill(folder, broken)
            return folder
        with self._writing():
            staged = self._staged()
            try:
                self._fill(staged, manifest.files)
                folder.parent.mkdir(parents=True, exist_ok=True)
                _move(staged, folder)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
        return folder

    def linked(self, tree: Path) -> Path:
        """Return a new folder with the files of a tree, for a caller who may add to it.

        It takes no room, and is forgotten after a week, or by `prune`.
        """
        with self._writing():
            folder = self.root / "linked" / uuid4().hex
            shutil.copytree(tree, folder, copy_function=_link_or_copy)
            return folder

    def copy(self, entry: FileEntry, folder: Path) -> None:
        """Copy a blob to its path below `folder`, where it belongs to the user.

        A file that stands there is replaced, at once.
        """
        target = folder / check_path(entry.path)
        with _room(folder, "Free some space, or choose another folder."):
            target.parent.mkdir(parents=True, exist_ok=True)
            staged = target.with_name(f".{target.name:.100}.{uuid4().hex}.part")
            try:
                shutil.copyfile(self._place(entry.digest), staged)
                staged.replace(target)
            finally:
                staged.unlink(missing_ok=True)

    def _fill(self, folder: Path, files: Iterable[FileEntry]) -> None:
        for entry in files:
            target = folder / check_path(entry.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            staged = self._staged()
            _link_or_copy(self._place(entry.digest), staged)
            _replace(staged, target)

    # -- room ------------------------------------------------------------------------------------

    def size(self) -> int:
        """Return how many bytes the cache takes up; linked files count once."""
        seen = {(s.st_dev, s.st_ino): s.st_size for _, s in _files(self.root)}
        return sum(seen.values())

    def prune(self, max_bytes: int) -> int:
        """Remove what was used longest ago until at most `max_bytes` are left; return bytes freed.

        Folders that an open program still reads from may go, too: prune when nothing runs.
        """
        before = left = self.size()
        if before > max_bytes:
            shutil.rmtree(self.root / "linked", ignore_errors=True)
            left = self.size()
        for name, found in _files(self.root / "staging"):
            if left > max_bytes:
                name.unlink(missing_ok=True)
                left -= found.st_size
        blobs = sorted(_files(self.root / "blobs"), key=lambda item: item[1].st_atime_ns)
        gone: set[str] = set()
        for place, found in blobs:
            if left <= max_bytes:
                break
            place.unlink(missing_ok=True)
            gone.add(place.name)
            left -= found.st_size
        for folder in (self.root / "trees").glob("*"):
            manifest = self.blob(folder.name)
            if manifest is None or gone & Manifest.parse(manifest.read_bytes()).digests:
                shutil.rmtree(folder, ignore_errors=True)
        return before - self.size()

    # -- places ----------------------------------------------------------------------------------

    @property
    def _staging(self) -> Path:
        return self.root / "staging"

    def _place(self, digest: str) -> Path:
        return self.root / "blobs" / "sha256" / check_digest(digest)[:2] / digest

    def _staged(self) -> Path:
        return self._staging / uuid4().hex

    def _publish(self, staged: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        _replace(staged, place)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _room(self.root, "Free some space, or set MUNIMENT_CACHE to a folder elsewhere."):
            self._staging.mkdir(parents=True, exist_ok=True)
            if not self._swept:
                self._swept = True
                self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove downloads that were never finished, and linked folders, if they are old."""
        for file, found in _files(self._staging):
            if found.st_mtime < time.time() - FORGOTTEN:
                file.unlink(missing_ok=True)
        for folder in (self.root / "linked").glob("*"):
            with suppress(FileNotFoundError):  # another process sweeps, too
                if folder.stat().st_ctime < time.time() - FORGOTTEN:
                    shutil.rmtree(folder, ignore_errors=True)


def _not_as_announced(came: int, actual: str, size: int, digest: str) -> DigestMismatch:
    said = f"{size} bytes with the digest sha256:{digest}"
    if came < size:
        message = f"{came} bytes came instead of {said}."
    elif came > size:
        message = f"More bytes came than {said}."
    else:
        message = f"Bytes with the digest sha256:{actual} came instead of {said}."
    return DigestMismatch(
        f"{message} They were not kept.",
        hint="`muniment verify` tells whether the registry or the way from it is at fault.",
        details={"expected": digest, "actual": actual},
    )


@contextmanager
def _room(folder: Path, hint: str) -> Iterator[None]:
    """Turn the errors of a disk that is full, or not ours, into clear ones."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(f"There is no room in {str(folder)!r}.", hint=hint) from error
        if error.errno in _NOT_OURS:
            raise ConfigurationError(
                f"{str(folder)!r} can't be written to: {error.strerror}.", hint=hint
            ) from error
        raise


def _verify(file: Path, digest: str, size: int) -> None:
    sha256, came = hashlib.sha256(), 0
    with file.open("rb", buffering=0) as stream:
        buffer = memoryview(bytearray(PIECE))
        while count := stream.readinto(buffer):
            sha256.update(buffer[:count])
            came += count
    if sha256.hexdigest() != digest:
        raise _not_as_announced(came, sha256.hexdigest(), size, digest)


def _link_or_copy(file: Path | str, target: Path | str) -> None:
    target = Path(target)
    try:
        target.hardlink_to(file)
    except OSError:  # another file system, one without links, or a file of somebody else
        shutil.copyfile(file, target)
        target.chmod(0o444)


def _replace(staged: Path, target: Path) -> None:
    staged.replace(target)
    staged.unlink(missing_ok=True)  # renaming one link of a file over another does nothing


def _move(staged: Path, folder: Path) -> None:
    """Move a whole folder to its place, unless another process was faster."""
    try:
        staged.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _intact(folder: Path, entry: FileEntry) -> bool:
    try:
        found = (folder / entry.path).lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == entry.size


def _touch(file: Path, found: os.stat_result) -> None:
    """Note that a file was used, to the hour; its time of change stays as it is."""
    now = time.time_ns()
    if now - found.st_atime_ns > _HOUR:
        with suppress(OSError):  # a cache that is shared read-only
            os.utime(file, ns=(now, found.st_mtime_ns))


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield all files below a folder that are still there when they are looked at."""
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            with suppress(FileNotFoundError):
                yield file, file.lstat()
