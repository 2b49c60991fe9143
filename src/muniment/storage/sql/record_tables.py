"""The schema of the lifecycle: what is filed with models, the stages, and who uses what.

    models ──< records ──< record_keys       by which keys a record is found
           ──< uses                          counted by version, consumer and kind
    workspaces ──< stages

All that a record is stands in its row, the body as JSON. Its keys stand there, too; `record_keys`
says the same, indexed, with what else a search by key may ask for; whoever removes a record knows
its keys, so no foreign key (which would need an index more) leads back. An index that serves a
listing ends with the record's id, which is its order. The columns keep the habits of `tables`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    literal_column,
)

from muniment.storage.sql.tables import TEXT, metadata

_Id = BigInteger().with_variant(Integer(), "sqlite")


def _index(name: str, *columns: Column[Any], where: ColumnElement[bool] | None = None) -> None:
    Index(name, *columns, sqlite_where=where)


records = Table(
    "records",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("kind", TEXT, nullable=False),  # `records.RecordKind`
    Column("number", BigInteger),  # of the version that it is about
    Column("state", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("key_list", TEXT, nullable=False),  # JSON list
    Column("body", TEXT, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)
_r = records.c
# Most records have no state. A query must say so, too, for a partial index to be used.
HAS_STATE: ColumnElement[bool] = _r.state != literal_column("''")
_index("records_by_kind", _r.workspace_id, _r.kind, _r.id)
_index("records_by_state", _r.workspace_id, _r.kind, _r.state, _r.id, where=HAS_STATE)
_index("model_records_by_kind", _r.model_id, _r.kind, _r.id)
_index("model_records_by_state", _r.model_id, _r.kind, _r.state, _r.id, where=HAS_STATE)
_index("model_records_by_version", _r.model_id, _r.kind, _r.number, _r.id)

record_keys = Table(
    "record_keys",
    metadata,
    Column("workspace_id", _Id, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("record_id", _Id, nullable=False),
    Column("model_id", _Id, nullable=False),
    Column("state", TEXT, nullable=False),
    PrimaryKeyConstraint("workspace_id", "kind", "key", "record_id"),
    sqlite_with_rowid=False,
)
_k = record_keys.c
KEY_HAS_STATE: ColumnElement[bool] = _k.state != literal_column("''")
_index("record_keys_by_model", _k.model_id, _k.kind, _k.key, _k.record_id)
_index(
    "record_keys_by_state",
    _k.workspace_id,
    _k.kind,
    _k.key,
    _k.state,
    _k.record_id,
    where=KEY_HAS_STATE,
)

stages = Table(
    "stages",
    metadata,
    Column("workspace_id", _Id, ForeignKey("workspaces.id"), nullable=False),
    Column("key", TEXT, nullable=False),  # the name, ASCII letters in lower case
    Column("name", TEXT, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("colour", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("policies", TEXT, nullable=False),  # JSON list
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "key"),
    sqlite_with_rowid=False,
)

uses = Table(
    "uses",
    metadata,
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("consumer", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),  # `deployments.UseKind`
    Column("workspace_id", _Id, nullable=False),
    Column("named", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("model_id", "number", "consumer", "kind"),
    sqlite_with_rowid=False,
)
_u = uses.c
_index("uses_by_time", _u.workspace_id, _u.last_at)
_index("uses_by_consumer", _u.workspace_id, _u.consumer, _u.last_at)
