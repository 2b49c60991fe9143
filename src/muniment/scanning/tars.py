"""Tar archives."""

from __future__ import annotations

import tarfile
from typing import BinaryIO

from muniment.scanning.looking import Scan, shown, size_of, window
from muniment.scanning.zips import check_name

_CHUNK = 1 << 20


def is_old_tar(head: bytes) -> bool:
    """Say whether a file starts with a tar header of the oldest kind: no mark, but a sum."""
    if len(head) < 512 or not head[0]:
        return False
    try:
        expected = int(head[148:156].rstrip(b"\0 ").lstrip() or b"x", 8)
    except ValueError:
        return False
    return expected == sum(head[:148]) + 8 * 32 + sum(head[156:512])


def scan_tar(file: BinaryIO, scan: Scan) -> str:
    """Scan an archive and all that is in it."""
    size = size_of(file)
    seen: set[str] = set()
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                scan.budget.member()
                inner = scan.inside(member.name)
                if member.name in seen:
                    inner.unknown("is there twice", "the later one replaces the first")
                seen.add(member.name)
                _scan_member(file, member, inner)
            end = archive.offset
    except tarfile.TarError as e:
        scan.unknown("is a broken tar archive", f"other readers may accept it: {e}")
        return "tar"
    file.seek(min(end, size))
    while data := file.read(_CHUNK):
        if data.strip(b"\0"):
            scan.unknown("has data after its end", "other readers may go on")
            break
    return "tar"


def _scan_member(file: BinaryIO, member: tarfile.TarInfo, scan: Scan) -> None:
    check_name(member.name, scan)
    if member.issym() or member.islnk():
        scan.fail(f"is a link to {shown(member.linkname)}", "unpacked, it leads elsewhere")
    elif member.issparse():
        scan.unknown("is stored with holes", "it is not looked into")
    elif member.isreg():
        scan.look(window(file, member.offset_data, member.size), scan)
    elif not member.isdir():
        scan.fail("is a device, a pipe or of an unknown type", "no model needs one")
