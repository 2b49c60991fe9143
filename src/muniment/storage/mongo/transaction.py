"""The inside of one `transact`: reads from the database, under writes that are kept in memory.

    reads    written so far in here, or else what the database has
    writes   stay here; `commit` makes one document of all of them

What is read must be of the state that the model's document shows. A document that a later commit
has written says so, and the decision begins anew (`Torn`).
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from muniment.domain.activities import Activity, Entry, chain
from muniment.domain.entities import Reference, ReferenceKind, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.errors import AlreadyExists
from muniment.storage.metadata import ModelKey, Remembered, Transaction
from muniment.storage.mongo import documents, entries
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.counters import next_id
from muniment.storage.mongo.manifests import refuse_missing
from muniment.storage.mongo.names import Names, name_id, names_of, slug_id
from muniment.storage.mongo.record_writes import MongoRecordTransaction
from muniment.storage.mongo.version_writes import MongoVersionTransaction


class MongoTransaction(MongoVersionTransaction, MongoRecordTransaction, Transaction):
    """See `muniment.storage.metadata.Transaction`. For one thread.

    `base` is the model's document, if there is one.
    """

    def __init__(
        self, connection: Connection, names: Names, key: ModelKey, base: Document | None
    ) -> None:
        super().__init__(connection, key, base)
        self._names = names
        self._references: dict[tuple[str, str], Reference] = {
            (reference.kind.value, reference.name): reference
            for reference in (() if base is None else documents.references_of(base))
        }
        self._remembered: dict[str, Remembered] = {}
        self._activities: list[Activity] = []
        self._manifests: dict[str, Manifest] = {}

    # -- reading ---------------------------------------------------------------------------------

    def references(self, version: int | None = None) -> Sequence[Reference]:
        return [
            reference
            for _, reference in sorted(self._references.items())
            if version in (None, reference.version)
        ]

    def reference(self, kind: ReferenceKind, name: str) -> Reference | None:
        return self._references.get((kind.value, name))

    def slug_taken(self, slug: str) -> bool:
        return self._is_taken(slug_id(self._workspace, slug))

    def name_taken(self, name: str) -> bool:
        return self._is_taken(name_id(self._workspace, name))

    def remembered(self, key: str) -> Remembered | None:
        if self._model is None:
            return None
        if key in self._remembered:
            return self._remembered[key]
        with self._db.guarded():
            found = self._db["remembered"].find_one({"_id": f"{self._model.id}/{key}"})
        if found is None:
            return None
        self._check(found)
        return entries.remembered_from(found)

    # -- writing ---------------------------------------------------------------------------------

    def add_model(self, model: RegisteredModel) -> RegisteredModel:
        self._refuse_taken(model, names_of(model))
        if self._base is not None:
            raise _taken(model, name_id(model.workspace, model.name))
        self._model = replace(
            model,
            id=next_id(self._db, "model"),
            workspace=self._workspace,
            aliases={},
            activity_count=0,
            activity_head="",
        )
        self._is_changed = True
        return self._model

    def save_model(self, model: RegisteredModel) -> None:
        old = self._held()
        new = replace(
            model,
            id=old.id,
            uuid=old.uuid,
            workspace=old.workspace,
            aliases=old.aliases,
            activity_count=old.activity_count,
            activity_head=old.activity_head,
        )
        self._refuse_taken(new, names_of(new) - names_of(old))
        self._model = new
        self._is_changed = True

    def purge_version(self, number: int) -> None:
        if self.version(number) is None:
            return
        for reference in self.references(number):
            self.drop_reference(reference.kind, reference.name)
        self.drop_records_of(number)
        self.drop_version(number)

    def save_reference(self, reference: Reference) -> None:
        self._held()
        self._references[reference.kind.value, reference.name] = reference
        self._show_aliases()

    def drop_reference(self, kind: ReferenceKind, name: str) -> None:
        self._held()
        if self._references.pop((kind.value, name), None) is not None:
            self._show_aliases()

    def add_manifest(self, manifest: Manifest) -> None:
        refuse_missing(self._db, manifest)
        self._manifests[manifest.digest] = manifest

    def remember(self, record: Remembered) -> None:
        self._held()
        if self.remembered(record.key) is not None:
            raise AlreadyExists(
                f"The idempotency key {record.key!r:.200} is in use.",
                hint="Use a new key for a new request.",
            )
        self._remembered[record.key] = record
        self._is_changed = True

    def record(self, entry: Entry) -> Activity:
        model = self._held()
        activity = chain(
            entry,
            model_uuid=model.uuid,
            sequence=model.activity_count + 1,
            previous=model.activity_head,
        )
        self._activities.append(activity)
        self._model = replace(model, activity_count=activity.sequence, activity_head=activity.hash)
        self._is_changed = True
        return activity

    # -- the commit ------------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to commit."""
        return self._is_changed

    @property
    def place(self) -> tuple[int, int]:
        """The model's id, and the sequence that the commit is to have."""
        return self._held().id, self._sequence + 1

    @property
    def taken_names(self) -> frozenset[str]:
        """The names that the model must take for the commit."""
        return names_of(self._model) - names_of(self._base)

    @property
    def manifests(self) -> Sequence[Manifest]:
        """The manifests that were made known."""
        return [*self._manifests.values()]

    def commit(self) -> Document:
        """Return all of the writes as one document; see `commits`."""
        model = self._held()
        model_id, sequence = self.place
        added: list[Document] = []
        changed: list[Document] = []
        self.write_versions(added, changed)
        self.write_records(added, changed)
        added += (
            {"c": "remembered", "d": entries.remembered_document(model_id, record)}
            for record in self._remembered.values()
        )
        added += (
            {"c": "activities", "d": entries.activity_document(activity, model)}
            for activity in self._activities
        )
        shown = documents.model_document(model, self.references())
        if self._activities:
            shown["behind"] = True
        return {
            "_id": f"{model_id}/{sequence}",
            "model_id": model_id,
            "seq": sequence,
            "token": uuid4().hex,
            "pending": True,
            "added": added,
            "changed": changed,
            "touched_at": self.touched_at,
            "purged": self.purged,
            "model": shown,
            "released": sorted(names_of(self._base) - names_of(model)),
            "manifests": sorted(self._manifests),
        }

    # -- within ----------------------------------------------------------------------------------

    def _is_taken(self, name: str) -> bool:
        if name in names_of(self._model):
            return True
        bearer = self._names.bearer(name)
        return bearer is not None and (self._base is None or bearer["id"] != self._base.id)

    def _refuse_taken(self, model: RegisteredModel, names: Iterable[str]) -> None:
        for name in sorted(names):
            if self._is_taken(name):
                raise _taken(model, name)

    def _show_aliases(self) -> None:
        aliases = {
            reference.name: reference.version
            for reference in self.references()
            if reference.kind is ReferenceKind.ALIAS
        }
        self._model = replace(self._held(), aliases=aliases)
        self._is_changed = True


def _taken(model: RegisteredModel, name: str) -> AlreadyExists:
    if name == slug_id(model.workspace, model.slug):
        return AlreadyExists(
            f"Another model of the workspace has the slug {model.slug!r}.",
            hint="Choose another slug.",
            details={"field": "slug"},
        )
    return AlreadyExists(
        f"There is a model {model.name!r:.200} already.",
        hint="Choose another name.",
        details={"field": "name"},
    )
