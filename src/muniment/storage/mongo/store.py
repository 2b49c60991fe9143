"""The MetadataStore over MongoDB."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

from pymongo import errors

from muniment.domain.activities import Activity
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    RegisteredModel,
    Status,
    Upload,
    Workspace,
)
from muniment.domain.query import Cursor, Query
from muniment.domain.stages import stage_key
from muniment.domain.values import to_millis
from muniment.errors import MunimentError, NotFound
from muniment.storage.metadata import (
    BlobRecord,
    MetadataStore,
    ModelId,
    ModelKey,
    StorageTotals,
    Transaction,
)
from muniment.storage.mongo import (
    accounts_documents,
    audit,
    collections,
    documents,
    entries,
    history,
    webhooks_documents,
)
from muniment.storage.mongo.accounts import MongoAccountStore
from muniment.storage.mongo.blobs import Blobs
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection, Document, Documents
from muniment.storage.mongo.counters import next_id
from muniment.storage.mongo.document_store import MongoDocumentStore
from muniment.storage.mongo.file_store import MongoFileStore
from muniment.storage.mongo.files import Files
from muniment.storage.mongo.leases import MongoLeaseStore
from muniment.storage.mongo.manifests import Manifests
from muniment.storage.mongo.names import Names, name_id, slug_id
from muniment.storage.mongo.reads import Reads
from muniment.storage.mongo.record_store import MongoRecordStore
from muniment.storage.mongo.search import Search
from muniment.storage.mongo.uses import Uses
from muniment.storage.mongo.webhooks import MongoWebhookStore
from muniment.storage.mongo.whole_store import MongoWholeStore
from muniment.storage.mongo.writing import Writing

T = TypeVar("T")
_INDEXES: Final = {
    **collections.INDEXES,
    **accounts_documents.INDEXES,
    **audit.INDEXES,
    **webhooks_documents.INDEXES,
}


class MongoMetadataStore(
    MongoFileStore, MongoRecordStore, MongoDocumentStore, MongoWholeStore, MetadataStore
):
    """See `muniment.storage.metadata.MetadataStore`.

    `accounts`, `webhooks` and `leases` are in the same database.
    """

    def __init__(self, connection: Connection) -> None:
        self.accounts = MongoAccountStore(connection)
        self.webhooks = MongoWebhookStore(connection)
        self.leases = MongoLeaseStore(connection)
        self._db = connection
        self._commits = Commits(connection)
        self._names = Names(connection, self._commits)
        self._manifests = Manifests(connection, self._commits)
        self._blobs = Blobs(connection, self._manifests)
        self._files = Files(connection)
        self._uses = Uses(connection)
        self._reads = Reads(connection, self._commits, self._names)
        self._search = Search(connection, self._commits, self._names)
        self._writing = Writing(connection, self._commits, self._names, self._manifests)
        self._workspaces: set[str] = set()  # those known to exist; none is ever removed

    @classmethod
    def open(cls, url: str) -> MongoMetadataStore:
        """See `muniment.storage.mongo.open_mongo`."""
        connection = Connection.open(url)
        try:
            collections.prepare(connection, _INDEXES)
            store = cls(connection)
            store._commits.settle_all()
        except MunimentError:
            connection.close()
            raise
        return store

    @property
    def reads_are_local(self) -> bool:
        return False

    # -- writing ---------------------------------------------------------------------------------

    def transact(self, key: ModelKey, decide: Callable[[Transaction], T]) -> T:
        self._require_workspace(key.workspace)
        return self._writing.transact(key, decide)

    def ensure_workspace(self, name: str, now: datetime, *, uuid: str | None = None) -> Workspace:
        found = self._workspace(name)
        if found is None:
            made = {
                "_id": name,
                "id": next_id(self._db, "workspace"),
                "uuid": uuid or uuid4().hex,
                "created_at": to_millis(now),
            }
            try:
                with self._db.guarded():
                    self._db["workspaces"].insert_one(made)
                found = made
            except errors.DuplicateKeyError:
                found = self._workspace(name)
        assert found is not None  # noqa: S101  # workspaces are never removed
        return entries.workspace_from(found)

    # -- reading ---------------------------------------------------------------------------------

    def workspaces(self) -> Sequence[Workspace]:
        with self._db.guarded():
            found = list(self._db["workspaces"].find().sort("_id", 1))
        return [*map(entries.workspace_from, found)]

    def model(self, key: ModelKey) -> RegisteredModel | None:
        if isinstance(key, ModelId):
            return self._reads.model_by_id(key.workspace, key.id)
        return self._reads.model(name_id(key.workspace, key.name))

    def model_by_slug(self, workspace: str, slug: str) -> RegisteredModel | None:
        return self._reads.model(slug_id(workspace, slug))

    def version(self, workspace: str, model: str, number: int) -> ModelVersion | None:
        return self._reads.version(workspace, model, number)

    def version_by_alias(self, workspace: str, model: str, alias: str) -> ModelVersion | None:
        return self._reads.version_by_alias(workspace, model, alias)

    def version_by_label(self, workspace: str, model: str, label: str) -> ModelVersion | None:
        return self._reads.first_version(workspace, model, {"label": label})

    def version_by_uuid(self, workspace: str, uuid: str) -> ModelVersion | None:
        return self._reads.version_by_uuid(workspace, uuid)

    def newest_version(
        self, workspace: str, model: str, *, stage: str | None = None, digest: str | None = None
    ) -> ModelVersion | None:
        where: Document = {"status": Status.READY.value}
        if stage is not None:
            where["stage_key"] = stage_key(stage)
        if digest is not None:
            where["digest"] = digest
        return self._reads.first_version(workspace, model, where)

    def newest_in_stages(self, workspace: str, model_ids: Iterable[int]) -> Sequence[ModelVersion]:
        return self._reads.newest_in_stages(workspace, model_ids)

    def search_models(self, query: Query) -> Sequence[tuple[RegisteredModel, Cursor]]:
        return self._search.models(query)

    def search_versions(self, query: Query) -> Sequence[tuple[ModelVersion, Cursor]]:
        return self._search.versions(query)

    def activities(
        self,
        model_id: int,
        *,
        after: int = 0,
        limit: int,
        newest_first: bool = False,
        kinds: frozenset[str] | None = None,
        version: int | None = None,
        until: datetime | None = None,
    ) -> Sequence[Activity]:
        return history.of_model(
            self._db,
            model_id,
            after=after,
            limit=limit,
            newest_first=newest_first,
            kinds=kinds,
            version=version,
            until=until,
        )

    def references(self, workspace: str, model: str) -> Sequence[Reference]:
        found = self._names.bearer(name_id(workspace, model))
        return [] if found is None else documents.references_of(found)

    # -- blobs, uploads and garbage --------------------------------------------------------------

    def add_blob(self, digest: str, size: int, now: datetime) -> None:
        self._blobs.add(digest, size, now)

    def lease_blobs(self, digests: Iterable[str], now: datetime) -> dict[str, int]:
        return self._blobs.lease(digests, now)

    def collectable_blobs(
        self, leased_before: datetime, limit: int, *, deleted_before: datetime | None = None
    ) -> Sequence[BlobRecord]:
        return self._blobs.collectable(leased_before, limit, deleted_before)

    def collect_blob(
        self, digest: str, leased_before: datetime, remove: Callable[[], None]
    ) -> bool:
        return self._blobs.collect(digest, leased_before, remove)

    def known_blobs(self, digests: Iterable[str]) -> frozenset[str]:
        return self._blobs.known(digests)

    def purgeable(self, deleted_before: datetime, limit: int) -> Sequence[tuple[ModelId, int]]:
        return self._reads.purgeable(deleted_before, limit)

    def drop_unused_manifests(
        self, *, deleted_before: datetime | None = None, dry_run: bool = False
    ) -> int:
        if dry_run:
            return sum(1 for _ in self._manifests.unused(deleted_before))
        return self._manifests.drop_unused()

    def add_upload(self, upload: Upload) -> None:
        self._require_workspace(upload.workspace)
        with self._db.guarded():
            self._db["uploads"].insert_one(entries.upload_document(upload))

    def upload(self, workspace: str, upload_id: str) -> Upload | None:
        with self._db.guarded():
            found = self._db["uploads"].find_one({"_id": upload_id})
        here = found is not None and found["workspace"] == workspace
        return entries.upload_from(found) if found is not None and here else None

    def open_uploads(self, workspace: str, created_by: str, digest: str) -> Sequence[Upload]:
        these = {"workspace": workspace, "created_by": created_by, "digest": digest}
        return self._uploads(these, [("created_at", -1), ("_id", 1)])

    def drop_upload(self, upload_id: str) -> None:
        with self._db.guarded():
            self._db["uploads"].delete_one({"_id": upload_id})

    def stale_uploads(self, created_before: datetime, limit: int) -> Sequence[Upload]:
        these = {"created_at": {"$lt": to_millis(created_before)}}
        return self._uploads(these, [("created_at", 1), ("_id", 1)], limit)

    # -- the whole -------------------------------------------------------------------------------

    def all_models(self) -> Iterator[RegisteredModel]:
        for found in self._db.walk("models", {}, "id"):
            yield documents.model_from(found)

    def digests_in_use(self) -> Iterator[str]:
        last = None
        for version in self._db.walk("versions", {}, "digest", _id=0, digest=1):
            if version["digest"] != last:
                last = version["digest"]
                yield last

    def totals(self) -> StorageTotals:
        with self._db.guarded():
            models = self._db["models"].count_documents({"live": True})
            deleted = [model["id"] for model in self._db["models"].find({"live": False}, {"id": 1})]
            of_live = {"live": True, "model_id": {"$nin": deleted}}
            versions, of_versions = _summed(self._db["versions"], of_live)
            files, of_files = _summed(self._db["files"], {"digest": {"$ne": None}})
            blobs, stored = _summed(self._db["blobs"], {"state": {"$ne": "forgotten"}})
        return StorageTotals(
            models=models,
            versions=versions,
            files=files,
            logical_bytes=of_versions + of_files,
            stored_blobs=blobs,
            stored_bytes=stored,
        )

    def ping(self) -> None:
        self._db.ping()

    def close(self) -> None:
        self._db.close()

    # -- within ----------------------------------------------------------------------------------

    def _uploads(
        self, where: Mapping[str, Any], order: list[tuple[str, int]], limit: int = 0
    ) -> list[Upload]:
        with self._db.guarded():
            found = self._db["uploads"].find(where).sort(order).limit(limit)
            return [*map(entries.upload_from, found)]

    def _workspace(self, name: str) -> Document | None:
        with self._db.guarded():
            found = self._db["workspaces"].find_one({"_id": name})
        if found is not None:
            self._workspaces.add(name)
        return found

    def _require_workspace(self, name: str) -> None:
        if name not in self._workspaces and self._workspace(name) is None:
            raise NotFound(
                f"There is no workspace {name!r:.100}.", hint="Create it first, or use 'default'."
            )


def _summed(collection: Documents, where: Document) -> tuple[int, int]:
    """Return the number of documents, and the sum of their sizes."""
    # Equal sizes are counted there and multiplied here: not every server sums up large numbers.
    by_size = [{"$match": where}, {"$group": {"_id": "$size", "count": {"$sum": 1}}}]
    counts = {int(group["_id"]): int(group["count"]) for group in collection.aggregate(by_size)}
    return sum(counts.values()), sum(size * count for size, count in counts.items())
