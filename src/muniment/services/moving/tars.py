"""An archive that is one tar file: read by any tar, written so that it can be gone on with.

    muniment.json                        the header
    blobs/ab/abcd…   workspaces.jsonl    each sheet behind the blobs that it is the first to need
    blobs/…   models/<uuid>.jsonl        models in the order in which they were made
    accounts.jsonl                       if asked for
    contents.jsonl                       the end: the sheets, each with its digest

Unpacked it is an archive in a folder. All members are of nobody and of no time, so that the same
registry gives the same bytes. What is cut off is therefore a beginning of what is written next
time: as far as that is so, it stays, and the rest follows.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from muniment.domain.names import DIGEST
from muniment.domain.values import JsonObject, as_object, canonical_json
from muniment.errors import Conflict, Corrupt, InvalidInput
from muniment.services.moving.places import (
    CONTENTS,
    HEADER,
    Source,
    Target,
    check_listed,
    contents_line,
    contents_of,
    header,
    not_here,
    registry_of,
)
from muniment.services.moving.sheets import Sheet

_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE: Final = 1024 * 1024
_BLOBS: Final = "blobs/"
_SUFFIX: Final = ".jsonl"


class TarSource(Source):
    """A whole archive in a tar file, which is read where it stands.

    Raises:
        InvalidInput: it is no archive, or one of a newer Muniment.
        Corrupt: it was cut off, or its list of contents is damaged.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = file.open("rb")
        self._blobs: dict[bytes, tuple[int, int]] = {}
        self._sheets: dict[str, tuple[int, int]] = {}
        try:
            self._registry = registry_of(self._index(), str(file))
            if CONTENTS not in self._sheets:
                raise Corrupt(
                    f"The archive {str(file)!r} is not whole: it was cut off before its end.",
                    hint="Run the export again: it goes on where it stopped.",
                )
            with self._sheet(CONTENTS) as contents:
                self._contents = contents_of(contents)
        except BaseException:
            self._stream.close()
            raise

    @property
    def registry(self) -> str:
        """See `Source`."""
        return self._registry

    def sheets(self) -> Iterator[Sheet]:
        """See `Source`. Raises Corrupt for one that is damaged or gone."""
        for name in self._contents:
            yield check_listed(self._sheet(name), self._contents)

    def again(self, sheet: Sheet) -> Sheet | None:
        """See `Source`: an archive does not change."""
        return None

    def hold(self, digests: Collection[str]) -> None:
        """See `Source`."""
        for digest in digests:
            self.size(digest)

    def size(self, digest: str) -> int:
        """See `Source`."""
        return self._where(digest)[1]

    def read(self, digest: str) -> Iterator[bytes]:
        """See `Source`."""
        at, left = self._where(digest)
        # Several blobs are read at once, so none moves the place of another.
        while left and (piece := os.pread(self._stream.fileno(), min(left, _PIECE), at)):
            at, left = at + len(piece), left - len(piece)
            yield piece

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def __enter__(self) -> TarSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _index(self) -> JsonObject:
        """Note where everything is; return the header."""
        found: JsonObject = {}
        for name, at, size in members(self._stream):
            if name == HEADER:
                found = _header(os.pread(self._stream.fileno(), size, at))
            elif name.startswith(_BLOBS) and DIGEST.fullmatch(name.rpartition("/")[2]):
                self._blobs[bytes.fromhex(name.rpartition("/")[2])] = (at, size)
            elif name.endswith(_SUFFIX):
                self._sheets[name.removesuffix(_SUFFIX)] = (at, size)
        return found

    def _sheet(self, name: str) -> Sheet:
        if name not in self._sheets:
            raise Corrupt(
                f"{name!r:.200} is gone from the archive {str(self._file)!r}.",
                hint="Take another copy of the archive, or make it anew.",
                details={"sheet": name},
            )
        at, size = self._sheets[name]
        return Sheet.read(name, io.BufferedReader(_Window(self._stream, at, size), _PIECE))

    def _where(self, digest: str) -> tuple[int, int]:
        place = self._blobs.get(bytes.fromhex(digest))
        if place is None:
            raise not_here(digest, "the archive")
        return place


