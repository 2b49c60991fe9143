"""POSIX calls with the promises that a folder of blobs needs, and their faults in our words.

Messages name no path: they reach whoever uploads. The OSError behind them goes along as the cause.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from muniment.errors import LimitExceeded, MunimentError, StorageFull, Unavailable

# Never through a symbolic link, never waiting for the other end of a pipe.
_PLAIN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
_NOTHING_PLAIN: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO)


def explained(error: OSError, doing: str) -> MunimentError:
    """Return the error of our tree that `error` is; `doing` finishes "the blob folder can't …"."""
    if error.errno in _FULL:
        return StorageFull(
            "The disk that holds the blobs has no room left.",
            hint="Free some space or raise the quota, then go on with the upload.",
        )
    if error.errno == errno.EFBIG:
        return LimitExceeded(
            "The file system that holds the blobs takes no file as large as this.",
            hint="Raise the server's file-size limit (ulimit -f) or move the blobs.",
        )
    return Unavailable(f"The blob folder can't {doing}: {error.strerror or 'unknown fault'}.")


@contextmanager
def explaining(doing: str) -> Iterator[None]:
    """Raise the OSErrors of the body as errors of our tree."""
    try:
        yield
    except OSError as error:
        raise explained(error, doing) from error


def open_file(path: Path, flags: int) -> int | None:
    """Open an existing regular file in a real folder; None if that is not what is there."""
    if not is_folder(path.parent):
        return None
    try:
        fd = os.open(path, flags | _PLAIN)
    except OSError as error:
        if error.errno in _NOTHING_PLAIN:
            return None
        raise
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def create_file(path: Path, flags: int) -> int:
    """Create a file that only this user may read and write; FileExistsError if a name is there."""
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | _PLAIN, 0o600)


def look_up(path: Path) -> os.stat_result | None:
    """Return what is known of a regular file in a real folder; None if that is not there."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) and is_folder(path.parent) else None


def is_folder(path: Path) -> bool:
    """Say whether there is a folder, and not a symbolic link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def names_in(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    """Return the names in a real folder that fully match `pattern`, sorted; none if it is gone."""
    if not is_folder(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if pattern.fullmatch(entry.name))


def make_folder(path: Path) -> None:
    """Make a real folder in an existing one, durably; fine if it is there."""
    path.mkdir(exist_ok=True)
    if not is_folder(path):
        raise NotADirectoryError(errno.ENOTDIR, "a symbolic link stands where a folder must be")
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _PLAIN)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: memoryview) -> None:
    """Write all of `data`, however many calls that takes."""
    while data:
        data = data[os.write(fd, data) :]


def try_lock(fd: int) -> bool:
    """Lock an open file for one writer until it is closed or its process dies; False if taken.

    On a file system that knows no locks, nothing refuses a second writer.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True
