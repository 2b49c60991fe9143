"""Growing a registry of any size: its rows written straight into SQLite, a million in minutes.

The rows are those that the services would write for what `bench.content` says
(`tests/bench/test_growing.py` proves it), but they are made model by model in memory and inserted
in bulk, and the indexes are built when all rows are there.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Table, bindparam, create_engine, insert, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, DropIndex

from bench.content import (
    ACTOR,
    BEGAN,
    STEP,
    Size,
    alias_of,
    fails,
    model_name,
    model_tags,
    new_version,
    stage_of,
)
from muniment.domain.activities import ActivityKind, Entry, chain
from muniment.domain.entities import (
    DEFAULT_WORKSPACE,
    NO_STAGE,
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Status,
)
from muniment.domain.records import Record
from muniment.domain.values import JsonObject, canonical_json, to_millis
from muniment.services.lineage.edges import details_of, first_edges
from muniment.storage.sql import properties, rows
from muniment.storage.sql.engine import Cell, Prepared, Session
from muniment.storage.sql.record_tables import record_keys, records
from muniment.storage.sql.sqlite import open_sqlite
from muniment.storage.sql.tables import (
    activities,
    model_properties,
    models,
    refs,
    version_properties,
    versions,
)

_ROWS_AT_ONCE: Final = 20_000
_WRITTEN: Final = (
    models,
    model_properties,
    versions,
    version_properties,
    refs,
    activities,
    records,
    record_keys,
)


def grow(path: Path, size: Size) -> None:
    """Make the database in the new file `path`."""
    store = open_sqlite(path)  # makes the schema
    workspace = store.ensure_workspace(DEFAULT_WORKSPACE, BEGAN)
    store.close()
    engine = create_engine(
        f"sqlite:///{path}", poolclass=NullPool, connect_args={"isolation_level": None}
    )
    with engine.connect() as core:
        driver = core.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        session = Session(core, _as_driver(driver))
        for pragma in ("synchronous = OFF", "cache_size = -262144", "journal_mode = OFF"):
            driver.execute(f"PRAGMA {pragma}")
        indexes = [index for table in _WRITTEN for index in table.indexes]
        driver.execute("BEGIN")
        for index in indexes:
            core.execute(DropIndex(index))
        for piece in _pieces(workspace.id, size):
            for table, cells in piece.items():
                _INSERT[table].many(session, cells)
        for index in indexes:
            core.execute(CreateIndex(index))
        driver.execute("COMMIT")
        core.execute(text("PRAGMA journal_mode = WAL"))
    engine.dispose()


def _as_driver(connection: sqlite3.Connection) -> DBAPIConnection:
    return connection  # type: ignore[return-value]  # it fits; sqlite3 is not typed so


_INSERT: Final = {
    table: Prepared(insert(table).values({c: bindparam(c.name) for c in table.c}))
    for table in _WRITTEN
}
_Rows = dict[Table, list[Mapping[str, Cell]]]


def _pieces(workspace_id: int, size: Size) -> Iterator[_Rows]:
    ids, piece = _Ids(workspace_id), _no_rows()
    for n in range(size.models):
        growing = _Growing(ids, n, piece)
        for number in range(1, size.versions + 1):
            growing.add(number, size.versions)
            if len(piece[versions]) >= _ROWS_AT_ONCE:
                yield piece
                piece.update(_no_rows())
        growing.finish()
    yield piece


def _no_rows() -> _Rows:
    return {table: [] for table in _WRITTEN}


@dataclass
class _Ids:
    """The ids that were given, and the time of the last change."""

    workspace: int
    versions: int = 0
    records: int = 0
    changes: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(0))

    def uuid(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def now(self) -> datetime:
        self.changes += 1
        return BEGAN + self.changes * STEP


class _Growing:
    """One model that grows; what it writes is added to `piece`."""

    def __init__(self, ids: _Ids, n: int, piece: _Rows) -> None:
        self._ids, self._n, self._piece = ids, n, piece
        self._last: list[ModelVersion] = []  # those that move when all versions are there
        now, name = ids.now(), model_name(n)
        self._model = RegisteredModel(
            id=n + 1,
            uuid=ids.uuid(),
            workspace=DEFAULT_WORKSPACE,
            name=name,
            slug=name,
            created_at=now,
            updated_at=now,
            created_by=ACTOR,
            tags=model_tags(n),
        )
        details: JsonObject = {"name": name, "description": "", "tags": dict(self._model.tags)}
        self._record(ActivityKind.MODEL_CREATED, now, None, details)

    def add(self, number: int, last: int) -> None:
        """Register the version `number`, and all that happens to it before the next comes."""
        ids, new = self._ids, new_version(self._ids.versions)
        now = ids.now()
        version = ModelVersion(
            id=ids.versions + 1,
            uuid=ids.uuid(),
            workspace=DEFAULT_WORKSPACE,
            model=self._model.name,
            version=number,
            created_at=now,
            updated_at=now,
            created_by=ACTOR,
            status=Status.PENDING if new.pending else Status.READY,
            description=new.description,
            tags=new.tags,
            params=new.params,
            metrics=new.metrics,
            framework=new.framework,
            source_uri=new.source_uri,
            run_id=new.run_id,
        )
        details: JsonObject = {
            "digest": None,
            "label": None,
            "snapshot": None,
            "source_uri": version.source_uri,
            "status": version.status.value,
            "description": version.description,
            "run_id": version.run_id,
            "tags": dict(version.tags),
        }
        self._record(ActivityKind.VERSION_CREATED, now, number, details)
        self._add_edges(version)
        self._model = replace(self._model, last_number=number, version_count=number)
        self._touch(now)
        if fails(ids.versions):
            version = self._fail(version)
        else:
            self._model = replace(self._model, latest=number)
        ids.versions += 1
        if number >= last - 1:
            self._last.append(version)
            return
        if (stage := stage_of(number, last)) != NO_STAGE:
            version = self._move(version, stage)
        self._keep(version)

    def finish(self) -> None:
        """Move the last versions, point the aliases at them, and keep the model."""
        last, aliases = self._model.last_number, {}
        for version in self._last:
            moved = self._move(version, stage_of(version.version, last))
            alias = alias_of(version.version, last)
            self._point(alias, version.version)
            aliases[alias] = version.version
            self._keep(replace(moved, aliases=(alias,), revision=moved.revision + 1))
        model = replace(self._model, aliases=dict(sorted(aliases.items())))
        self._piece[models].append(
            {
                "id": model.id,
                "uuid": model.uuid,
                "workspace_id": self._ids.workspace,
                "dispatched": model.activity_count,
                "aliases": properties.to_json(model.aliases),
                "activity_count": model.activity_count,
                "activity_head": model.activity_head,
                **rows.model_cells(model),
            }
        )
        self._piece[model_properties] += [
            properties.row(self._ids.workspace, model.id, key, cells, None)
            for key, cells in properties.of(model.tags).items()
        ]

    # -- what happens to a version ---------------------------------------------------------------

    def _fail(self, version: ModelVersion) -> ModelVersion:
        now = self._ids.now()
        failed = replace(
            version,
            status=Status.FAILED,
            status_message="out of memory",
            updated_at=now,
            revision=version.revision + 1,
        )
        details: JsonObject = {"message": failed.status_message}
        self._record(ActivityKind.VERSION_FAILED, now, version.version, details)
        self._touch(now)
        return failed

    def _move(self, version: ModelVersion, stage: str) -> ModelVersion:
        now = self._ids.now()
        details: JsonObject = {"from": version.stage, "to": stage}
        self._record(ActivityKind.STAGE_CHANGED, now, version.version, details)
        self._touch(now)
        revision = version.revision + 1
        return replace(version, stage=stage, stage_since=now, updated_at=now, revision=revision)

    def _point(self, alias: str, number: int) -> None:
        now = self._ids.now()
        reference = Reference(ReferenceKind.ALIAS, alias, number, False, now, ACTOR)
        details: JsonObject = {"alias": alias, "from": None, "to": number, "protected": False}
        self._record(ActivityKind.ALIAS_SET, now, number, details)
        self._model = replace(self._model, revision=self._model.revision + 1)
        self._piece[refs].append({"model_id": self._model.id, **rows.reference_cells(reference)})

    def _add_edges(self, version: ModelVersion) -> None:
        for edge in first_edges(version, ()):
            self._ids.records += 1
            kept = replace(edge, id=self._ids.records)
            self._add_record(edge.to_record(), kept.id)
            details = details_of(kept)
            self._record(ActivityKind.LINEAGE_ADDED, version.created_at, version.version, details)

    # -- rows ------------------------------------------------------------------------------------

    def _keep(self, version: ModelVersion) -> None:
        self._piece[versions].append(
            {
                "id": version.id,
                "uuid": version.uuid,
                "workspace_id": self._ids.workspace,
                "model_id": self._model.id,
                "aliases": canonical_json(list(version.aliases)).decode(),
                **rows.version_cells(version),
            }
        )
        of_version = properties.of(version.tags, version.params, version.metrics)
        self._piece[version_properties] += [
            properties.row(self._ids.workspace, version.id, key, cells, self._model.id)
            for key, cells in of_version.items()
        ]

    def _add_record(self, record: Record, record_id: int) -> None:
        envelope: dict[str, Cell] = {
            "workspace_id": self._ids.workspace,
            "model_id": self._model.id,
            "kind": record.kind.value,
            "state": record.state,
        }
        self._piece[records].append(
            {
                **envelope,
                "id": record_id,
                "number": record.version,
                "created_at": to_millis(record.created_at),
                "key_list": canonical_json(list(record.keys)).decode(),
                "body": canonical_json(record.body).decode(),
            }
        )
        self._piece[record_keys] += [
            {**envelope, "key": key, "record_id": record_id} for key in record.keys
        ]

    def _record(
        self, kind: ActivityKind, at: datetime, number: int | None, details: JsonObject
    ) -> None:
        model = self._model
        activity = chain(
            Entry(kind, ACTOR, at, version=number, details=details),
            model_uuid=model.uuid,
            sequence=model.activity_count + 1,
            previous=model.activity_head,
        )
        self._model = replace(model, activity_count=activity.sequence, activity_head=activity.hash)
        self._piece[activities].append(
            {
                "workspace_id": self._ids.workspace,
                "model_id": model.id,
                **rows.activity_cells(activity),
            }
        )

    def _touch(self, now: datetime) -> None:
        model = self._model
        self._model = replace(model, updated_at=now, revision=model.revision + 1)
