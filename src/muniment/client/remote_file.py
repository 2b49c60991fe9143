"""One file of a version as a seekable, read-only binary file, read by ranges as it is needed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from muniment.domain.manifest import FileEntry
from muniment.errors import Corrupt

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ReadRange: TypeAlias = Callable[[int, int], Iterator[bytes]]
"""Yields the bytes [start, end) of the file."""

FIRST_WINDOW: Final = 1024 * 1024
LARGEST_WINDOW: Final = 32 * 1024 * 1024
"""Bytes asked for at once: the first value after a seek, then doubled while reading goes on."""


class RemoteFile(io.RawIOBase):
    """A file that is read over `read_range`; wrap it in `io.BufferedReader`.

    Reading goes through windows: one request each, streamed, so that little is in memory at any
    time, and little is asked for in vain when somebody reads only the end of a large file. Bytes
    read in one go from the first to the last are hashed on the way.

    Raises:
        Corrupt: on reading the last byte, if the whole does not have the file's digest.
    """

    def __init__(self, entry: FileEntry, read_range: ReadRange, name: str) -> None:
        super().__init__()
        self.name = name
        self._entry = entry
        self._read_range = read_range
        self._position = 0
        self._pieces: Iterator[bytes] = iter(())
        self._piece = memoryview(b"")
        self._piece_at = 0  # where in the file `_piece` begins
        self._window = FIRST_WINDOW
        self._window_end = 0
        self._hash = hashlib.sha256()
        self._hashed = 0

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._entry.size}
        if whence not in base:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence}")
        if base[whence] + offset < 0:
            raise ValueError(f"the position {base[whence] + offset} lies before the file")
        self._position = base[whence] + offset
        return self._position

    def tell(self) -> int:  # noqa: D102
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read up to `len(buffer)` bytes; 0 at the end."""
        self._checkClosed()
        target = memoryview(buffer).cast("B")
        if not target or self._position >= self._entry.size:
            return 0
        self._go_to_position()
        offset = self._position - self._piece_at
        found = self._piece[offset : offset + len(target)]
        target[: len(found)] = found
        self._account(found)
        return len(found)

    def close(self) -> None:
        """Give up the request under way, if any."""
        self._drop()
        super().close()

    def _go_to_position(self) -> None:
        """Make `_piece` hold the byte at `_position`."""
        if not self._piece_at <= self._position < self._window_end:
            sequential = self._position == self._window_end > 0
            self._window = min(self._window * 2, LARGEST_WINDOW) if sequential else FIRST_WINDOW
            self._open_window()
        while self._position >= self._piece_at + len(self._piece):
            self._piece_at += len(self._piece)
            piece = next(self._pieces, b"")
            if not piece:
                raise Corrupt(
                    f"{self.name}: the registry holds fewer bytes than its manifest says."
                )
            self._piece = memoryview(piece)

    def _open_window(self) -> None:
        self._drop()
        self._window_end = min(self._position + self._window, self._entry.size)
        self._pieces = self._read_range(self._position, self._window_end)
        self._piece_at = self._position

    def _drop(self) -> None:
        close: Callable[[], None] | None = getattr(self._pieces, "close", None)
        if close is not None:  # a generator: ends its request
            close()
        self._pieces, self._piece = iter(()), memoryview(b"")

    def _account(self, found: memoryview) -> None:
        """Move on; hash the bytes if they are the next ones to be hashed."""
        start, self._position = self._position, self._position + len(found)
        if start <= self._hashed < self._position:
            self._hash.update(found[self._hashed - start :])
            self._hashed = self._position
            if self._hashed == self._entry.size and self._hash.hexdigest() != self._entry.digest:
                raise Corrupt(
                    f"{self.name}: the bytes have the digest {self._hash.hexdigest()}, "
                    f"its manifest says {self._entry.digest}.",
                    hint="`muniment verify` tells what else is damaged.",
                )
