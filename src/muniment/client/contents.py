"""What is pushed, as files of a version: from a file, a folder, bytes or a binary stream.

Each is read several times (once to be hashed, again to be sent, from the middle to be resumed), so
each knows how to open itself at an offset, and notices when it is no longer what it was.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from muniment.client.backend import Source
from muniment.domain.manifest import media_type_of
from muniment.domain.names import check_path
from muniment.errors import DigestMismatch, InvalidInput

PIECE: Final = 1024 * 1024
"""Bytes per read."""


@dataclass(frozen=True, slots=True)
class Content:
    """One file to be pushed: `path` is its place in the version, `name` what messages call it."""

    path: str
    name: str
    size: int
    open: Source

    @property
    def media_type(self) -> str:
        """Its media type, by the suffix of its path."""
        return media_type_of(self.path)


def changed(name: str) -> DigestMismatch:
    """Return the error for a file that is not what it was when the push began."""
    return DigestMismatch(
        f"{name} changed while it was being pushed; nothing was committed.",
        hint="Push again when nobody writes to it.",
    )


def of_path(what: Path, path: str | None = None) -> list[Content]:
    """Return the file, or every file below the folder, at `what`.

    `path` is a file's place in the version, instead of its name. In a folder, links to files
    inside it are followed; links that lead out of it, to folders or to nowhere, and whatever is
    neither file nor folder are refused. Empty folders are not kept: a version is made of files.

    Raises:
        InvalidInput: there is nothing, or something that can't be pushed.
    """
    if what.is_dir():
        if path is not None:
            raise InvalidInput("`path` names a single file; a folder brings its own paths.")
        contents = [_file(file, place) for file, place in _walk(what.resolve())]
        if not contents:
            raise InvalidInput(f"The folder {str(what)!r} holds no files.")
        return contents
    if not what.exists():
        raise InvalidInput(
            f"There is no file or folder {str(what)!r}.", hint="Check the path to be pushed."
        )
    return [_file(what, check_path(path or what.resolve().name))]


def of_bytes(data: bytes, path: str) -> Content:
    """Return bytes in memory as a file."""

    def pieces(offset: int) -> Iterator[bytes]:
        for start in range(offset, len(data), PIECE):
            yield data[start : start + PIECE]

    return Content(check_path(path), path, len(data), pieces)


def of_stream(stream: BinaryIO, path: str, spool: Path) -> Content:
    """Return a binary stream, from where it stands, as a file.

    One that can't seek is first copied to a file `spool`.
    """
    check_path(path)
    seekable = getattr(stream, "seekable", None)  # some streams only read
    if seekable is None or not seekable():
        with spool.open("wb") as copy:
            _spool(stream, copy)
        return _file(spool, path)
    begin = stream.tell()
    size = stream.seek(0, io.SEEK_END) - begin

    def pieces(offset: int) -> Iterator[bytes]:
        stream.seek(begin + offset)
        yield from _exactly(stream, size - offset, path)

    return Content(path, path, size, pieces)


def _spool(stream: BinaryIO, copy: BinaryIO) -> None:
    while piece := stream.read(PIECE):
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise InvalidInput(
                f"The stream gives a {type(piece).__name__}, not bytes.",
                hint="Open the file in binary mode ('rb').",
            )
        copy.write(piece)


def _file(file: Path, path: str) -> Content:
    name = repr(str(file))
    seen = file.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise InvalidInput(f"{name} is not a regular file.")

    def pieces(offset: int) -> Iterator[bytes]:
        with file.open("rb", buffering=0) as stream:
            if not _same(seen, os.fstat(stream.fileno())):
                raise changed(name)
            stream.seek(offset)
            yield from _exactly(stream, seen.st_size - offset, name)
            if not _same(seen, os.fstat(stream.fileno())):
                raise changed(name)

    return Content(path, name, seen.st_size, pieces)


def _same(before: os.stat_result, now: os.stat_result) -> bool:
    """Say whether a file is untouched, as far as its metadata tell."""
    return (before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns) == (
        now.st_dev,
        now.st_ino,
        now.st_size,
        now.st_mtime_ns,
    )


def _exactly(stream: io.RawIOBase | BinaryIO, size: int, name: str) -> Iterator[bytes]:
    """Yield `size` bytes, neither more nor less."""
    left = size
    while left:
        piece = stream.read(min(PIECE, left))
        if not piece:
            raise changed(name)
        left -= len(piece)
        yield piece


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file below `root` with its POSIX path relative to it, in order."""
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        yield from _entries(root, entry)


def _entries(root: Path, entry: Path) -> Iterator[tuple[Path, str]]:
    if entry.is_symlink():
        target = Path(os.path.realpath(entry))  # `resolve` fails on links in a circle
        if not target.is_relative_to(root):
            raise InvalidInput(
                f"The link {str(entry)!r} leads out of the folder that is pushed.",
                hint="Push a copy with the links followed (`cp -rL`).",
            )
        if not target.is_file():
            raise InvalidInput(
                f"The link {str(entry)!r} does not lead to a file; other links are not followed.",
                hint="Remove it, or push a copy with the links followed (`cp -rL`).",
            )
    elif entry.is_dir():
        for child in sorted(entry.iterdir(), key=lambda child: child.name):
            yield from _entries(root, child)
        return
    elif not entry.is_file():
        raise InvalidInput(
            f"{str(entry)!r} is neither a file nor a folder.", hint="Remove it, then push again."
        )
    yield entry, check_path(entry.relative_to(root).as_posix())
