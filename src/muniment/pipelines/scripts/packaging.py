"""Packaging: one model.tar.gz that can be served, of a model and what serves it.

    input/model          the model: files, or one .tar.gz of them
    input/script         the inference scripts, likewise, if there are any
    input/calibration    a calibration model, likewise, if there is one

    output/model.tar.gz  the model's files at its root, code/ and calibration/ beside them

Archives come from elsewhere, so they are read as if somebody meant ill: what lies outside of its
place, links, devices, duplicates, and what unpacks to far more than it weighs are refused, and so
is what is broken. The same files make the same archive, byte for byte.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

OPT_ML = Path(os.environ.get("MUNIMENT_OPT_ML", "/opt/ml"))
MODEL = OPT_ML / "processing/input/model"
SCRIPTS = OPT_ML / "processing/input/script"
CALIBRATION = OPT_ML / "processing/input/calibration"
OUTPUT = OPT_ML / "processing/output"

PACKAGE = "model.tar.gz"
PIECE = 1024 * 1024
MOST_FILES = 100_000
LEAST_LIMIT = 100 * 1024**2  # bytes that any archive may unpack to
RATIO = 100  # beyond that, how many times its own size


class Refused(Exception):
    """An archive or folder is not as it must be."""


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""


class Unpacked:
    """The bytes of a .tar.gz, unpacked: no more than `limit`, and no backward jumps.

    tarfile steps back by one byte before each header, and reads headers whole; a header that is
    longer than a piece is made to fill the memory.
    """

    def __init__(self, stream: Readable, limit: int, name: str) -> None:
        self._stream, self._limit, self._name = stream, limit, name
        self._at = 0
        self._again = b""
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes."""
        if not 0 <= size <= PIECE:
            raise Refused(f"{self._name} has a header of {size} bytes, which is no header.")
        again, self._again = self._again[:size], b""
        try:
            data = again + self._stream.read(size - len(again))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refused(f"{self._name} is broken, or no .tar.gz: {error}") from error
        if len(data) < size:
            raise Refused(f"{self._name} is broken: it ends in the middle.")
        self._at += len(data)
        self.last = data
        if self._at > self._limit:
            raise Refused(
                f"{self._name} unpacks to more than {self._limit} bytes, far more than it weighs."
            )
        return data

    def tell(self) -> int:
        """Return where the next byte stands."""
        return self._at

    def seek(self, to: int, whence: int = 0) -> int:
        """Go forward, or back by one byte."""
        if whence or to < self._at - 1:
            raise Refused(f"{self._name} can't be read from its beginning to its end.")
        if to == self._at - 1:
            self._again, self._at = self.last[-1:], to
        while self._at < to:
            self.read(min(PIECE, to - self._at))
        return self._at

    def finish(self) -> None:
        """Go to the end, where the checksum stands. What comes before it must be empty."""
        if len(self.last) != tarfile.BLOCKSIZE or self.last.strip(b"\0"):
            raise Refused(f"{self._name} is broken: a header can't be read.")
        left = self._limit - self._at
        try:
            while left > 0 and (data := self._stream.read(min(PIECE, left))):
                left -= len(data)
                if data.strip(b"\0"):
                    raise Refused(f"{self._name} goes on behind its end.")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refused(f"{self._name} is broken: {error}") from error


