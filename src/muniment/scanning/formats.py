"""Which format a file has, by its first bytes, its last ones, and its structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from muniment.scanning import (
    compressed,
    keras,
    numpy_files,
    protobuf,
    tars,
    tensors,
    texts,
    zips,
)
from muniment.scanning.looking import Scan
from muniment.scanning.pickles.streams import scan_pickle

HEAD: Final = 4_096
"""How many bytes `recognise` wants to see."""

ARCHIVES: Final = frozenset({"zip", "tar", "gzip", "bzip2", "xz", "lzma", "zlib", "lz4"})
PROGRAMS: Final = frozenset({"elf", "pe", "mach-o", "wasm", "pyc"})

Look: TypeAlias = Callable[[BinaryIO, Scan], str]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: its name, and what scans it (None: nothing in it can be bad)."""

    name: str
    scan: Look | None = None


def _native(what: str) -> Look:
    def scan(_file: BinaryIO, scan: Scan) -> str:
        scan.fail(f"is {what}", "it is code")
        return what

    return scan


_MAGIC: Final[tuple[tuple[bytes, Format], ...]] = (
    (b"PK\x03\x04", Format("zip", zips.scan_zip)),
    (b"PK\x05\x06", Format("zip", zips.scan_zip)),
    (b"\x93NUMPY", Format("npy", numpy_files.scan_npy)),
    (b"\x89HDF\r\n\x1a\n", Format("hdf5", keras.scan_hdf5)),
    (b"GGUF", Format("gguf", tensors.scan_gguf)),
    (b"\x1f\x8b", Format("gzip", compressed.scan_compressed)),
    (b"BZh", Format("bzip2", compressed.scan_compressed)),
    (b"\xfd7zXZ\x00", Format("xz", compressed.scan_compressed)),
    (b"\x5d\x00\x00", Format("lzma", compressed.scan_compressed)),
    (b'\x04"M\x18', Format("lz4", compressed.scan_compressed)),
    (b"\x7fELF", Format("elf", _native("a native program or library"))),
    (b"MZ", Format("pe", _native("a native program or library"))),
    (b"\xcf\xfa\xed\xfe", Format("mach-o", _native("a native program or library"))),
    (b"\xca\xfe\xba\xbe", Format("mach-o", _native("native or Java code"))),
    (b"\x00asm", Format("wasm", _native("a WebAssembly module"))),
    (b"PAR1", Format("parquet")),
    (b"ARROW1\x00\x00", Format("arrow")),
    (b"CBM1", Format("catboost")),
    (b"\x89PNG\r\n\x1a\n", Format("png")),
    (b"\xff\xd8\xff", Format("jpeg")),
    (b"GIF8", Format("gif")),
    (b"%PDF-", Format("pdf")),
    (b"RIFF", Format("riff")),
)
_TAIL: Final = (1 << 16) + 22


def recognise(head: bytes, size: int, file: BinaryIO, name: str) -> Format:
    """Return the format of a file.

    Args:
        head: its first bytes, up to `HEAD`.
        size: how many it has.
        file: the file itself, for formats without a mark at their start.
        name: what it is called; of texts alone it says whether they are programs.
    """
    if size == 0:
        return Format("empty")
    if head[0] == 0x80 and size > 1 and head[1] <= 5:
        return Format("pickle", scan_pickle)
    for magic, known in _MAGIC:
        if head.startswith(magic):
            return known
    return _by_structure(head, size, file, name)


def _by_structure(head: bytes, size: int, file: BinaryIO, name: str) -> Format:
    if head[257:262] == b"ustar" or tars.is_old_tar(head):
        return Format("tar", tars.scan_tar)
    if head[:1] == b"\x78" and len(head) > 1 and int.from_bytes(head[:2], "big") % 31 == 0:
        return Format("zlib", compressed.scan_compressed)
    if tensors.is_safetensors(head, size):
        return Format("safetensors", tensors.scan_safetensors)
    if head[4:8] == b"TFL3":
        return Format("tflite")
    if head[2:4] == b"\r\n" and head[1] in (0x0C, 0x0D, 0x0E):
        return Format("pyc", _native("compiled Python"))
    if head[:1] == b"{" and b"learner" in head[:32] and b"\x00" in head[:32]:
        return Format("xgboost (ubjson)")
    if texts.is_text(head):
        return Format("text", texts.scanner_of(name))
    kind = protobuf.kind_of(file, size)
    if kind is not None:
        return Format(kind, protobuf.SCANS.get(kind))
    return Format("unknown")


def has_zip_appended(file: BinaryIO, size: int) -> bool:
    """Say whether a file ends as a zip does, where zip's readers look for one."""
    file.seek(max(0, size - _TAIL))
    return zips.ends_as_zip(file.read(_TAIL))
