"""Files that are compressed as a whole: joblib's, and archives."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from muniment.scanning.looking import Scan, size_of, spool

_Read: TypeAlias = Callable[[int], bytes]


def scan_compressed(file: BinaryIO, scan: Scan) -> str:
    """Unpack a file within the limits, and scan what comes out."""
    packed = size_of(file)
    packing, read = _reader(file)
    if read is None:
        scan.unknown(f"is packed by {packing}", "it can't be looked into here")
        return packing
    content, broken = spool(read, scan.budget, packed)
    with content:
        if broken:
            scan.unknown("can't be unpacked to its end", f"other readers may go on: {broken}")
        inner = scan.part(content, f"({packing})")
    return f"{inner} ({packing})"


def _reader(file: BinaryIO) -> tuple[str, _Read | None]:
    head = file.read(6)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return "gzip", gzip.GzipFile(fileobj=file, mode="rb").read
    if head.startswith(b'\x04"M\x18'):
        return "lz4", _lz4(file)
    if head.startswith(b"\x78"):
        return "zlib", _zlib(file)
    if head.startswith(b"BZh"):
        return "bzip2", _streams(file, bz2.BZ2Decompressor)
    return ("xz" if head.startswith(b"\xfd7z") else "lzma"), _streams(file, lzma.LZMADecompressor)


def _lz4(file: BinaryIO) -> _Read | None:
    try:
        frames = importlib.import_module("lz4.frame")
    except ImportError:
        return None
    read: _Read = frames.LZ4FrameFile(file).read
    return read


def _zlib(file: BinaryIO) -> _Read:
    inflate = zlib.decompressobj()

    def read(size: int) -> bytes:
        while not inflate.eof:
            data = inflate.unconsumed_tail or file.read(size)
            if not data:
                raise EOFError("it ends before its end")
            if out := inflate.decompress(data, size):
                return out
        if inflate.unused_data or file.read(1):
            raise ValueError("there is data after its end")
        return b""

    return read


def _streams(
    file: BinaryIO, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
) -> _Read:
    """Return what reads streams one after another, and nothing else: the library's own readers
    pass over what follows the last.
    """
    stream = new()

    def read(size: int) -> bytes:
        nonlocal stream
        while True:
            if stream.eof:
                more = stream.unused_data or file.read(size)
                if not more:
                    return b""
                stream = new()
            else:
                more = file.read(size) if stream.needs_input else b""
                if stream.needs_input and not more:
                    raise EOFError("it ends before its end")
            if out := stream.decompress(more, size):
                return out

    return read
