"""Whole versions up and down: hashed, deduplicated, in parallel, verified, resumable.

push   hash every file ──> which are missing? ──> send those ──> commit the version
                                  ^                                   │ MissingBlobs
                                  └───────────────────────────────────┘
pull   manifest (verified) ──> fetch what the cache lacks ──> a folder of links to the cache
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Final

from muniment.client.backend import Backend, Progress
from muniment.client.cache import Cache
from muniment.client.contents import Content, changed
from muniment.client.parallel import for_each, stoppable
from muniment.client.progress import ProgressOption, phase
from muniment.domain.changes import NewVersion
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.errors import Corrupt, DigestMismatch, InvalidInput, MissingBlobs, NotFound, NotReady

COMMITS: Final = 3
"""How often a commit is tried when bytes were collected as garbage between upload and commit."""


class Transfers:
    """Pushes and pulls over one back end, through one cache. Safe for many threads."""

    def __init__(self, backend: Backend, cache: Cache, progress: ProgressOption) -> None:
        self._backend = backend
        self._cache = cache
        self._progress = progress

    # -- up --------------------------------------------------------------------------------------

    def push(
        self,
        model: str,
        contents: Sequence[Content],
        new: NewVersion,
        *,
        create_model: bool = True,
        idempotency_key: str | None = None,
    ) -> ModelVersion:
        """Upload what the registry lacks; commit a version of `model` made of `contents`.

        Again with the same key, it returns the version that it made then.

        Raises:
            NotFound: there is no such model, and not `create_model`.
            DigestMismatch: a file changed meanwhile; it is named, and nothing was committed.
        """
        files = self._hash(contents)
        new = replace(new, files=Manifest.of(files))
        by_digest = {file.digest: content for file, content in zip(files, contents, strict=True)}
        key = idempotency_key or uuid.uuid4().hex
        for attempt in range(1, COMMITS + 1):
            missing = self._backend.artifacts.missing(by_digest)
            self._send({digest: by_digest[digest] for digest in missing})
            try:
                return self._backend.catalog.create_version(
                    model, new, create_model=create_model, idempotency_key=key
                )
            except MissingBlobs:
                if attempt == COMMITS:
                    raise
        raise AssertionError("the last commit returns or raises")

    def _hash(self, contents: Sequence[Content]) -> list[FileEntry]:
        with phase(self._progress, "hash", _total(contents)) as tell:
            return for_each(contents, partial(_entry, tell))

    def _send(self, missing: dict[str, Content]) -> None:
        # the largest first, so that none of them is left to run alone at the end
        ordered = sorted(missing.items(), key=lambda item: item[1].size, reverse=True)
        with phase(self._progress, "upload", _total(list(missing.values()))) as tell:
            for_each(ordered, partial(self._send_one, tell))

    def _send_one(self, tell: Progress, item: tuple[str, Content], stop: Event) -> None:
        digest, content = item

        def source(offset: int) -> Iterator[bytes]:
            return stoppable(content.open(offset), stop)

        try:
            self._backend.artifacts.put(digest, content.size, source, tell)
        except DigestMismatch as error:
            raise changed(content.name) from error

    # -- down ------------------------------------------------------------------------------------

    def manifest(self, version: ModelVersion) -> Manifest:
        """Return the files of a version, verified against the version's digest.

        Raises:
            NotReady: the version has none.
            Corrupt: the registry's manifest is not the one that the version names.
        """
        if version.digest is None:
            raise _without_files(version)
        kept = self._cache.blob(version.digest)
        if kept is not None:
            try:
                return Manifest.parse(kept.read_bytes(), digest=version.digest)
            except (Corrupt, InvalidInput):  # damaged here; the registry has it whole
                self._cache.drop(version.digest)
        manifest = self._backend.artifacts.manifest(version.model, version.version)
        if manifest.digest != version.digest:
            raise Corrupt(
                f"The manifest of {version.ref} has the digest {manifest.digest}, "
                f"but the version names {version.digest}.",
                hint=f"Run `muniment verify {version.ref}`.",
            )
        return manifest

    def pull(self, version: ModelVersion, paths: Sequence[str], to: Path | None) -> Path:
        """Bring the files of a version here (those at or below `paths`, if any).

        Returns:
            `to`, holding copies; without it a read-only folder of the cache, without any copy.
        """
        manifest = _selected(self.manifest(version), version, paths)
        missing = self._missing_here(manifest)
        with phase(self._progress, "download", sum(file.size for file in missing)) as tell:
            for_each(missing, partial(self._fetch_one, version, tell))
        if to is None:
            return self._cache.tree(manifest)
        for_each(manifest.files, lambda file, _stop: self._cache.copy(file, to))
        return to

    def _missing_here(self, manifest: Manifest) -> list[FileEntry]:
        """Return the files that must be fetched, one per digest, the largest first."""
        by_digest = {file.digest: file for file in manifest.files}
        missing = [
            file for file in by_digest.values() if not self._cache.blob(file.digest, file.size)
        ]
        return sorted(missing, key=lambda file: file.size, reverse=True)

    def cached(self, file: FileEntry) -> Path | None:
        """Return the verified local file that holds a file of a version, if there is one."""
        return self._cache.blob(file.digest, file.size)

    def _fetch_one(
        self, version: ModelVersion, tell: Progress, file: FileEntry, stop: Event
    ) -> None:
        here = self._backend.artifacts.local_path(file.digest)
        if here is not None:
            self._cache.adopt(file.digest, file.size, here)
            tell(file.size)
            return

        def source(offset: int) -> Iterator[bytes]:
            read = self._backend.artifacts.read
            return read(version.model, version.version, file.path, offset)

        try:
            self._cache.fetch(file.digest, file.size, source, tell, stop)
        except DigestMismatch as error:
            raise DigestMismatch(
                f"{file.path!r} of {version.ref}: {error.message}",
                hint=error.hint,
                details={**error.details, "path": file.path},
            ) from error


def _entry(tell: Progress, content: Content, stop: Event) -> FileEntry:
    sha256 = hashlib.sha256()
    for piece in stoppable(content.open(0), stop):
        sha256.update(piece)
        tell(len(piece))
    return FileEntry(content.path, sha256.hexdigest(), content.size, content.media_type)


def _total(contents: Sequence[Content]) -> int:
    return sum(content.size for content in contents)


def _selected(manifest: Manifest, version: ModelVersion, paths: Sequence[str]) -> Manifest:
    if not paths:
        return manifest
    found = {path: list(manifest.under(path)) for path in paths}
    for path, files in found.items():
        if not files:
            raise NotFound(
                f"{version.ref} has no file and no folder {path!r:.300}.",
                hint=f"`muniment show {version.ref}` lists its files.",
            )
    return Manifest.of({file.path: file for file in chain(*found.values())}.values())


def _without_files(version: ModelVersion) -> NotReady:
    if version.source_uri:
        return NotReady(
            f"{version.ref} has no files here: it points at {version.source_uri!r:.300}.",
            details={"status": version.status.value, "source_uri": version.source_uri},
        )
    why = f": {version.status_message}" if version.status_message else ""
    return NotReady(
        f"{version.ref} has no files: it is {version.status}{why:.300}.",
        hint="Choose a version that is READY, or wait for this one.",
        details={"status": version.status.value},
    )
