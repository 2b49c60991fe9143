"""The inside of one `transact`: reads and writes of one model, on the connection that writes.

Rows of versions, references and history are written at once. The model's own row, which nearly
every change touches more than once, is written when the transaction ends, or at once where its
name, slug or deletion changes, so that a name that is taken raises where it was asked for.
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime

import orjson
from sqlalchemy.exc import IntegrityError

from muniment.domain.activities import Activity, Entry, chain
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
)
from muniment.domain.manifest import Manifest
from muniment.domain.replacing import replace
from muniment.domain.stages import stage_key
from muniment.domain.values import from_millis, to_millis
from muniment.errors import AlreadyExists, NotFound
from muniment.storage.metadata import ModelId, ModelKey, Remembered, Transaction
from muniment.storage.sql import blobs, properties, records, rows, use_counts, writes
from muniment.storage.sql.engine import Cell, Prepared, Row, Session
from muniment.storage.sql.properties import MODEL_PROPERTIES, VERSION_PROPERTIES
from muniment.storage.sql.record_store import SqlRecordTransaction


class SqlTransaction(SqlRecordTransaction, Transaction):
    """See `muniment.storage.metadata.Transaction`. For one thread; ends with `finish`."""

    def __init__(self, session: Session, workspace_id: int, key: ModelKey) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self._key = key
        self._model: RegisteredModel | None = None
        self._stored: dict[str, Cell] = {}  # the model's row, as the database has it
        self._versions: dict[int, ModelVersion] = {}
        self._stored_versions: dict[int, rows.Cells] = {}
        self._load()

    def finish(self) -> None:
        """Write what is left to write."""
        if self._model is not None:
            cells = _model_cells(self._model)
            writes.SAVE_MODEL.run(self._session, self._model.id, rows.changes(self._stored, cells))
            self._stored = cells

    # -- reading ---------------------------------------------------------------------------------

    def model(self) -> RegisteredModel | None:
        return self._model

    def version(self, number: int) -> ModelVersion | None:
        known = self._versions.get(number)
        return known or self._one(writes.VERSION, number=number)

    def version_by_label(self, label: str) -> ModelVersion | None:
        return self._one(writes.BY_LABEL, label=label)

    def versions_in_stage(self, stage: str) -> Sequence[ModelVersion]:
        if self._model is None:
            return ()
        found = writes.IN_STAGE.all(
            self._session,
            model_id=self._model.id,
            stage=stage,
            stage_key=stage_key(stage),
        )
        return [self._seen(row) for row in found]

    def newest_ready(self) -> ModelVersion | None:
        return self._one(writes.NEWEST_READY)

    def sealed_before(self, number: int) -> ModelVersion | None:
        return self._one(writes.SEALED_BEFORE, number=number)

    def references(self, version: int | None = None) -> Sequence[Reference]:
        if self._model is None:
            return ()
        if version is None:
            found = writes.REFERENCES.all(self._session, model_id=self._model.id)
        else:
            found = writes.REFERENCES_TO.all(self._session, model_id=self._model.id, number=version)
        return [rows.reference_from(row) for row in found]

    def reference(self, kind: ReferenceKind, name: str) -> Reference | None:
        if self._model is None:
            return None
        row = writes.REFERENCE.one(
            self._session, model_id=self._model.id, kind=kind.value, name=name
        )
        return None if row is None else rows.reference_from(row)

    def slug_taken(self, slug: str) -> bool:
        row = writes.SLUG_TAKEN.one(self._session, workspace_id=self._workspace_id, slug=slug)
        return row is not None

    def name_taken(self, name: str) -> bool:
        row = writes.NAME_TAKEN.one(self._session, workspace_id=self._workspace_id, name=name)
        return row is not None

    def remembered(self, key: str) -> Remembered | None:
        if self._model is None:
            return None
        row = writes.REMEMBERED.one(self._session, model_id=self._model.id, key=key)
        return None if row is None else Remembered(key, row[0], row[1], from_millis(row[2]))

    # -- writing ---------------------------------------------------------------------------------

    def add_model(self, model: RegisteredModel) -> RegisteredModel:
        added = replace(model, aliases={}, activity_count=0, activity_head="")
        cells = _model_cells(added)
        row_id = writes.ADD_MODEL.run(
            self._session,
            uuid=added.uuid,
            workspace_id=self._workspace_id,
            dispatched=0,
            **cells,
        )
        if row_id is None:
            self._refuse_taken(model, name=True, slug=True)
            raise _model_taken(model.name)
        self._model = replace(added, id=row_id)
        self._stored = cells
        self._versions.clear()
        MODEL_PROPERTIES.replace(
            self._session, self._workspace_id, row_id, {}, properties.of(added.tags)
        )
        return self._model

    def save_model(self, model: RegisteredModel) -> None:
        old = self._held()
        new = _kept(model, old)
        self._model = new
        if (old.name, old.slug, old.deleted_at) != (new.name, new.slug, new.deleted_at):
            revived = old.deleted_at is not None
            if new.deleted_at is None:
                self._refuse_taken(
                    new, name=revived or new.name != old.name, slug=revived or new.slug != old.slug
                )
            if old.name != new.name:
                self._versions.clear()
            try:
                with self._session.undoable():
                    self.finish()
            except IntegrityError as error:
                raise _model_taken(new.name) from error
        if new.tags is not old.tags:
            before, after = properties.of(old.tags), properties.of(new.tags)
            MODEL_PROPERTIES.replace(self._session, self._workspace_id, new.id, before, after)

    def add_version(self, version: ModelVersion) -> ModelVersion:
        model, cells = self._held(), rows.version_cells(version)
        row_id = writes.ADD_VERSION.run(
            self._session,
            uuid=version.uuid,
            workspace_id=self._workspace_id,
            model_id=model.id,
            aliases="[]",
            **cells,
        )
        if row_id is None:
            raise _version_taken(version)
        added = replace(version, id=row_id, workspace=model.workspace, model=model.name, aliases=())
        VERSION_PROPERTIES.replace(
            self._session,
            self._workspace_id,
            row_id,
            {},
            _properties_of(added),
            model_id=model.id,
        )
        self._versions[added.version], self._stored_versions[added.version] = added, cells
        return added

    def save_version(self, version: ModelVersion) -> None:
        model, old = self._held(), self.version(version.version)
        if old is None:
            raise NotFound(f"There is no version {version.version} of {model.name!r:.200}.")
        stored = self._stored_versions[old.version]
        cells = rows.changes(stored, rows.version_cells(version))
        may_be_taken = not cells.keys().isdisjoint(("label", "deleted_at"))
        try:
            with self._session.undoable() if may_be_taken else nullcontext():
                writes.SAVE_VERSION.run(self._session, old.id, cells)
        except IntegrityError as error:
            raise _version_taken(version) from error
        stored |= cells
        if (
            version.tags is not old.tags
            or version.params is not old.params
            or version.metrics is not old.metrics
        ):
            VERSION_PROPERTIES.replace(
                self._session,
                self._workspace_id,
                old.id,
                _properties_of(old),
                _properties_of(version),
                model_id=model.id,
            )
        self._versions[old.version] = _kept_version(version, old)

    def touch_versions(self, at: datetime) -> None:
        writes.TOUCH_VERSIONS.run(self._session, model_id=self._held().id, at=to_millis(at))
        self._versions.clear()

    def purge_version(self, number: int) -> None:
        version = self.version(number)
        if version is None:
            return
        for reference in self.references(number):
            self.drop_reference(reference.kind, reference.name)
        VERSION_PROPERTIES.clear(self._session, version.id)
        records.drop_version(self._session, self._workspace_id, self._held().id, number)
        writes.PURGE_VERSION.run(self._session, id=version.id)
        use_counts.drop_version(self._session, self._held().id, number)  # no more can come
        self._versions.pop(number, None)

    def save_reference(self, reference: Reference) -> None:
        model = self._held()
        present = self.reference(reference.kind, reference.name)
        self._drop(model, reference.kind, reference.name)
        writes.ADD_REFERENCE.run(
            self._session, model_id=model.id, **rows.reference_cells(reference)
        )
        if reference.kind is ReferenceKind.ALIAS:
            aliases = {**model.aliases, reference.name: reference.version}
            moved_from = {present.version} if present else set()
            self._show_aliases(aliases, moved_from | {reference.version})

    def drop_reference(self, kind: ReferenceKind, name: str) -> None:
        model, present = self._held(), self.reference(kind, name)
        if present is None:
            return
        self._drop(model, kind, name)
        if kind is ReferenceKind.ALIAS:
            aliases = {alias: n for alias, n in model.aliases.items() if alias != name}
            self._show_aliases(aliases, {present.version})

    def add_manifest(self, manifest: Manifest) -> None:
        blobs.add_manifest(self._session, manifest)

    def remember(self, record: Remembered) -> None:
        added = writes.REMEMBER.run(
            self._session,
            model_id=self._held().id,
            key=record.key,
            request=record.request,
            number=record.number,
            at=to_millis(record.at),
        )
        if not added:
            raise AlreadyExists(
                f"The idempotency key {record.key!r:.200} is in use.",
                hint="Use a new key for a new request.",
            )

    def record(self, entry: Entry) -> Activity:
        model = self._held()
        activity = chain(
            entry,
            model_uuid=model.uuid,
            sequence=model.activity_count + 1,
            previous=model.activity_head,
        )
        writes.ADD_ACTIVITY.run(
            self._session,
            workspace_id=self._workspace_id,
            model_id=model.id,
            **rows.activity_cells(activity),
        )
        self._model = replace(model, activity_count=activity.sequence, activity_head=activity.hash)
        return activity

    # -- within ----------------------------------------------------------------------------------

    def _load(self) -> None:
        key = self._key
        if isinstance(key, ModelId):
            row = writes.MODEL_BY_ID.one(self._session, workspace_id=self._workspace_id, id=key.id)
        else:
            row = writes.MODEL_BY_NAME.one(
                self._session, workspace_id=self._workspace_id, name=key.name
            )
        if row is not None:
            self._model = rows.model_from(row, key.workspace)
            self._stored = rows.cells_of_model(row)

    def _held(self) -> RegisteredModel:
        if self._model is None:
            raise NotFound(f"There is no model for {self._key}.")
        return self._model

    def _one(self, statement: Prepared, **parameters: Cell) -> ModelVersion | None:
        if self._model is None:
            return None
        row = statement.one(self._session, model_id=self._model.id, **parameters)
        return None if row is None else self._seen(row)

    def _seen(self, row: Row) -> ModelVersion:
        version = rows.version_from(row, self._held().workspace)
        self._versions[version.version] = version
        self._stored_versions[version.version] = rows.cells_of_version(row)
        return version

    def _refuse_taken(self, model: RegisteredModel, *, name: bool, slug: bool) -> None:
        if name and self.name_taken(model.name):
            raise _model_taken(model.name)
        if slug and self.slug_taken(model.slug):
            raise AlreadyExists(
                f"Another model of the workspace has the slug {model.slug!r}.",
                hint="Choose another slug.",
                details={"field": "slug"},
            )

    def _drop(self, model: RegisteredModel, kind: ReferenceKind, name: str) -> None:
        writes.DROP_REFERENCE.run(self._session, model_id=model.id, kind=kind.value, name=name)

    def _show_aliases(self, aliases: dict[str, int], numbers: set[int]) -> None:
        """Write the aliases into the rows that show them: the model's, and these versions'."""
        in_order = dict(sorted(aliases.items()))
        self._model = replace(self._held(), aliases=in_order)
        for number in numbers:
            version = self.version(number)
            if version is not None:
                names = tuple(alias for alias, n in in_order.items() if n == number)
                cells: dict[str, Cell] = {"aliases": orjson.dumps(names).decode()}
                writes.SAVE_VERSION.run(self._session, version.id, cells)
                self._versions[number] = replace(version, aliases=names)


def _kept(model: RegisteredModel, old: RegisteredModel) -> RegisteredModel:
    """Return the model with what a save does not change."""
    if (
        model.aliases is old.aliases
        and model.activity_head == old.activity_head
        and (model.id, model.uuid, model.workspace) == (old.id, old.uuid, old.workspace)
    ):
        return model  # as it nearly always is
    return replace(
        model,
        id=old.id,
        uuid=old.uuid,
        workspace=old.workspace,
        aliases=old.aliases,
        activity_count=old.activity_count,
        activity_head=old.activity_head,
    )


def _kept_version(version: ModelVersion, old: ModelVersion) -> ModelVersion:
    """Return the version with what a save does not change."""
    if version.aliases is old.aliases and (
        (version.id, version.uuid, version.workspace, version.model)
        == (old.id, old.uuid, old.workspace, old.model)
    ):
        return version  # as it nearly always is
    return replace(
        version,
        id=old.id,
        uuid=old.uuid,
        workspace=old.workspace,
        model=old.model,
        aliases=old.aliases,
    )


def _model_cells(model: RegisteredModel) -> dict[str, Cell]:
    return {
        **rows.model_cells(model),
        "aliases": orjson.dumps(dict(model.aliases)).decode(),
        "activity_count": model.activity_count,
        "activity_head": model.activity_head,
    }


def _properties_of(version: ModelVersion) -> properties.Properties:
    return properties.of(version.tags, version.params, version.metrics)


def _model_taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"There is a model {name!r:.200} already.",
        hint="Choose another name.",
        details={"field": "name"},
    )


def _version_taken(version: ModelVersion) -> AlreadyExists:
    return AlreadyExists(
        f"{version.model!r:.200} has a version {version.version}, or one with the label "
        f"{version.label!r}, already.",
        hint="Choose another number or label.",
        details={"version": version.version},
    )
