"""Reading a version back from the registry: are bytes, manifest and history what they were?

Nothing is taken on trust: every byte is hashed here, and the history's chain is computed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from threading import Event

from muniment.client import html
from muniment.client.backend import Backend, CatalogBackend, Progress
from muniment.client.parallel import for_each, stoppable
from muniment.client.progress import ProgressOption, phase
from muniment.domain.activities import Activity, verify_chain
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.names import MAX_PAGE_SIZE
from muniment.domain.values import JsonObject
from muniment.errors import Corrupt, InvalidInput, NotFound, RangeNotSatisfiable


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked, and what is wrong.

    `files` and `bytes` were read and hashed; `activities` entries of history are chained;
    `problems` is empty if all is as it was.
    """

    ref: str
    digest: str | None
    files: int
    bytes: int
    activities: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> JsonObject:
        """Return all of it, for programs."""
        return {
            "ref": self.ref,
            "ok": self.ok,
            "digest": self.digest,
            "files": self.files,
            "bytes": self.bytes,
            "activities": self.activities,
            "problems": list(self.problems),
        }

    def __repr__(self) -> str:
        verdict = "sound" if self.ok else f"NOT SOUND: {'; '.join(self.problems)}"
        return (
            f"<VerifyReport {self.ref}: {verdict}; {self.files} files, {self.bytes:,} bytes, "
            f"{self.activities} activities>"
        )

    def _repr_html_(self) -> str:
        return html.verify_report(self)


def verify(backend: Backend, version: ModelVersion, progress: ProgressOption) -> VerifyReport:
    """Check a version: every file, the manifest, and its model's history."""
    problems: list[str] = []
    files: tuple[FileEntry, ...] = ()
    if version.digest is not None:
        try:
            manifest = backend.artifacts.manifest(version.model, version.version)
        except (Corrupt, NotFound, InvalidInput) as error:
            problems.append(f"manifest: {error.message}")
        else:
            files = manifest.files
            problems += _wrong_in_manifest(version, manifest)
            with phase(progress, "verify", manifest.size) as tell:
                found = for_each(files, partial(_wrong_in_file, backend, version, tell))
            problems += [problem for problem in found if problem is not None]
    activities, broken = _wrong_in_history(backend.catalog, version.model)
    return VerifyReport(
        ref=version.ref,
        digest=version.digest,
        files=len(files),
        bytes=sum(file.size for file in files),
        activities=activities,
        problems=(*problems, *broken),
    )


def _wrong_in_manifest(version: ModelVersion, manifest: Manifest) -> Iterator[str]:
    if manifest.digest != version.digest:
        yield f"manifest: its digest is {manifest.digest}, the version names {version.digest}"
    if (manifest.size, len(manifest.files)) != (version.size, version.file_count):
        yield (
            f"manifest: {len(manifest.files)} files with {manifest.size} bytes, "
            f"the version says {version.file_count} with {version.size}"
        )


def _wrong_in_file(
    backend: Backend, version: ModelVersion, tell: Progress, file: FileEntry, stop: Event
) -> str | None:
    sha256, length = hashlib.sha256(), 0
    try:
        pieces = backend.artifacts.read(version.model, version.version, file.path)
        for piece in stoppable(pieces, stop):
            sha256.update(piece)
            length += len(piece)
            tell(len(piece))
    except (Corrupt, NotFound, RangeNotSatisfiable) as error:
        return f"{file.path}: {error.message}"
    if length != file.size:
        return f"{file.path}: {length} bytes instead of {file.size}"
    if sha256.hexdigest() != file.digest:
        return f"{file.path}: its digest is {sha256.hexdigest()} instead of {file.digest}"
    return None


def _wrong_in_history(catalog: CatalogBackend, model: str) -> tuple[int, list[str]]:
    """Compute the chain here, up to the entry that is the newest now; then ask for its end.

    Only the registry knows how long the history must be: a chain that was cut off is still one.
    """
    newest = catalog.history(model, page_size=1).items
    count, head = (newest[0].sequence, newest[0].hash) if newest else (0, "")
    try:
        verify_chain(islice(_entries(catalog, model), count), count=count, head=head)
        catalog.verify_history(model)
    except Corrupt as error:
        return count, [error.message]
    return count, []


def _entries(catalog: CatalogBackend, model: str) -> Iterator[Activity]:
    token: str | None = None
    while True:
        page = catalog.history(model, page_size=MAX_PAGE_SIZE, page_token=token, newest_first=False)
        yield from page.items
        token = page.next_token
        if token is None:
            return
