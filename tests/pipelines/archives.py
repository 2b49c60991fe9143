"""Archives for tests: sound ones, and such as nobody should trust."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def tar_gz(file: Path, files: Mapping[str, bytes]) -> Path:
    """Write a .tar.gz of files; names may be as bad as the format allows."""
    return of_members(file, *((name, tarfile.REGTYPE, data) for name, data in files.items()))


def of_members(file: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """Write a .tar.gz of (name, type, content)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz") as archive:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(data)
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member.linkname = "/etc/passwd"
            archive.addfile(member, io.BytesIO(data))
    return file


def bomb(file: Path, size: int) -> Path:
    """Write a .tar.gz with a file of zeros."""

    class Zeros(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    with tarfile.open(file, "w:gz", compresslevel=9) as archive:
        member = tarfile.TarInfo("zeros")
        member.size = size
        archive.addfile(member, Zeros())
    return file


def names_in(file: Path) -> list[str]:
    with tarfile.open(file) as archive:
        return archive.getnames()


def read_from(file: Path, name: str) -> bytes:
    with tarfile.open(file) as archive:
        content = archive.extractfile(name)
        assert content is not None
        return content.read()


def repacked(file: Path, data: bytes) -> Path:
    """Write bytes as they are, compressed."""
    file.write_bytes(gzip.compress(data))
    return file
