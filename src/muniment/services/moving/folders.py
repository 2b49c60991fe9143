"""An archive that is a folder; and backups, which are several that share their blobs.

    ARCHIVE/                         BACKUPS/
      muniment.json                    2026-11-21T18-04-33Z/   muniment.json, workspaces.jsonl, …
      workspaces.jsonl                 2026-11-22T18-04-31Z/   the same, a day later
      models/<uuid>.jsonl              2026-11-23T18-.partial/ cut off: no backup
      accounts.jsonl  (if asked for)   blobs/                  of all of them
      contents.jsonl  (the last one)
      blobs/ab/abcd…                   bytes by SHA-256, read-only

A file appears at its place whole, by a rename; the contents last of all. So a folder with contents
is a whole archive, and one without was cut off, or is still being written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from muniment.domain.values import JsonObject, as_object, canonical_json
from muniment.errors import Conflict, Corrupt, InvalidInput
from muniment.services.moving.places import (
    CONTENTS,
    HEADER,
    MODELS,
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

BLOBS: Final = "blobs"
_SUFFIX: Final = ".jsonl"
_PIECE: Final = 1024 * 1024
_LANES: Final = 4


class FolderSource(Source):
    """A whole archive in a folder.

    Args:
        blobs: where the bytes are; by default in the archive itself.

    Raises:
        InvalidInput: there is no archive, or one of a newer Muniment.
        Corrupt: the archive was cut off, or its list of contents is damaged.
    """

    def __init__(self, folder: Path, blobs: Path | None = None) -> None:
        self._folder, self._blobs = folder, blobs or folder / BLOBS
        self._registry = registry_of(_read_header(folder), str(folder))
        place = _place(folder, CONTENTS)
        if not place.exists():
            raise Corrupt(
                f"The archive {str(folder)!r} is not whole: it was cut off before its end.",
                hint="Run the export again: it goes on where it stopped.",
            )
        with place.open("rb") as stream, Sheet.read(CONTENTS, stream) as contents:
            self._contents = contents_of(contents)

    @property
    def registry(self) -> str:
        """See `Source`."""
        return self._registry

    def sheets(self) -> Iterator[Sheet]:
        """See `Source`. Raises Corrupt for one that is damaged or gone."""
        for name in self._contents:
            try:
                with _place(self._folder, name).open("rb") as stream:
                    sheet = Sheet.read(name, stream)
            except FileNotFoundError:
                raise Corrupt(
                    f"{name!r:.200} is gone from the archive {str(self._folder)!r}.",
                    hint="Take another copy of the archive, or make it anew.",
                    details={"sheet": name},
                ) from None
            yield check_listed(sheet, self._contents)

    def again(self, sheet: Sheet) -> Sheet | None:
        """See `Source`: an archive does not change."""
        return None

    def hold(self, digests: Collection[str]) -> None:
        """See `Source`."""
        for digest in digests:
            self.size(digest)

    def size(self, digest: str) -> int:
        """See `Source`."""
        try:
            return blob_place(self._blobs, digest).stat().st_size
        except FileNotFoundError:
            raise not_here(digest, "the archive") from None

    def read(self, digest: str) -> Iterator[bytes]:
        """See `Source`."""
        try:
            with blob_place(self._blobs, digest).open("rb") as stream:
                while piece := stream.read(_PIECE):
                    yield piece
        except FileNotFoundError:
            raise not_here(digest, "the archive") from None


class FolderTarget(Target):
    """A folder that becomes an archive, or is brought up to date if it is one of this registry.

    Args:
        blobs: where the bytes go; by default into the archive itself.
    """

    def __init__(self, folder: Path, blobs: Path | None = None) -> None:
        self._folder, self._blobs = folder, blobs or folder / BLOBS
        self._listed: list[JsonObject] = []

    @property
    def lanes(self) -> int:
        """See `Target`."""
        return _LANES

    def begin(self, registry: str) -> None:
        """See `Target`."""
        place = self._folder / HEADER
        if place.exists():
            if registry_of(_read_header(self._folder), str(self._folder)) != registry:
                raise Conflict(
                    f"{str(self._folder)!r} is the archive of another registry.",
                    hint="Choose another folder.",
                )
        elif self._folder.exists() and any(self._folder.iterdir()):
            raise Conflict(
                f"{str(self._folder)!r} holds something else.", hint="Choose an empty folder."
            )
        _place(self._folder, CONTENTS).unlink(missing_ok=True)  # from now on it is not whole
        for left in self._blobs.glob("*/.*.part"):  # of one that was killed
            left.unlink()
        _write(place, [canonical_json(header(registry)) + b"\n"])

    def lacks(self, digests: Collection[str]) -> frozenset[str]:
        """See `Target`."""
        return frozenset(d for d in digests if not blob_place(self._blobs, d).exists())

    def put_blob(self, digest: str, size: int, pieces: Iterable[bytes]) -> None:
        """See `Target`."""
        _write(blob_place(self._blobs, digest), pieces, mode=0o444)

    def put(self, sheet: Sheet) -> str:
        """See `Target`."""
        self._listed.append(contents_line(sheet))
        place = _place(self._folder, sheet.name)
        new = not place.exists()
        _write(place, sheet.pieces())
        return "new" if new else "changed"

    def finish(self) -> None:
        """See `Target`."""
        with Sheet.of(CONTENTS, self._listed) as contents:
            self._drop_others(contents_of(contents))
            os.sync()  # the places of files, too, before it is said that all are there
            _write(_place(self._folder, CONTENTS), contents.pieces())

    def _drop_others(self, contents: Collection[str]) -> None:
        """Remove sheets of an earlier export of what is no more."""
        for found in self._folder.glob(f"{MODELS}*{_SUFFIX}"):
            if f"{MODELS}{found.name.removesuffix(_SUFFIX)}" not in contents:
                found.unlink()


def blob_place(folder: Path, digest: str) -> Path:
    """Return where a blob stands in a folder of blobs."""
    return folder / digest[:2] / digest


def _place(folder: Path, name: str) -> Path:
    if name.count("/") > 1 or any(part in ("", ".", "..") for part in name.split("/")):
        raise InvalidInput(f"{name!r:.200} is not the name of a sheet.")
    return folder / f"{name}{_SUFFIX}"


def _read_header(folder: Path) -> JsonObject:
    try:
        text = (folder / HEADER).read_bytes()
        return as_object(json.loads(text), HEADER)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise InvalidInput(
            f"{str(folder)!r} is not an archive of Muniment: it has no {HEADER}.",
            hint="`muniment export` and `muniment backup` make archives.",
        ) from error


def _write(place: Path, pieces: Iterable[bytes], *, mode: int = 0o644) -> None:
    """Write a file that appears whole, or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{uuid4().hex}.part")
    try:
        with beside.open("xb") as stream:
            for piece in pieces:
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        beside.chmod(mode)
        beside.replace(place)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
