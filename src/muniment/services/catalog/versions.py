"""Model versions: create, seal, change, delete, restore.

files given ────────────────────────────────┐
(none) ── pending ──> PENDING ── seal ──────┴──> READY, with content
                         └────── fail ─────────> FAILED
(none) ── source_uri ──> READY, a pointer ── seal (ingest) ──> READY, with content
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from muniment.domain import names
from muniment.domain.access import Asked, Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.changes import NOTHING, NewVersion, VersionChanges
from muniment.domain.deployments import UseKind
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.manifest import Manifest
from muniment.domain.refs import Ref
from muniment.domain.replacing import replace
from muniment.domain.stages import PREDEFINED, find_stage
from muniment.domain.values import JsonObject, canonical_json, sha256_hex
from muniment.errors import AlreadyExists, Conflict, NotFound
from muniment.services.artifacts.content import keep_manifest
from muniment.services.base import (
    check_revision,
    live_model,
    live_version,
    no_model,
    no_version,
    same,
)
from muniment.services.catalog.models import Models, check_same_request, refuse_protected
from muniment.services.checking.due import note_due
from muniment.services.lineage.edges import details_of, first_edges, kept_edge
from muniment.services.usage.in_use import recent_uses, refuse_in_use
from muniment.storage.metadata import Remembered, Transaction


class Versions(Models):
    """The part of the catalog that is about versions."""

    def create_version(
        self,
        model: str,
        new: NewVersion,
        *,
        create_model: bool = False,
        idempotency_key: str | None = None,
    ) -> ModelVersion:
        """Add a version; with files this is the one commit that makes it visible, READY."""
        names.check_model_name(model)
        self._require(Verb.CREATE_VERSION)  # at all; for this model when it is known
        new = new.checked()
        request = new.fingerprint() if idempotency_key else ""
        if new.files is not None:
            keep_manifest(self._ports, self._caller, new.files)

        def decide(tx: Transaction) -> ModelVersion:
            parent = tx.model()
            if parent is not None:
                if create_model and not self._caller.principal.may(Verb.READ, Asked.about(parent)):
                    # As if there were none, so that the refusal does not tell of it.
                    self._require(Verb.CREATE_MODEL, Asked(model))
                self._permitted(Verb.CREATE_VERSION, parent)
            if parent is not None and idempotency_key:
                done = tx.remembered(idempotency_key)
                if done is not None and done.number is not None:
                    check_same_request(done, request)
                    return tx.version(done.number) or _gone(model, done.number)
            if parent is None:
                if not create_model:
                    raise no_model(model)
                self._require(Verb.CREATE_MODEL, Asked(model))
                self._require(Verb.CREATE_VERSION, Asked(model))
                parent = self._add_model(tx, model, NOTHING)
            version = self._add_version(tx, parent, new)
            if idempotency_key:
                tx.remember(
                    Remembered(idempotency_key, request, version.version, version.created_at)
                )
            return version

        if create_model:
            return self._transact_to_make(model, decide)
        return self._store.transact(self._key(model), decide)

    def version(self, model: str, number: int) -> ModelVersion:
        """Return a live version. Of consumers, only a job that names itself is noted."""
        version = self._numbered(model, number)
        if self._caller.consumer is not None:
            self._observe(version, UseKind.RESOLVE)
        return version

    def _numbered(self, model: str, number: int) -> ModelVersion:
        self._check_read(model)
        version = self._store.version(self._caller.workspace, model, number)
        if version is None:
            self.model(model)  # says so, if it is the model that is missing
            raise no_version(model, number)
        return version

    def version_by_uuid(self, uuid: str) -> ModelVersion:
        """Return a live version of any model. Raises NotFound."""
        version = self._store.version_by_uuid(self._caller.workspace, uuid)
        if version is None or not self._may_read(version.model):
            raise NotFound(f"There is no version with the uuid {uuid!r:.100}.")
        return version

    def check_may_add_version(self, model: str) -> None:
        """Raise NotFound or PermissionDenied unless the caller may, before bytes are fetched."""
        self._permitted(Verb.CREATE_VERSION, self.model(model))

    def check_label_is_free(self, model: str, label: str) -> None:
        """Raise AlreadyExists if a version has the label now: before bytes are sent in vain."""
        if not self._may_read(model):
            return  # the commit refuses, and says no more than it must
        if other := self._store.version_by_label(self._caller.workspace, model, label):
            raise _taken_label(other)

    def resolve(self, ref: Ref) -> ModelVersion:
        """Return the version that a reference means now.

        What follows the `/` is a stage if there is one of that name, else a label (`name/1.0.0`).
        It is noted that the caller used that version.
        """
        if ref.version is not None:
            found: ModelVersion | None = self._numbered(ref.model, ref.version)
        else:
            self._check_read(ref.model)
            found = self._find(ref)
        if found is None:
            self.model(ref.model)
            raise NotFound(
                f"{str(ref)!r:.300} names no version.",
                hint=f"`muniment ls {ref.model:.200}` lists versions, aliases and stages.",
            )
        self._observe(found, UseKind.RESOLVE)
        return found

    def _find(self, ref: Ref) -> ModelVersion | None:
        workspace, store = self._caller.workspace, self._store
        if ref.alias is not None and ref.alias.lower() != "latest":
            return store.version_by_alias(workspace, ref.model, ref.alias)
        if ref.stage is not None:
            stage = self.find_stage(ref.stage)
            if stage is None:
                return store.version_by_label(workspace, ref.model, ref.stage)
            return store.newest_version(workspace, ref.model, stage=stage)
        return store.newest_version(workspace, ref.model, digest=ref.digest)

    def find_stage(self, name: str) -> str | None:
        """Return the stage of the workspace that `name` means, whatever its case, or None."""
        found = find_stage(name, PREDEFINED)  # of which most are: no look into the store
        found = found or find_stage(name, self._store.stages(self._caller.workspace))
        return None if found is None else found.name

    def update_version(
        self, model: str, number: int, changes: VersionChanges, *, if_match: int | None = None
    ) -> ModelVersion:
        """Apply a merge patch. Tags alone don't count as an update of `updated_at`.

        A description always does, also if it is the old one.
        """

        def change(
            tx: Transaction, version: ModelVersion, now: datetime
        ) -> tuple[ModelVersion, ActivityKind, JsonObject]:
            changed = changes.apply(version)
            if changed.label != version.label:
                _refuse_taken_label(tx, changed.label)
            if changes.description is not None or (
                not changes.tags_only and changed != replace(version, tags=changed.tags)
            ):
                changed = replace(changed, updated_at=now)
            return changed, ActivityKind.VERSION_UPDATED, changes.to_json()

        return self._change(Verb.UPDATE_VERSION, model, number, if_match, change)

    def seal_version(
        self, model: str, number: int, files: Manifest, *, if_match: int | None = None
    ) -> ModelVersion:
        """Give a PENDING version, or a mere pointer, its content, once and for ever."""
        self._require(Verb.CREATE_VERSION)
        keep_manifest(self._ports, self._caller, files)

        def change(
            tx: Transaction, version: ModelVersion, now: datetime
        ) -> tuple[ModelVersion, ActivityKind, JsonObject]:
            if version.digest == files.digest:
                return version, ActivityKind.VERSION_SEALED, {}
            if version.digest is not None:
                raise Conflict(
                    f"Version {number} of {model!r:.200} is sealed already, with other content.",
                    hint="Create a new version; a sealed one never changes.",
                )
            if version.status is Status.FAILED:
                raise Conflict(f"Version {number} of {model!r:.200} has failed.")
            tx.add_manifest(files)
            sealed = replace(
                self._sealed(tx, live_model(tx, model), version, files), updated_at=now
            )
            sealed = note_due(self._ports, tx, sealed)
            return sealed, ActivityKind.VERSION_SEALED, _content(sealed)

        return self._change(Verb.CREATE_VERSION, model, number, if_match, change)

    def fail_version(
        self, model: str, number: int, message: str, *, if_match: int | None = None
    ) -> ModelVersion:
        """Say that a PENDING version will not come."""
        names.check_text(message, "message")

        def change(
            tx: Transaction, version: ModelVersion, now: datetime
        ) -> tuple[ModelVersion, ActivityKind, JsonObject]:
            if version.status is not Status.PENDING:
                raise Conflict(f"Version {number} of {model!r:.200} is {version.status}.")
            failed = replace(version, status=Status.FAILED, status_message=message, updated_at=now)
            return failed, ActivityKind.VERSION_FAILED, {"message": message}

        return self._change(Verb.CREATE_VERSION, model, number, if_match, change)

    def delete_version(
        self, model: str, number: int, *, force: bool = False, if_match: int | None = None
    ) -> ModelVersion:
        """Delete softly; its aliases are dropped. Its number is never used again.

        Raises:
            InUse: it is deployed, or a job has used it in the last week, and not `force`.
        """
        uses = () if force else recent_uses(self._ports, self._caller, model)

        def decide(tx: Transaction) -> ModelVersion:
            parent = self._model(tx, model, Verb.DELETE_VERSION)
            version = live_version(tx, parent, number)
            check_revision(version, if_match)
            refuse_protected(tx, model, number)
            if not force:
                refuse_in_use(tx, parent, number, uses)
            now = self._now(parent)
            references = tx.references(number)
            for reference in references:
                tx.drop_reference(reference.kind, reference.name)
            deleted = replace(
                version,
                deleted_at=now,
                updated_at=now,
                aliases=(),
                revision=version.revision + 1,
            )
            tx.save_version(deleted)
            tx.record(
                self._entry(
                    ActivityKind.VERSION_DELETED,
                    now,
                    version=number,
                    details={"aliases": list(version.aliases)},
                )
            )
            self._touch(tx, parent, now, count=-1)
            return deleted

        return self._store.transact(self._key(model), decide)

    def restore_version(
        self, model: str, number: int, *, if_match: int | None = None
    ) -> ModelVersion:
        """Undo `delete_version`; its aliases stay dropped."""

        def decide(tx: Transaction) -> ModelVersion:
            parent = self._model(tx, model, Verb.DELETE_VERSION)
            version = tx.version(number)
            if version is None:
                raise no_version(model, number)
            check_revision(version, if_match)
            if version.deleted_at is None:
                raise Conflict(f"Version {number} of {model!r:.200} is not deleted.")
            _refuse_taken_label(tx, version.label)
            now = self._now(parent)
            tx.save_version(
                replace(version, deleted_at=None, updated_at=now, revision=version.revision + 1)
            )
            tx.record(self._entry(ActivityKind.VERSION_RESTORED, now, version=number))
            self._touch(tx, parent, now, count=1)
            return live_version(tx, parent, number)

        return self._store.transact(self._key(model), decide)

    # -- inside a transaction --------------------------------------------------------------------

    def _add_version(
        self, tx: Transaction, model: RegisteredModel, new: NewVersion
    ) -> ModelVersion:
        _refuse_taken_label(tx, new.label)
        now, number = self._now(model), model.last_number + 1
        version = ModelVersion(
            id=0,
            uuid=uuid4().hex,
            workspace=model.workspace,
            model=model.name,
            version=number,
            created_at=now,
            updated_at=now,
            created_by=self._caller.actor,
            status=Status.PENDING if new.pending else Status.READY,
            label=new.label,
            description=new.description,
            tags=new.tags,
            params=new.params,
            metrics=new.metrics,
            framework=new.framework,
            signature=new.signature,
            source_uri=new.source_uri,
            location=new.location,
            run_id=new.run_id,
            run_link=new.run_link,
        )
        if new.files is not None:
            tx.add_manifest(new.files)
            version = self._sealed(tx, model, version, new.files)
        version = tx.add_version(note_due(self._ports, tx, version))
        details: JsonObject = {
            **_content(version),
            "description": version.description,
            "run_id": version.run_id,
            "tags": dict(version.tags),
        }
        tx.record(self._entry(ActivityKind.VERSION_CREATED, now, version=number, details=details))
        for edge in first_edges(version, new.origins):
            details = details_of(kept_edge(tx, edge))
            tx.record(self._entry(ActivityKind.LINEAGE_ADDED, now, version=number, details=details))
        tx.save_model(
            replace(
                model,
                last_number=number,
                latest=number if version.status is Status.READY else model.latest,
                version_count=model.version_count + 1,
                updated_at=now,
                revision=model.revision + 1,
            )
        )
        return version

    def _sealed(
        self, tx: Transaction, model: RegisteredModel, version: ModelVersion, files: Manifest
    ) -> ModelVersion:
        before = tx.sealed_before(version.version)
        parent = None if before is None else before.snapshot
        identity: JsonObject = {
            "manifest": files.digest,
            "model": model.uuid,
            "parent": parent,
            "version": version.version,
        }
        return replace(
            version,
            status=Status.READY,
            digest=files.digest,
            size=files.size,
            file_count=len(files.files),
            snapshot=sha256_hex(canonical_json(identity))[:40],
            parent=parent,
        )

    def _change(
        self,
        verb: Verb,
        model: str,
        number: int,
        if_match: int | None,
        change: Callable[
            [Transaction, ModelVersion, datetime], tuple[ModelVersion, ActivityKind, JsonObject]
        ],
    ) -> ModelVersion:
        """Save what `change` makes of a version, with its activity, unless nothing changed."""

        def decide(tx: Transaction) -> ModelVersion:
            parent = self._model(tx, model, verb)
            version = live_version(tx, parent, number)
            check_revision(version, if_match)
            now = self._now(parent)
            changed, kind, details = change(tx, version, now)
            if same(changed, version):
                return version
            tx.save_version(replace(changed, revision=version.revision + 1))
            tx.record(self._entry(kind, now, version=number, details=details))
            if changed.status is not version.status:
                self._touch(tx, parent, now)
            return live_version(tx, parent, number)

        return self._store.transact(self._key(model), decide)

    def _touch(
        self, tx: Transaction, model: RegisteredModel, now: datetime, *, count: int = 0
    ) -> None:
        """Bring the model's counters and time up to date after a change of its versions."""
        newest = tx.newest_ready()
        tx.save_model(
            replace(
                model,
                latest=None if newest is None else newest.version,
                version_count=model.version_count + count,
                updated_at=now,
                revision=model.revision + 1,
            )
        )


def _refuse_taken_label(tx: Transaction, label: str | None) -> None:
    if label and (other := tx.version_by_label(label)):
        raise _taken_label(other)


def _taken_label(other: ModelVersion) -> AlreadyExists:
    return AlreadyExists(
        f"Version {other.version} of {other.model!r:.200} has the label {other.label!r} already.",
        hint="Choose another label, or remove it there.",
        details={"version": other.version},
    )


def _content(version: ModelVersion) -> JsonObject:
    """What a version is made of, for its history."""
    return {
        "digest": version.digest,
        "label": version.label,
        "snapshot": version.snapshot,
        "source_uri": version.source_uri,
        "status": version.status.value,
    }


def _gone(model: str, number: int) -> ModelVersion:
    raise no_version(model, number)