def members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Yield path and content of each file in a .tar.gz, and paths of folders with None.

    A content must be read before the next member is asked for.

    Raises:
        Refused: the archive is broken, or holds what it may not.
    """
    limit = max(LEAST_LIMIT, RATIO * archive.stat().st_size)
    files: set[str] = set()
    folders: set[str] = set()
    try:
        with gzip.open(archive) as stream:
            unpacked = Unpacked(stream, limit, archive.name)
            with tarfile.open(fileobj=unpacked, mode="r:") as tar:  # type: ignore[call-overload]
                for member in tar:
                    path = checked(member, archive.name)
                    if member.isdir():
                        if path != ".":
                            folders.add(path)
                            yield path, None
                        continue
                    if path in files:
                        raise Refused(f"{archive.name} has {path!r} twice.")
                    files.add(path)
                    if len(files) > MOST_FILES:
                        raise Refused(f"{archive.name} has more than {MOST_FILES} files.")
                    content = tar.extractfile(member)
                    assert content is not None  # noqa: S101 - it is a regular file
                    yield path, content
            unpacked.finish()
    except tarfile.TarError as error:
        raise Refused(f"{archive.name} is broken, or no .tar.gz: {error}") from error
    for path in (*files, *folders):
        for parent in PurePosixPath(path).parents:
            if str(parent) in files:
                raise Refused(f"{archive.name} has {str(parent)!r} as a file and as a folder.")
        if path in files and path in folders:
            raise Refused(f"{archive.name} has {path!r} as a file and as a folder.")


def checked(member: tarfile.TarInfo, archive: str) -> str:
    """Return a member's path, normalised; refuse what may not be in an archive."""
    name = member.name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name.partition("/")[0]:
        raise Refused(f"{archive} has {name!r:.200}, which leads out of its folder.")
    if any(ord(character) < 32 for character in name) or len(name.encode()) > 1024:
        raise Refused(f"{archive} has {name!r:.200}, which is no name of a file.")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        kind = "a link" if member.issym() or member.islnk() else "neither file nor folder"
        raise Refused(f"{archive} has {name!r:.200}, which is {kind}; only files are taken.")
    if not parts and not member.isdir():
        raise Refused(f"{archive} has a file without a name.")
    return "/".join(parts) or "."


def unpack(archive: Path, folder: Path) -> None:
    """Write what is in a .tar.gz into a folder. Raises Refused."""
    for path, content in members(archive):
        target = folder / path
        try:
            if content is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(content, file, 64 * 1024)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise Refused(
                f"{archive.name} has {path!r} beside another of that name, or as a file and as a "
                "folder."
            ) from None


def gather(source: Path, target: Path) -> None:
    """Bring the files of a folder, or of the one .tar.gz in it, into `target`. Raises Refused."""
    files = sorted(source.rglob("*"))
    for file in files:
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise Refused(f"{file} is neither file nor folder; only files are taken.")
    files = [file for file in files if file.is_file()]
    if len(files) == 1 and files[0].name.endswith((".tar.gz", ".tgz")):
        unpack(files[0], target)
        return
    for file in files:
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def pack(folder: Path, archive: Path) -> None:
    """Write the files of a folder to a .tar.gz; the same files make the same bytes."""
    partial = archive.with_name(f".{archive.name}.part")
    try:
        with (
            partial.open("wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, mtime=0) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                member = tarfile.TarInfo(file.relative_to(folder).as_posix())
                member.size, member.mode = file.stat().st_size, 0o644
                with file.open("rb") as content:
                    tar.addfile(member, content)
        partial.replace(archive)
    finally:
        partial.unlink(missing_ok=True)


def package(model: Path, scripts: Path, calibration: Path, output: Path) -> list[str]:
    """Pack a model with what serves it into `output`; return the paths in the package."""
    if not model.is_dir() or not any(model.iterdir()):
        raise Refused(f"{model} holds no model.")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packaging-") as work:
        root = Path(work)
        gather(model, root)
        if not any(file.is_file() for file in root.rglob("*")):
            raise Refused(f"{model} holds no file of a model.")
        for source, name in ((scripts, "code"), (calibration, "calibration")):
            if source.is_dir() and any(source.iterdir()):
                if (root / name).exists():
                    print(f"packaging: {name}/ of the model is replaced.")  # noqa: T201
                    shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()
                gather(source, root / name)
        pack(root, output / PACKAGE)
        return sorted(f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_file())


def main() -> int:
    """Run the script; return its exit code."""
    try:
        paths = package(MODEL, SCRIPTS, CALIBRATION, OUTPUT)
    except (Refused, OSError) as error:
        print(f"packaging: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{PACKAGE}: {', '.join(paths)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
