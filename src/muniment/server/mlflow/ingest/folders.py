"""Ingesting from a folder on this machine, such as the `mlruns` of a tracking server beside us.

Every step down is taken from an open folder, and never through a symbolic link: whoever may write
to the folder can't lead the server out of it, not even in the middle of the reading.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from muniment.domain import names
from muniment.errors import LimitExceeded, NotFound
from muniment.server.mlflow.ingest.origins import FoundFile, unreadable
from muniment.storage.blobs import CHUNK

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def below(root: Path, path: str) -> str | None:
    """Return how a path leads from the root downwards; None if it does not."""
    if path == str(root):
        return ""
    start = str(root).rstrip("/") + "/"
    return path[len(start) :] if path.startswith(start) else None


def files_in(root: Path, folder: str) -> list[FoundFile]:
    """Return all files below a folder of the root.

    Raises:
        NotFound: there is no such folder.
        Conflict: something there is neither file nor folder, or may not be read.
        LimitExceeded: more files than a version holds.
    """
    found: list[FoundFile] = []
    with _explained(root, folder), _opened(root, folder, _FOLDER) as top:
        for path, size in _walk(top, ""):
            read = partial(_read, root, posixpath.join(folder, path))
            found.append(FoundFile(path, size, read))
            if len(found) > names.MAX_FILES:
                raise LimitExceeded(
                    f"There are more than {names.MAX_FILES} files in {str(root / folder)!r:.300}.",
                    details={"limit": names.MAX_FILES},
                )
    return found


def _walk(folder: int, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the path and size of every file below an open folder."""
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = names.check_path(prefix + entry.name)
        state = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(state.st_mode):
            yield path, state.st_size
        elif stat.S_ISDIR(state.st_mode):
            with _descriptor(entry.name, _FOLDER, folder) as below_it:
                yield from _walk(below_it, f"{path}/")
        else:
            raise unreadable(path, "it is neither a file nor a folder (links are not followed)")


def _read(root: Path, path: str) -> Iterator[bytes]:
    with _explained(root, path), _opened(root, path, _FILE) as file:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise unreadable(path, "it is no file any more")
        while piece := os.read(file, CHUNK):
            yield piece


@contextmanager
def _opened(root: Path, path: str, flags: int) -> Iterator[int]:
    """Lend a descriptor for a path below the root, reached through real folders alone."""
    *folders, last = [part for part in path.split("/") if part] or ["."]
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            deeper = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = deeper
        with _descriptor(last, flags, at) as found:
            yield found
    finally:
        os.close(at)


@contextmanager
def _descriptor(name: str, flags: int, folder: int) -> Iterator[int]:
    found = os.open(name, flags, dir_fd=folder)
    try:
        yield found
    finally:
        os.close(found)


@contextmanager
def _explained(root: Path, path: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"There is nothing at {str(root / path)!r:.300}.") from error
    except OSError as error:
        raise unreadable(str(root / path), error.strerror or str(error)) from error