class TarTarget(Target):
    """A tar file that is written, gone on with, or begun anew; `-` is the standard output."""

    def __init__(self, file: str) -> None:
        self._path = None if file == "-" else Path(file)
        self._out: IO[bytes] = sys.stdout.buffer
        self._kept: Iterator[tuple[str, int, int]] | None = None
        self._at = 0
        self._written: set[bytes] = set()
        self._listed: list[JsonObject] = []

    @property
    def lanes(self) -> int:
        """See `Target`."""
        return 1

    def begin(self, registry: str) -> None:
        """See `Target`."""
        first = canonical_json(header(registry)) + b"\n"
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_other(registry)
            self._out = self._path.open("r+b" if self._path.exists() else "w+b")
            self._kept = members(self._out)
        self._put(HEADER, len(first), lambda: iter([first]))

    def lacks(self, digests: Collection[str]) -> frozenset[str]:
        """See `Target`."""
        return frozenset(d for d in digests if bytes.fromhex(d) not in self._written)

    def put_blob(self, digest: str, size: int, pieces: Iterable[bytes]) -> None:
        """See `Target`."""
        name = f"{_BLOBS}{digest[:2]}/{digest}"
        if not self._keeps(name, size):
            self._append(name, size, pieces)
        self._written.add(bytes.fromhex(digest))

    def put(self, sheet: Sheet) -> str:
        """See `Target`."""
        self._listed.append(contents_line(sheet))
        self._put(f"{sheet.name}{_SUFFIX}", sheet.size, sheet.pieces)
        return "new"

    def finish(self) -> None:
        """See `Target`."""
        with Sheet.of(CONTENTS, self._listed) as contents:
            self._put(f"{CONTENTS}{_SUFFIX}", contents.size, contents.pieces)
        self._cut()
        self._out.write(b"\0" * 2 * _BLOCK)
        self._out.flush()
        if self._path is not None:
            os.fsync(self._out.fileno())
            self._out.close()

    def _put(self, name: str, size: int, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Put a member, unless the very same stands there already."""
        at = self._at
        if self._keeps(name, size):
            self._out.seek(self._at - _padded(size))
            if all(self._out.read(len(piece)) == piece for piece in pieces()):
                return
            self._at = at
        self._append(name, size, pieces())

    def _keeps(self, name: str, size: int) -> bool:
        """Say whether the next member stands there already; if so, step over it."""
        if self._kept is None:
            return False
        found = next(self._kept, None)
        if found is None or (found[0], found[2]) != (name, size):
            return False
        self._at = found[1] + _padded(size)
        return True

    def _cut(self) -> None:
        """From here on everything is new."""
        if self._kept is not None:
            self._kept = None
            self._out.seek(self._at)
            self._out.truncate()

    def _append(self, name: str, size: int, pieces: Iterable[bytes]) -> None:
        self._cut()
        info = tarfile.TarInfo(name)
        info.size = size
        self._out.write(info.tobuf(tarfile.PAX_FORMAT))
        count = 0
        for piece in pieces:
            self._out.write(piece)
            count += len(piece)
        if count != size:
            raise Corrupt(f"{name} has {count} bytes, not {size}.", details={"member": name})
        self._out.write(b"\0" * (_padded(size) - size))

    def _refuse_other(self, registry: str) -> None:
        """Raise Conflict unless what stands there is nothing, or an archive of this registry."""
        if self._path is None or not self._path.exists() or not self._path.stat().st_size:
            return
        with self._path.open("rb") as stream:
            first = next(members(stream), None)
            if first is None or first[0] != HEADER:
                if self._path.stat().st_size < 2 * _BLOCK:
                    return  # cut off within the header
                raise Conflict(
                    f"{str(self._path)!r} is something else.", hint="Choose another file."
                )
            found = _header(os.pread(stream.fileno(), first[2], first[1]))
        if registry_of(found, str(self._path)) != registry:
            raise Conflict(
                f"{str(self._path)!r} is the archive of another registry.",
                hint="Choose another file.",
            )


def members(stream: IO[bytes]) -> Iterator[tuple[str, int, int]]:
    """Yield name, place and size of each regular file that is whole; stop where it was cut off."""
    end = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            while (info := tar.next()) is not None:
                if info.offset_data + _padded(info.size) > end:
                    return
                if info.isreg():
                    yield info.name, info.offset_data, info.size
                tar.members = []  # type: ignore[attr-defined]  # there may be millions
    except tarfile.TarError:
        return


def _header(content: bytes) -> JsonObject:
    try:
        return as_object(json.loads(content), HEADER)
    except ValueError as error:
        raise InvalidInput(f"The {HEADER} of the archive can't be read.") from error


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class _Window(io.RawIOBase):
    """One member of the file, read where it stands."""

    def __init__(self, stream: IO[bytes], at: int, size: int) -> None:
        self._descriptor, self._at, self._left = stream.fileno(), at, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = os.pread(self._descriptor, min(len(buffer), self._left), self._at)
        buffer[: len(piece)] = piece
        self._at, self._left = self._at + len(piece), self._left - len(piece)
        return len(piece)
