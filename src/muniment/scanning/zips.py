"""Zip archives: PyTorch's, NumPy's, Keras's, skops', and any other.

Readers of zip disagree: some look at its end, some at its start, some check sums and flags, and
some don't. So an archive on which they could disagree does not pass, and what is in it is scanned
anyway, as the most careless reader would see it.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from muniment.scanning.looking import Scan, shown, size_of, spool, window
from muniment.scanning.pickles.streams import scan_torch_data

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_END: Final = b"PK\x05\x06"
_CHUNK: Final = 1 << 20
_DISAGREE: Final = "readers disagree on what it is"


def ends_as_zip(tail: bytes) -> bool:
    """Say whether the end of a file is that of a zip archive."""
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        return False
    entries, size = struct.unpack("<HI", tail[at + 10 : at + 16])
    return bool(entries) and size >= 46 * min(entries, 0xFFFF)


def scan_zip(file: BinaryIO, scan: Scan) -> str:
    """Scan an archive and all that is in it; return which kind it is."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, OSError, struct.error) as e:
        scan.unknown("is a broken zip archive", f"other readers may accept it: {e}")
        return "zip"
    with archive:
        members = archive.infolist()
        _check_layout(file, archive, members, scan)
        kind, root = _kind_of(members, scan)
        for member in members:
            scan.budget.member()
            if not member.is_dir():
                _scan_member(file, member, scan, root)
    return kind


def _kind_of(members: list[zipfile.ZipInfo], scan: Scan) -> tuple[str, str | None]:
    names = {member.filename for member in members}
    roots = {name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")}
    if roots:
        root = min(roots, key=len)
        if any(name.startswith(f"{root}code/") for name in names):
            scan.unknown("holds TorchScript", "it is a program, which may read and write files")
        return "torch (zip)", root
    if "config.json" in names and "metadata.json" in names:
        return "keras", None
    if "schema.json" in names:
        return "skops", None
    if names and all(name.endswith(".npy") for name in names):
        return "npz", None
    return "zip", None


def _check_layout(
    file: BinaryIO, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], scan: Scan
) -> None:
    size = size_of(file)
    end = max(0, size - 22 - len(archive.comment))
    file.seek(end)
    if file.read(4) != _END:
        scan.unknown("has data after its end", _DISAGREE)
    if archive.comment:
        scan.unknown("has a comment", "other readers may look for an archive in it")
    seen: set[str] = set()
    for member in members:
        name = member.filename.replace("\\", "/").casefold()
        if name in seen:
            scan.fail(f"holds {shown(member.filename)} twice", _DISAGREE)
        seen.add(name)
    at = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset != at and not _is_descriptor(file, at, member.header_offset):
            what = "overlaps" if member.header_offset < at else "stands after hidden data"
            scan.fail(f"{shown(member.filename)} {what}", _DISAGREE)
        start = _data_start(file, member)
        if start is not None:
            at = start + member.compress_size


def _is_descriptor(file: BinaryIO, start: int, end: int) -> bool:
    """Say whether between two members there is what may follow the first: sums and sizes."""
    file.seek(start)
    return end - start in (12, 16, 20, 24) and (
        file.read(4) == b"PK\x07\x08" or end - start in (12, 20)
    )


def _data_start(file: BinaryIO, member: zipfile.ZipInfo) -> int | None:
    file.seek(member.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        return None
    name_size, extra_size = _LOCAL.unpack(header)[9:11]
    return int(member.header_offset + _LOCAL.size + name_size + extra_size)


def _scan_member(file: BinaryIO, member: zipfile.ZipInfo, scan: Scan, root: str | None) -> None:
    inner = scan.inside(member.orig_filename)
    check_name(member.orig_filename, inner)
    mode = member.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        inner.fail("is a link or a device", "unpacked, it leads elsewhere")
    start = _data_start(file, member)
    if start is None:
        inner.unknown("has no header where the directory says", _DISAGREE)
        return
    if _disagrees(file, member):
        inner.fail("is described differently at its place and in the directory", _DISAGREE)
    if member.flag_bits & 0x41:
        inner.unknown("is encrypted, or says so", "what is in it can't be told")
    packed = window(file, start, member.compress_size)
    if root is not None and member.filename.startswith((f"{root}data/", f"{root}.data/")):
        return  # read as numbers only, by their offsets
    if root is not None and member.filename == f"{root}data.pkl" and member.compress_type == 0:
        scan_torch_data(packed, inner)
        _check_sum(packed, member, inner)
        return
    content = _content(packed, member, inner)
    if content is None:
        return
    with content:
        if root is not None and member.filename == f"{root}data.pkl":
            scan_torch_data(content, inner)
        else:
            scan.look(content, inner)


def _content(packed: BinaryIO, member: zipfile.ZipInfo, scan: Scan) -> BinaryIO | None:
    """Return what a member holds, as far as it can be read; its sum is checked."""
    if member.compress_type == zipfile.ZIP_STORED:
        if member.compress_size != member.file_size:
            scan.fail("is stored in two sizes", _DISAGREE)
        _check_sum(packed, member, scan)
        return packed
    if member.compress_type != zipfile.ZIP_DEFLATED:
        scan.unknown(f"is packed by method {member.compress_type}", "it can't be looked into")
        return None
    inflate = zlib.decompressobj(-15)

    def read(size: int) -> bytes:
        while not inflate.eof:
            data = inflate.unconsumed_tail or packed.read(size)
            out = inflate.decompress(data, size) if data else inflate.flush()
            if out or not data:
                return out
        return b""

    content, broken = spool(read, scan.budget, member.compress_size)
    if broken:
        scan.unknown("can't be unpacked to its end", str(broken))
    size = size_of(content)
    if size != member.file_size:
        scan.fail(f"unpacks to {size:,} bytes, not {member.file_size:,}", _DISAGREE)
    if inflate.unused_data:
        scan.fail("hides data behind its end", _DISAGREE)
    _check_sum(content, member, scan)
    return content


def _check_sum(content: BinaryIO, member: zipfile.ZipInfo, scan: Scan) -> None:
    total = 0
    content.seek(0)
    while data := content.read(_CHUNK):
        total = zlib.crc32(data, total)
    content.seek(0)
    if total != member.CRC:
        scan.fail("has a wrong checksum", "some readers refuse it, others read it")


def _disagrees(file: BinaryIO, member: zipfile.ZipInfo) -> bool:
    file.seek(member.header_offset)
    fields = _LOCAL.unpack(file.read(_LOCAL.size))
    flags, method, crc, packed, size, name_size = fields[2], fields[3], *fields[6:10]
    name = file.read(name_size)
    codec = "utf-8" if member.flag_bits & 0x800 else "cp437"
    if name != member.orig_filename.encode(codec, "surrogateescape"):
        return True
    if method != member.compress_type or (flags ^ member.flag_bits) & 0x0041:
        return True
    if flags & 0x08:  # the sums follow the data
        return False
    told = ((crc, member.CRC), (packed, member.compress_size), (size, member.file_size))
    return any(here not in (there, 0xFFFFFFFF) for here, there in told)


def check_name(name: str, scan: Scan) -> None:
    """Note it if unpacking something under a name would write outside of its folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or path.drive or ":" in name[:3] or "\0" in name:
        scan.fail("has a name that leads out of its folder", "unpacked, it lands elsewhere")
