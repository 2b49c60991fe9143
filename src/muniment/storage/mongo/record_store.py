"""The lifecycle's part of the store; see `muniment.storage.records`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from muniment.domain.activities import Happened
from muniment.domain.deployments import Use
from muniment.domain.records import Record, RecordQuery
from muniment.domain.stages import Stage
from muniment.storage.mongo import entries, history, stages
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.uses import Uses
from muniment.storage.records import Place, RecordStore


class MongoRecordStore(RecordStore):
    """What the store reads across models, and what belongs to no model."""

    _db: Connection
    _commits: Commits
    _uses: Uses

    @abstractmethod
    def _require_workspace(self, name: str) -> None:
        """Raise NotFound unless there is a workspace with this name."""

    def record(self, workspace: str, record_id: int) -> Record | None:
        with self._db.guarded():
            found = self._db["records"].find_one({"_id": str(record_id)})
        if found is None or "gone" in found or found["workspace"] != workspace:
            return None
        is_live = _Owners(self._db, self._commits).are_live(found)
        return entries.record_from(found) if is_live else None

    def find_records(self, query: RecordQuery) -> Sequence[Record]:
        where: Document = {"workspace": query.workspace, "kind": query.kind.value}
        given = {
            "model_id": query.model_id,
            "number": query.version,
            "state": query.state,
            "keys": query.key,
        }
        where |= {key: value for key, value in given.items() if value is not None}
        if query.after:
            where["id"] = {"$lt" if query.newest_first else "$gt": query.after}
        owners = _Owners(self._db, self._commits)
        with self._db.guarded():
            found = self._db["records"].find(where).sort("id", -1 if query.newest_first else 1)
            live = filter(owners.are_live, found.batch_size(query.limit))
            return [entries.record_from(record) for record in islice(live, query.limit)]

    def stages(self, workspace: str) -> Sequence[Stage]:
        return stages.of_workspace(self._db, workspace)

    def save_stage(self, workspace: str, stage: Stage, *, expect: int) -> Stage:
        self._require_workspace(workspace)
        return stages.save(self._db, workspace, stage, expect)

    def drop_stage(self, workspace: str, key: str) -> None:
        stages.drop(self._db, workspace, key)

    def add_uses(self, uses: Iterable[Use]) -> None:
        self._uses.add(uses)

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
        return self._uses.find(
            workspace,
            model_id=model_id,
            version=version,
            consumer=consumer,
            since=since,
            limit=limit,
        )

    def drop_uses(self, before: datetime) -> int:
        return self._uses.drop(before)

    def happened(
        self,
        workspace: str,
        *,
        before: Place | None = None,
        kinds: frozenset[str] | None = None,
        actor: str | None = None,
        limit: int,
    ) -> Sequence[Happened]:
        return history.of_workspace(
            self._db, workspace, before=before, kinds=kinds, actor=actor, limit=limit
        )


class _Owners:
    """Says of records whether their models are live, asking once for each model."""

    def __init__(self, connection: Connection, commits: Commits) -> None:
        self._db = connection
        self._commits = commits
        self._seen: dict[int, tuple[int, bool]] = {}

    def are_live(self, record: Document) -> bool:
        """Say whether the model of a record is live."""
        model_id = record["model_id"]
        sequence, is_live = self._seen.get(model_id, (-1, False))
        if record["seq"] > sequence:
            with self._db.guarded():
                model = self._db["models"].find_one({"_id": str(model_id)}, {"seq": 1, "live": 1})
            if model is None or record["seq"] > model["seq"]:
                model = self._commits.settled(model_id)  # its commit is under way
            is_live = model is not None and bool(model["live"])
            self._seen[model_id] = record["seq"] if model is None else model["seq"], is_live
        return is_live
