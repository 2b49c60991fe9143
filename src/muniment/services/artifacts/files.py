"""Files outside of versions: what runs log, at paths of the workspace.

PUT 0/run/model/model.pkl ──> receive() ──> bytes in their place (leased) ──> the path names them
register the run's model  ──> manifest_of("0/run/model") ──> create_version: no byte is copied
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from muniment.domain import names
from muniment.domain.access import OWNER, Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.files import Child, Folder, StoredFile
from muniment.domain.manifest import FileEntry, Manifest, media_type_of
from muniment.errors import InvalidInput, LimitExceeded, NotFound
from muniment.services.access.audit import audited
from muniment.services.artifacts.artifacts import Intake, blob_size
from muniment.services.artifacts.content import place
from muniment.services.base import Service
from muniment.storage.blobs import BlobStat, BlobWriter

_PIECE = 1_000


class Files(Service):
    """Files at paths, for one caller. A folder is "" (all) or a path without a slash at its end."""

    def receive(self, path: str, *, size: int | None = None) -> Intake:
        """Return an intake for the bytes of a file; whatever stood at the path is replaced.

        Its `finish` raises Conflict if the path is a folder, or leads through a file.
        """
        self._require(Verb.WRITE_RUNS)
        names.check_path(path)

        def put(writer: BlobWriter, digest: str) -> BlobStat:
            stat = place(self._ports, self._caller, writer, digest)
            self._store.put_file(
                StoredFile(
                    workspace=self._caller.workspace,
                    path=path,
                    digest=stat.digest,
                    size=stat.size,
                    updated_at=self._ports.clock(),
                    updated_by=self._caller.actor,
                )
            )
            return stat

        writer = self._ports.blobs.create_writer()
        return Intake(put, writer, None, blob_size(size), keep=False)

    def file(self, path: str) -> StoredFile:
        """Return the file at a path.

        Raises:
            NotFound: there is none.
            InvalidInput: it is a folder.
        """
        self._require(Verb.READ_RUNS)
        found = self._store.file(self._caller.workspace, names.check_path(path))
        if found is None:
            if self._store.files(self._caller.workspace, path, limit=1):
                raise InvalidInput(f"{path!r:.300} is a folder.", hint="List it.")
            raise NotFound(f"There is no file {path!r:.300}.", hint="List its folder.")
        if self._ports.auditor is not None and self._caller.principal is not OWNER:
            entry = audited(
                ActivityKind.ARTIFACT_READ,
                self._caller,
                self._ports.clock(),
                details={"path": path, "digest": found.digest},
            )
            self._ports.auditor.queue(entry)
        return found

    def children(self, folder: str) -> list[Child]:
        """Return what stands in a folder, by name; nothing for a file or a missing path."""
        self._require(Verb.READ_RUNS)
        found = self._store.children(self._caller.workspace, _checked(folder))
        children = (
            Child(posixpath.basename(item.path), None if isinstance(item, Folder) else item.size)
            for item in found
        )
        return sorted(children, key=lambda child: child.name)

    def delete(self, path: str) -> int:
        """Remove a file, or all files below a folder; return how many. A missing path is fine.

        Versions that were made of them keep their content.
        """
        self._require(Verb.WRITE_RUNS)
        return self._store.drop_files(self._caller.workspace, names.check_path(path))

    def manifest_of(self, folder: str) -> Manifest | None:
        """Return the files below a folder as the content of a version to be; None if it is empty.

        Raises:
            LimitExceeded: they are more than a version can hold.
        """
        self._require(Verb.READ_RUNS)
        start = len(_checked(folder)) + 1 if folder else 0
        entries: list[FileEntry] = []
        for file in self._below(folder):
            path = file.path[start:]
            entries.append(FileEntry(path, file.digest, file.size, media_type_of(path)))
            if len(entries) > names.MAX_FILES:
                raise LimitExceeded(
                    f"There are more than {names.MAX_FILES} files below {folder!r:.300}.",
                    hint="A version holds no more.",
                    details={"limit": names.MAX_FILES},
                )
        return Manifest.of(entries) if entries else None

    def holds(self, folder: str, manifest: Manifest) -> bool:
        """Say whether the caller finds exactly the content of a version below a folder."""
        if not self._caller.principal.may(Verb.READ_RUNS):
            return False
        start, expected = len(_checked(folder)) + 1 if folder else 0, iter(manifest.files)
        for file in self._below(folder):
            entry = next(expected, None)
            if entry is None or (entry.path, entry.digest) != (file.path[start:], file.digest):
                return False
        return next(expected, None) is None

    def _below(self, folder: str) -> Iterator[StoredFile]:
        after = ""
        while piece := self._store.files(self._caller.workspace, folder, after=after, limit=_PIECE):
            yield from piece
            after = piece[-1].path


def _checked(folder: str) -> str:
    return names.check_path(folder) if folder else ""
