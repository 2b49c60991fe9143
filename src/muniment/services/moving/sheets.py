"""Sheets: JSON lines that prove that they are whole.

    {"model":{…}}
    {"version":{…}}                               one thing a line, canonical JSON
    …
    {"end":{"lines":2,"sha256":"…"}}              of all bytes before this line

A sheet stands in a temporary file, in memory while it is small. What a sheet says of one model was
true of it at one moment, and is a few kilobytes for a few versions; bytes of blobs are elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Final, cast

from muniment.domain.values import JsonObject, canonical_json
from muniment.errors import Corrupt

IN_MEMORY: Final = 4 * 1024 * 1024
MAX_LINE_BYTES: Final = 256 * 1024 * 1024
_PIECE: Final = 1024 * 1024


class Sheet:
    """JSON lines under a name, such as `models/<uuid>`. Read as often as one likes, then closed."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self._file: IO[bytes] = cast("IO[bytes]", SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115
        self._hash = hashlib.sha256()
        self._lines = 0

    @classmethod
    def of(cls, name: str, documents: Iterable[JsonObject]) -> Sheet:
        """Write a sheet."""
        sheet = cls(name)
        for document in documents:
            sheet._append(canonical_json(document) + b"\n")
        sheet._seal()
        return sheet

    @classmethod
    def read(cls, name: str, stream: IO[bytes]) -> Sheet:
        """Read a sheet that stands somewhere else.

        Raises:
            Corrupt: something of it was changed, or is missing.
        """
        sheet = cls(name)
        before: bytes | None = None
        while line := stream.readline(MAX_LINE_BYTES):
            if before is not None:
                sheet._append(before)
            before = line
        if before != sheet._end():
            sheet.close()
            raise Corrupt(
                f"{name!r:.200} is damaged or cut off: its last line does not fit what stands "
                "before it.",
                hint="Take another copy of the archive, or make it anew.",
                details={"sheet": name},
            )
        sheet._seal()
        return sheet

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield the documents, without the end."""
        at = 0
        for _ in range(self._lines):
            self._file.seek(at)
            line = self._file.readline()
            at += len(line)
            yield json.loads(line)  # not orjson: there may be integers of any size

    def pieces(self) -> Iterator[bytes]:
        """Yield the sheet as bytes, with the end."""
        for start in range(0, self.size, _PIECE):
            self._file.seek(start)
            yield self._file.read(_PIECE)

    @property
    def sha256(self) -> str:
        """The digest of the lines: two sheets with the same one say the same."""
        return self._hash.hexdigest()

    def says_the_same(self, other: Sheet) -> bool:
        """Say whether another sheet has the same name and the same lines."""
        return (self.name, self.sha256) == (other.name, other.sha256)

    @property
    def size(self) -> int:
        """How many bytes `pieces` yields."""
        self._file.seek(0, 2)
        return self._file.tell()

    def _append(self, line: bytes) -> None:
        self._file.write(line)
        self._hash.update(line)
        self._lines += 1

    def _end(self) -> bytes:
        end: JsonObject = {"lines": self._lines, "sha256": self.sha256}
        return canonical_json({"end": end}) + b"\n"

    def _seal(self) -> None:
        self._file.write(self._end())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Sheet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
