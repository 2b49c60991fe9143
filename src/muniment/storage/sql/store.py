"""The MetadataStore over any SQL database that has an `Engine`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import uuid4

from muniment.domain.activities import Activity
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    RegisteredModel,
    Upload,
    Workspace,
)
from muniment.domain.query import Cursor, Query
from muniment.domain.stages import stage_key
from muniment.domain.values import to_millis
from muniment.errors import NotFound
from muniment.storage.metadata import (
    BlobRecord,
    Done,
    MetadataStore,
    ModelId,
    ModelKey,
    StorageTotals,
    Transaction,
)
from muniment.storage.sql import blobs, files, history, reads, rows
from muniment.storage.sql.accounts import SqlAccountStore
from muniment.storage.sql.documents import SqlDocumentStore
from muniment.storage.sql.engine import Cell, Engine, Prepared, Session
from muniment.storage.sql.file_store import SqlFileStore
from muniment.storage.sql.leases import SqlLeaseStore
from muniment.storage.sql.newest import newest_in_stages
from muniment.storage.sql.record_store import SqlRecordStore
from muniment.storage.sql.search import Search
from muniment.storage.sql.transaction import SqlTransaction
from muniment.storage.sql.webhooks import SqlWebhookStore
from muniment.storage.sql.wholes import SqlWholeStore

T = TypeVar("T")
_PIECE = 1_000
_MANIFESTS_AT_ONCE = 50  # a manifest lists up to 100,000 blobs; others want to write, too


class SqlMetadataStore(
    SqlFileStore, SqlRecordStore, SqlDocumentStore, SqlWholeStore, MetadataStore
):
    """See `muniment.storage.metadata.MetadataStore`.

    `accounts`, `webhooks` and `leases` are in the same database.
    """

    def __init__(self, engine: Engine) -> None:
        self.accounts = SqlAccountStore(engine)
        self.webhooks = SqlWebhookStore(engine)
        self.leases = SqlLeaseStore(engine)
        self._engine = engine
        self._search = Search(engine)
        self._workspace_ids: dict[str, int] = {}  # workspaces are never removed

    @property
    def reads_are_local(self) -> bool:
        return self._engine.reads_are_local

    def briefly(self) -> AbstractContextManager[None]:
        return self._engine.briefly()

    # -- writing ---------------------------------------------------------------------------------

    def transact(self, key: ModelKey, decide: Callable[[Transaction], T]) -> T:
        workspace_id = self._workspace_id(key.workspace)

        def work(session: Session) -> T:
            transaction = SqlTransaction(session, workspace_id, key)
            result = decide(transaction)
            transaction.finish()
            return result

        return self._engine.write(work)

    def submit(self, call: Callable[[], T], done: Done[T]) -> bool:
        return self._engine.submit(call, done)

    def ensure_workspace(self, name: str, now: datetime, *, uuid: str | None = None) -> Workspace:
        row = self._engine.read(lambda session: reads.WORKSPACE.one(session, name=name))
        if row is None:

            def work(session: Session) -> Sequence[Cell] | None:
                if reads.WORKSPACE.one(session, name=name) is None:
                    reads.ADD_WORKSPACE.run(
                        session, uuid=uuid or uuid4().hex, name=name, created_at=to_millis(now)
                    )
                return reads.WORKSPACE.one(session, name=name)

            row = self._engine.write(work)
        assert row is not None  # noqa: S101  # it was inserted in this transaction
        return rows.workspace_from(row)

    # -- reading ---------------------------------------------------------------------------------

    def workspaces(self) -> Sequence[Workspace]:
        return [rows.workspace_from(row) for row in self._engine.read(reads.WORKSPACES.all)]

    def model(self, key: ModelKey) -> RegisteredModel | None:
        if isinstance(key, ModelId):
            return self._model(reads.MODEL_BY_ID, key.workspace, id=key.id)
        return self._model(reads.MODEL, key.workspace, name=key.name)

    def model_by_slug(self, workspace: str, slug: str) -> RegisteredModel | None:
        return self._model(reads.MODEL_BY_SLUG, workspace, slug=slug)

    def version(self, workspace: str, model: str, number: int) -> ModelVersion | None:
        return self._version(reads.VERSION, workspace, name=model, number=number)

    def version_by_alias(self, workspace: str, model: str, alias: str) -> ModelVersion | None:
        return self._version(reads.VERSION_BY_ALIAS, workspace, name=model, alias=alias)

    def version_by_label(self, workspace: str, model: str, label: str) -> ModelVersion | None:
        return self._version(reads.VERSION_BY_LABEL, workspace, name=model, label=label)

    def version_by_uuid(self, workspace: str, uuid: str) -> ModelVersion | None:
        return self._version(reads.VERSION_BY_UUID, workspace, uuid=uuid)

    def newest_version(
        self, workspace: str, model: str, *, stage: str | None = None, digest: str | None = None
    ) -> ModelVersion | None:
        statement = reads.NEWEST[stage is not None, digest is not None]
        parameters: dict[str, Cell] = {"name": model}
        if stage is not None:
            parameters["stage_key"] = stage_key(stage)
        if digest is not None:
            parameters["digest"] = digest
        return self._version(statement, workspace, **parameters)

    def newest_in_stages(self, workspace: str, model_ids: Iterable[int]) -> Sequence[ModelVersion]:
        return self._engine.snapshot(
            lambda session: newest_in_stages(session, workspace, model_ids)
        )

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
        return self._engine.read(
            lambda session: history.of_model(
                session,
                model_id,
                after=after,
                limit=limit,
                newest_first=newest_first,
                kinds=kinds,
                version=version,
                until=until,
            )
        )

    def references(self, workspace: str, model: str) -> Sequence[Reference]:
        workspace_id = self._known_workspace_id(workspace)
        found = self._engine.read(
            lambda session: reads.REFERENCES.all(session, workspace_id=workspace_id, name=model)
        )
        return [rows.reference_from(row) for row in found]

    # -- blobs, uploads and garbage --------------------------------------------------------------

    def add_blob(self, digest: str, size: int, now: datetime) -> None:
        self._engine.write(lambda session: blobs.add(session, digest, size, now))

    def lease_blobs(self, digests: Iterable[str], now: datetime) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for piece in blobs.pieces(digests):
            sizes |= self._engine.write(partial(blobs.lease, digests=piece, now=now))
        return sizes

    def collectable_blobs(
        self, leased_before: datetime, limit: int, *, deleted_before: datetime | None = None
    ) -> Sequence[BlobRecord]:
        return self._engine.read(
            lambda session: blobs.collectable(session, leased_before, limit, deleted_before)
        )

    def collect_blob(
        self, digest: str, leased_before: datetime, remove: Callable[[], None]
    ) -> bool:
        if not self._engine.write(lambda session: blobs.forget(session, digest, leased_before)):
            return False
        return self._engine.write(lambda session: blobs.remove_unknown(session, digest, remove))

    def known_blobs(self, digests: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        for piece in blobs.pieces(digests):
            found.update(self._engine.read(partial(blobs.known, digests=piece)))
        return frozenset(found)

    def purgeable(self, deleted_before: datetime, limit: int) -> Sequence[tuple[ModelId, int]]:
        found = self._engine.read(
            lambda session: reads.PURGEABLE.all(
                session, before=to_millis(deleted_before), limit=limit
            )
        )
        return [(ModelId(workspace, model_id), number) for workspace, model_id, number in found]

    def drop_unused_manifests(
        self, *, deleted_before: datetime | None = None, dry_run: bool = False
    ) -> int:
        if dry_run:
            return self._engine.read(
                lambda session: blobs.count_unused_manifests(session, deleted_before)
            )
        dropped = 0
        while now_dropped := self._engine.write(
            lambda session: blobs.drop_unused_manifests(session, _MANIFESTS_AT_ONCE)
        ):
            dropped += now_dropped
        return dropped

    def add_upload(self, upload: Upload) -> None:
        cells: dict[str, Cell] = {
            "id": upload.id,
            "workspace_id": self._workspace_id(upload.workspace),
            "created_by": upload.created_by,
            "created_at": to_millis(upload.created_at),
            "digest": upload.digest,
            "size": upload.size,
        }
        self._engine.write(lambda session: reads.ADD_UPLOAD.run(session, **cells))

    def upload(self, workspace: str, upload_id: str) -> Upload | None:
        row = self._engine.read(
            lambda session: reads.UPLOAD.one(session, workspace=workspace, id=upload_id)
        )
        return None if row is None else rows.upload_from(row)

    def open_uploads(self, workspace: str, created_by: str, digest: str) -> Sequence[Upload]:
        found = self._engine.read(
            lambda session: reads.OPEN_UPLOADS.all(
                session, workspace=workspace, created_by=created_by, digest=digest
            )
        )
        return [rows.upload_from(row) for row in found]

    def drop_upload(self, upload_id: str) -> None:
        self._engine.write(lambda session: reads.DROP_UPLOAD.run(session, id=upload_id))

    def stale_uploads(self, created_before: datetime, limit: int) -> Sequence[Upload]:
        found = self._engine.read(
            lambda session: reads.STALE_UPLOADS.all(
                session, before=to_millis(created_before), limit=limit
            )
        )
        return [rows.upload_from(row) for row in found]

    # -- the whole -------------------------------------------------------------------------------

    def all_models(self) -> Iterator[RegisteredModel]:
        after = 0
        while piece := self._engine.read(partial(reads.ALL_MODELS.all, after=after, limit=_PIECE)):
            for row in piece:
                yield rows.model_from(row[1:], row[0])
            after = piece[-1][1]

    def digests_in_use(self) -> Iterator[str]:
        after = ""
        while piece := self._engine.read(partial(reads.DIGESTS.all, after=after, limit=_PIECE)):
            for (digest,) in piece:
                yield digest
            after = piece[-1][0]

    def totals(self) -> StorageTotals:
        def work(session: Session) -> StorageTotals:
            versions, of_versions = reads.COUNT_VERSIONS.one(session) or (0, 0)
            logged, of_files = files.COUNT.one(session) or (0, 0)
            blob_count, of_blobs = reads.COUNT_BLOBS.one(session) or (0, 0)
            return StorageTotals(
                models=reads.COUNT_MODELS.scalar(session),
                versions=versions,
                files=logged,
                logical_bytes=of_versions + of_files,
                stored_blobs=blob_count,
                stored_bytes=of_blobs,
            )

        return self._engine.snapshot(work)

    def ping(self) -> None:
        self._engine.ping()

    def close(self) -> None:
        self._engine.close()

    # -- within ----------------------------------------------------------------------------------

    def _model(self, statement: Prepared, workspace: str, **of: Cell) -> RegisteredModel | None:
        workspace_id = self._known_workspace_id(workspace)
        row = self._engine.read(
            lambda session: statement.one(session, workspace_id=workspace_id, **of)
        )
        return None if row is None else rows.model_from(row, workspace)

    def _version(self, statement: Prepared, workspace: str, **of: Cell) -> ModelVersion | None:
        workspace_id = self._known_workspace_id(workspace)
        row = self._engine.read(
            lambda session: statement.one(session, workspace_id=workspace_id, **of)
        )
        return None if row is None else rows.version_from(row, workspace)

    def _known_workspace_id(self, name: str) -> int:
        """Return the id of a workspace, or 0, which none has."""
        known = self._workspace_ids.get(name)
        if known is None:
            row = self._engine.read(lambda session: reads.WORKSPACE.one(session, name=name))
            if row is None:
                return 0
            known = self._workspace_ids[name] = int(row[0])
        return known

    def _workspace_id(self, name: str) -> int:
        known = self._known_workspace_id(name)
        if not known:
            raise NotFound(
                f"There is no workspace {name!r:.100}.", hint="Create it first, or use 'default'."
            )
        return known
