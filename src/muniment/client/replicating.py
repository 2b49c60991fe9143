"""Versions of one registry, copied to another: from development to production, say.

    source                                             target
    versions of the chosen models ──> is a version of the same digest there? ── yes: nothing
                                      no ──> which blobs are missing? ──> those, streamed through
                                             one commit: the version, and where it came from

The same digest is the same content. So it may be run as often as one likes, and goes on where it
was stopped. Nothing is kept on this machine. Numbers, stages and history are each registry's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Final
from uuid import uuid4

from muniment.client.backend import Backend, Progress
from muniment.client.credentials import without_secrets
from muniment.client.parallel import for_each, stoppable
from muniment.client.progress import ProgressOption, phase
from muniment.client.registry import Registry
from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.patterns import matches
from muniment.domain.stages import stage_key
from muniment.domain.values import JsonObject
from muniment.errors import AlreadyExists, DigestMismatch, MissingBlobs, NotFound

FROM: Final = "muniment.replicated_from"
UUID: Final = "muniment.replicated_uuid"
"""Tags of a copy: the address and reference of what it was made from, and its uuid."""

COMMITS: Final = 3
"""How often a commit is tried when bytes were collected as garbage between upload and commit."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A version of the source, and what it is in the target.

    `target` is None if it would be copied (a dry run); `bytes` were sent for it.
    """

    source: ModelVersion
    target: ModelVersion | None
    copied: bool
    bytes: int = 0

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {
            "source": self.source.ref,
            "target": None if self.target is None else self.target.ref,
            "digest": self.source.digest,
            "copied": self.copied,
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which versions: of models that fit a pattern, in a stage, meant by an alias. None: any."""

    models: Collection[str] = ("*",)
    stage: str | None = None
    alias: str | None = None

    def of(self, source: Registry) -> Iterator[tuple[RegisteredModel, Sequence[ModelVersion]]]:
        """Yield the models by name, each with its chosen versions, the oldest first."""
        for model in source.models():
            if any(matches(pattern, model.name) for pattern in self.models):
                found = filter(self._chooses, source.versions(model=model.name))
                yield model, [*found][::-1]

    def _chooses(self, version: ModelVersion) -> bool:
        return (
            version.status is Status.READY
            and (self.stage is None or stage_key(version.stage) == stage_key(self.stage))
            and (self.alias is None or self.alias in version.aliases)
        )


def replicate(
    source: Registry,
    target: Registry,
    selection: Selection,
    *,
    with_aliases: bool = False,
    dry_run: bool = False,
    progress: ProgressOption = None,
) -> Iterator[Replica]:
    """Copy the chosen versions that the target lacks; yield each when it is there.

    Args:
        with_aliases: whether aliases of a chosen version are to mean its copy, too.
        dry_run: whether only to say what would be copied.

    Raises:
        NotReady: a version has no files any more.
        DigestMismatch: a file is damaged in the source; its version was not copied.
        PermissionDenied: the target does not let the caller push.
    """
    replicator = _Replicator(source, target, progress)
    for model, versions in selection.of(source):
        for version in versions:
            copy = replicator.found(version)
            if copy is not None:
                replica = Replica(version, copy, copied=False)
            elif dry_run:
                replica = Replica(version, None, copied=True)
            else:
                replica = replicator.copy(model, version)
            if with_aliases and replica.target is not None and not dry_run:
                replicator.set_aliases(replica.target, version.aliases)
            yield replica


class _Replicator:
    def __init__(self, source: Registry, target: Registry, progress: ProgressOption) -> None:
        self._source, self._target = source, target
        self._from: Backend = source.backend
        self._to: Backend = target.backend
        self._progress = progress

    def found(self, version: ModelVersion) -> ModelVersion | None:
        """Return the newest version of the target that is the same already."""
        wanted = f"tags.`{UUID}` = '{version.uuid}'"
        if version.digest is not None:
            wanted = f"digest = '{version.digest}'"
        found = self._to.catalog.search_versions
        try:
            page = found(wanted, model=version.model, page_size=1)
        except NotFound:
            return None
        return next(iter(page.items), None)

    def copy(self, model: RegisteredModel, version: ModelVersion) -> Replica:
        """Copy one version."""
        self._ensure_model(model)
        new = NewVersion(
            label=version.label,
            description=version.description,
            tags={**version.tags, FROM: self._origin(version), UUID: version.uuid},
            params=version.params,
            metrics=version.metrics,
            framework=version.framework,
            signature=version.signature,
            source_uri=version.source_uri,
            location=version.location if version.digest is None else "",
            run_id=version.run_id,
            run_link=version.run_link,
        )
        if version.digest is None:
            return Replica(version, self._commit(version, new), copied=True)
        manifest = self._source.manifest(version)
        for attempt in range(1, COMMITS + 1):
            sent = self._send(version, manifest)
            try:
                copy = self._commit(version, replace(new, files=manifest))
            except MissingBlobs:
                if attempt == COMMITS:
                    raise
            else:
                return Replica(version, copy, copied=True, bytes=sent)
        raise AssertionError("the last commit returns or raises")

    def set_aliases(self, copy: ModelVersion, aliases: Collection[str]) -> None:
        """Let aliases mean the copy, if they do not yet."""
        for alias in aliases:
            if alias not in copy.aliases:
                self._to.catalog.set_alias(copy.model, alias, copy.version)

    def _ensure_model(self, model: RegisteredModel) -> None:
        changes = ModelChanges(description=model.description, tags=dict(model.tags))
        try:
            self._to.catalog.model(model.name)
        except NotFound:
            try:
                self._to.catalog.create_model(model.name, changes)
            except AlreadyExists:
                return  # made by somebody else at this moment

    def _commit(self, version: ModelVersion, new: NewVersion) -> ModelVersion:
        key = uuid4().hex
        create = self._to.catalog.create_version
        try:
            return create(version.model, new, idempotency_key=key)
        except AlreadyExists:
            if new.label is None:
                raise
            # labels are each registry's own: the tag tells which version it was
            return create(version.model, replace(new, label=None), idempotency_key=uuid4().hex)

    def _send(self, version: ModelVersion, manifest: Manifest) -> int:
        """Stream what the target lacks; return how many bytes."""
        by_digest = {file.digest: file for file in manifest.files}
        missing = [by_digest[digest] for digest in self._to.artifacts.missing(by_digest)]
        missing.sort(key=lambda file: file.size, reverse=True)
        total = sum(file.size for file in missing)
        with phase(self._progress, version.ref, total) as tell:
            for_each(missing, partial(self._send_one, version, tell))
        return total

    def _send_one(
        self, version: ModelVersion, tell: Progress, file: FileEntry, stop: Event
    ) -> None:
        def read(offset: int) -> Iterator[bytes]:
            pieces = self._from.artifacts.read(version.model, version.version, file.path, offset)
            return stoppable(pieces, stop)

        try:
            self._to.artifacts.put(file.digest, file.size, read, tell)
        except DigestMismatch as error:
            raise DigestMismatch(
                f"{file.path!r:.300} of {version.ref} is damaged in {self._address}: "
                f"{error.message}",
                hint=f"Run `muniment verify {version.ref}` there.",
                details={**error.details, "path": file.path},
            ) from error

    def _origin(self, version: ModelVersion) -> str:
        return f"{self._address} {version.workspace}/{version.ref}"

    @property
    def _address(self) -> str:
        return without_secrets(self._source.address)
