"""Reading pickle opcodes and their arguments, frame by frame, as the real readers do."""

from __future__ import annotations

import codecs
from typing import BinaryIO, Final

from muniment.scanning.pickles.values import MAX_KEPT, Big

_MAX_LINE: Final = 1 << 28
_CHUNK: Final = 1 << 20


class Unreadable(Exception):
    """The stream is no pickle from here on; the message says why."""


class Reader:
    """The bytes of a pickle. An opcode or an argument that crosses the end of a frame is an error:
    readers disagree on what it means.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._frame_end: int | None = None

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self.file.tell()

    def begin_frame(self, size: int) -> None:
        """Note that the next `size` bytes are a frame."""
        if self.in_frame():
            raise Unreadable("a frame begins within a frame")
        self._frame_end = self.file.tell() + size

    def in_frame(self) -> bool:
        """Say whether a frame is open, with bytes left in it."""
        if self._frame_end is not None and self.file.tell() >= self._frame_end:
            self._frame_end = None
        return self._frame_end is not None

    def opcode(self) -> int:
        """Return the next opcode."""
        if self._frame_end is not None and self.file.tell() >= self._frame_end:
            self._frame_end = None
        byte = self.file.read(1)
        if not byte:
            raise Unreadable("it ends before its STOP")
        return byte[0]

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes (few)."""
        data = self.file.read(size)
        if len(data) != size:
            raise Unreadable("it ends in the middle of an argument")
        self._check_frame()
        return data

    def number(self, size: int, *, signed: bool = False) -> int:
        """Return a little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self) -> bytes:
        """Return the bytes up to a newline, without it."""
        data = self.file.readline(_MAX_LINE)
        if not data.endswith(b"\n"):
            raise Unreadable("a line does not end")
        self._check_frame()
        return data[:-1]

    def text(self, size: int) -> str | Big:
        """Return UTF-8 text of `size` bytes."""
        if size > MAX_KEPT:
            self._skip(size, text=True)
            return Big(text=True, size=size)
        try:
            return self.take(size).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as e:
            raise Unreadable("a text is not UTF-8") from e

    def data(self, size: int) -> bytes | Big:
        """Return `size` bytes."""
        if size > MAX_KEPT:
            self._skip(size)
            return Big(text=False, size=size)
        return self.take(size)

    def _skip(self, size: int, *, text: bool = False) -> None:
        check = codecs.getincrementaldecoder("utf-8")("surrogatepass") if text else None
        while size:
            data = self.file.read(min(size, _CHUNK))
            if not data:
                raise Unreadable("it ends in the middle of an argument")
            size -= len(data)
            if check:
                try:
                    check.decode(data, final=not size)
                except UnicodeDecodeError as e:
                    raise Unreadable("a text is not UTF-8") from e
        self._check_frame()

    def skip(self, size: int) -> None:
        """Pass over `size` bytes between opcodes (the numbers of an array)."""
        start = self.file.tell()
        end = self.file.seek(0, 2)
        if start + size > end:
            raise Unreadable("it ends in the middle of an array")
        self.file.seek(start + size)

    def _check_frame(self) -> None:
        if self._frame_end is None:
            return
        at = self.file.tell()
        if at > self._frame_end:
            raise Unreadable("an argument crosses the end of its frame")
        if at == self._frame_end:
            self._frame_end = None
