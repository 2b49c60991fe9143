"""The lifecycle's part of the transaction and of the store; see `muniment.storage.records`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime

from muniment.domain.activities import Happened
from muniment.domain.deployments import Use
from muniment.domain.entities import RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.stages import Stage
from muniment.errors import NotFound
from muniment.storage.records import Place, RecordStore, RecordTransaction
from muniment.storage.sql import history, records, stages, use_counts
from muniment.storage.sql.engine import Engine, Session


class SqlRecordTransaction(RecordTransaction):
    """What a transaction does with records."""

    _session: Session
    _workspace_id: int

    @abstractmethod
    def model(self) -> RegisteredModel | None: ...

    def stages(self) -> Sequence[Stage]:
        return stages.of_workspace(self._session, self._workspace_id)

    def records(
        self, kind: RecordKind, *, version: int | None = None, state: str | None = None
    ) -> Sequence[Record]:
        model = self.model()
        if model is None:
            return ()
        return records.of_model(self._session, model.id, kind, version, state)

    def record_by_id(self, record_id: int) -> Record | None:
        model = self.model()
        return None if model is None else records.by_id(self._session, model.id, record_id)

    def add_record(self, record: Record) -> Record:
        model = self.model()
        if model is None:
            raise NotFound("There is no model that the record could belong to.")
        return records.add(self._session, self._workspace_id, model.id, record)

    def save_record(self, record: Record) -> None:
        old = self.record_by_id(record.id)
        if old is None:
            raise NotFound(f"The model has no record {record.id}.")
        records.save(self._session, self._workspace_id, old, record)

    def drop_record(self, record_id: int) -> None:
        record = self.record_by_id(record_id)
        if record is not None:
            records.drop(self._session, self._workspace_id, record)


class SqlRecordStore(RecordStore):
    """What the store reads across models, and what belongs to no model."""

    _engine: Engine

    @abstractmethod
    def _known_workspace_id(self, name: str) -> int:
        """Return the id of a workspace, or 0, which none has."""

    @abstractmethod
    def _workspace_id(self, name: str) -> int:
        """Return the id of a workspace. Raises NotFound."""

    def record(self, workspace: str, record_id: int) -> Record | None:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.read(
            lambda session: records.live_by_id(session, workspace_id, record_id)
        )

    def find_records(self, query: RecordQuery) -> Sequence[Record]:
        workspace_id = self._known_workspace_id(query.workspace)
        return self._engine.read(lambda session: records.find(session, workspace_id, query))

    def stages(self, workspace: str) -> Sequence[Stage]:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.read(lambda session: stages.of_workspace(session, workspace_id))

    def save_stage(self, workspace: str, stage: Stage, *, expect: int) -> Stage:
        workspace_id = self._workspace_id(workspace)
        return self._engine.write(lambda session: stages.save(session, workspace_id, stage, expect))

    def drop_stage(self, workspace: str, key: str) -> None:
        workspace_id = self._known_workspace_id(workspace)
        self._engine.write(lambda session: stages.drop(session, workspace_id, key))

    def add_uses(self, uses: Iterable[Use]) -> None:
        added = list(uses)
        self._engine.write(lambda session: use_counts.add(session, added))

    def uses(
        self,
        workspace: str,
        *,
        model_id: int | None = None,
        version: int | None = None,
        consumer: str | None = None,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Use]:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.read(
            lambda session: use_counts.find(
                session,
                workspace_id,
                model_id=model_id,
                version=version,
                consumer=consumer,
                since=since,
                limit=limit,
            )
        )

    def drop_uses(self, before: datetime) -> int:
        return self._engine.write(lambda session: use_counts.drop_before(session, before))

    def happened(
        self,
        workspace: str,
        *,
        before: Place | None = None,
        kinds: frozenset[str] | None = None,
        actor: str | None = None,
        limit: int,
    ) -> Sequence[Happened]:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.read(
            lambda session: history.of_workspace(
                session, workspace_id, before=before, kinds=kinds, actor=actor, limit=limit
            )
        )
