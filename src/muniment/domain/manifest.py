"""What a version is made of: a sorted list of files, named by digests, itself named by one.

    manifest (canonical JSON, a blob)            digest = SHA-256 of these bytes
    {"files":[{"media_type","path","sha256","size"}, … sorted by path],
     "schema":"muniment.manifest/1"}

The same files give the same bytes, so the same digest, wherever and whenever it is computed.
"""

from __future__ import annotations

import json
import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from muniment.domain.names import (
    MAX_BLOB_BYTES,
    MAX_FILES,
    check_digest,
    check_media_type,
    check_path,
)
from muniment.domain.values import Json, JsonObject, as_object, canonical_json, sha256_hex
from muniment.errors import Corrupt, InvalidInput, LimitExceeded

SCHEMA = "muniment.manifest/1"
MEDIA_TYPE = "application/vnd.muniment.manifest.v1+json"
DEFAULT_MEDIA_TYPE = "application/octet-stream"

# A table of our own: the system's differs between machines, and with it digests of manifests would.
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def media_type_of(path: str) -> str:
    """Return the media type of a file that nobody has named another one for, by its suffix."""
    return _MEDIA_TYPES.get(posixpath.splitext(path)[1].lower(), DEFAULT_MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a version: where it stands, what its bytes are, how many, of what kind."""

    path: str
    digest: str
    size: int
    media_type: str = DEFAULT_MEDIA_TYPE

    def to_json(self) -> JsonObject:
        """Return the entry as it stands in the manifest."""
        return {
            "media_type": self.media_type,
            "path": self.path,
            "sha256": self.digest,
            "size": self.size,
        }


@dataclass(frozen=True)
class Manifest:
    """The files of a version, sorted by path. Make one with `Manifest.of`, which checks."""

    files: tuple[FileEntry, ...]

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> Manifest:
        """Return the manifest of `files`, in any order.

        Raises:
            InvalidInput: a path, digest, size or media type is wrong, a path stands twice, a path
                is both a file and a folder, or there is no file at all.
            LimitExceeded: more than 100,000 files.
        """
        entries = sorted(files, key=lambda file: file.path)
        if not entries:
            raise InvalidInput("A version needs at least one file.")
        if len(entries) > MAX_FILES:
            raise LimitExceeded(
                f"{len(entries)} files; a version holds at most {MAX_FILES}.",
                details={"limit": MAX_FILES},
            )
        seen: set[str] = set()
        folders: set[str] = set()
        for entry in entries:
            check_path(entry.path)
            check_digest(entry.digest)
            check_media_type(entry.media_type)
            if not 0 <= entry.size <= MAX_BLOB_BYTES:
                raise InvalidInput(f"{entry.path!r}: a file can't have {entry.size} bytes.")
            if entry.path in seen:
                raise InvalidInput(f"The path {entry.path!r} stands twice in the manifest.")
            seen.add(entry.path)
            parts = entry.path.split("/")
            folders.update("/".join(parts[:n]) for n in range(1, len(parts)))
        if clash := seen & folders:
            raise InvalidInput(f"The path {min(clash)!r} is both a file and a folder.")
        return cls(tuple(entries))

    @cached_property
    def content(self) -> bytes:
        """The manifest as canonical JSON: the bytes that are stored and digested."""
        return canonical_json({"files": [f.to_json() for f in self.files], "schema": SCHEMA})

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of `content`: the name of the version's content for ever."""
        return sha256_hex(self.content)

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def digests(self) -> frozenset[str]:
        """The digests of all files, each once."""
        return frozenset(file.digest for file in self.files)

    def file(self, path: str) -> FileEntry | None:
        """Return the file at `path`, if there is one."""
        at = bisect_left(self.files, path, key=attrgetter("path"))
        found = self.files[at] if at < len(self.files) else None
        return found if found is not None and found.path == path else None

    def under(self, prefix: str) -> Iterator[FileEntry]:
        """Yield the file at `prefix` or all files in the folder `prefix` (`""`: all)."""
        folder = prefix.rstrip("/") + "/"
        for file in self.files:
            if not prefix or file.path == prefix or file.path.startswith(folder):
                yield file

    @classmethod
    def parse(cls, content: bytes, *, digest: str | None = None) -> Manifest:
        """Read stored bytes back; with `digest`, verify them first.

        Raises:
            Corrupt: the bytes are not the ones that `digest` names, or not canonical.
            InvalidInput: they are no manifest.
        """
        if digest is not None and sha256_hex(content) != digest:
            raise Corrupt(
                f"The stored manifest {digest} does not have that digest.",
                hint="Run `muniment verify` and restore the blob from a backup.",
            )
        manifest = cls.from_json(json.loads(content))
        if digest is not None and manifest.content != content:
            raise Corrupt(f"The stored manifest {digest} is not in canonical form.")
        return manifest

    @classmethod
    def from_json(cls, value: Json) -> Manifest:
        """Read a manifest document, such as a request's; the order of files does not matter."""
        document = as_object(value, "a manifest")
        schema, files = document.get("schema", SCHEMA), document.get("files")
        if schema != SCHEMA:
            raise InvalidInput(f"Unknown manifest schema {schema!r:.80}; this is {SCHEMA!r}.")
        if not isinstance(files, list):
            raise InvalidInput("A manifest needs a list of files under `files`.")
        return cls.of(_entry(as_object(file, "a file of a manifest")) for file in files)


def _entry(file: JsonObject) -> FileEntry:
    path, digest, size = file.get("path"), file.get("sha256"), file.get("size")
    media_type = file.get("media_type", DEFAULT_MEDIA_TYPE)
    if (
        not isinstance(path, str)
        or not isinstance(digest, str)
        or not isinstance(size, int)
        or isinstance(size, bool)
        or not isinstance(media_type, str)
    ):
        raise InvalidInput(
            f"A file of a manifest needs path, sha256, size and media_type; got {file!r:.200}."
        )
    return FileEntry(path, check_digest(digest), size, media_type)
