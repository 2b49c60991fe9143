"""The schema.

    workspaces ──< models ──< versions ──< version_properties     (tags, params, metrics: searched)
                     │  └───< model_properties                    (tags: searched)
                     ├──────< refs            movable names for versions, all protocols in one
                     ├──────< activities      the hash chain; its length and head are in the model
                     └──────< remembered      idempotency keys

    blobs ──< manifest_blobs >── manifests <- - versions.digest   (by digest, no foreign key)
    uploads

One row is one entity: tags, params, metrics and aliases stand in it as JSON, so that reading it
back needs no join. The same facts stand, indexed, in the property and reference tables; both are
written in one transaction, the JSON by whoever writes the row, the rest by difference.

Times are integer milliseconds, names compare by code point, ids are never used again. Everything
is an integer, a double or text, so that no value needs converting between driver and row.
An index that serves an order ends with the id, which decides ties.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    event,
    literal_column,
)

PREFIX_CHARS = 200
"""How much of a text value is indexed: 4 bytes each must fit a B-tree key with its 250-char key."""

metadata = MetaData()

# SQLite numbers rows itself only if the column is INTEGER; elsewhere ids take 64 bits.
_Id = BigInteger().with_variant(Integer(), "sqlite")

# By code point, as SQLite does anyway; elsewhere a database has an order of its own.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def _index(
    name: str,
    *columns: Column[Any],
    where: ColumnElement[bool] | None = None,
    unique: bool = False,
) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where)


@event.listens_for(metadata, "before_create")
def _leave_out_the_same(made: MetaData, connection: Connection, **_: object) -> None:
    """Have partial indexes leave out in this database what they do in SQLite.

    Told at their definition, each would load the whole of another database's dialect.
    """
    dialect = connection.dialect.name
    for table in made.tables.values():
        for index in table.indexes:
            index.dialect_options[dialect]["where"] = index.dialect_options["sqlite"]["where"]


workspaces = Table(
    "workspaces",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", TEXT, nullable=False, unique=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

models = Table(
    "models",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", TEXT, nullable=False, unique=True),
    Column("workspace_id", _Id, ForeignKey("workspaces.id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("slug", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("tags", TEXT, nullable=False),  # JSON object of typed values
    Column("aliases", TEXT, nullable=False),  # JSON object: alias -> version number
    Column("last_number", BigInteger, nullable=False),
    Column("latest", BigInteger),
    Column("version_count", BigInteger, nullable=False),
    Column("activity_count", BigInteger, nullable=False),
    Column("activity_head", TEXT, nullable=False),
    Column("dispatched", BigInteger, nullable=False, server_default="0"),  # of activity_count
    Column("deleted_at", BigInteger),
    Column("revision", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
_m = models.c
_live_model = _m.deleted_at.is_(None)
_index("models_by_name", _m.workspace_id, _m.name, where=_live_model, unique=True)
_index("models_by_slug", _m.workspace_id, _m.slug, where=_live_model, unique=True)
_index("models_by_id", _m.workspace_id, _m.id, where=_live_model)
_index("models_by_created_at", _m.workspace_id, _m.created_at, _m.id, where=_live_model)
_index("models_by_updated_at", _m.workspace_id, _m.updated_at, _m.id, where=_live_model)
_index("models_by_creator", _m.workspace_id, _m.created_by, _m.id, where=_live_model)
_index("models_by_deleted_at", _m.deleted_at, _m.id, where=_m.deleted_at.is_not(None))
_index("models_undispatched", _m.id, where=_m.activity_count > _m.dispatched)

versions = Table(
    "versions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", TEXT, nullable=False, unique=True),
    Column("workspace_id", _Id, ForeignKey("workspaces.id"), nullable=False),
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("status_message", TEXT, nullable=False),
    Column("label", TEXT),
    Column("stage", TEXT, nullable=False),
    Column("stage_key", TEXT, nullable=False),  # the stage, ASCII letters in lower case
    Column("description", TEXT, nullable=False),
    Column("tags", TEXT, nullable=False),  # JSON objects of typed values
    Column("params", TEXT, nullable=False),
    Column("metrics", TEXT, nullable=False),
    Column("framework", TEXT, nullable=False),
    Column("signature", TEXT),  # JSON
    Column("source_uri", TEXT, nullable=False),
    Column("run_id", TEXT, nullable=False),
    Column("run_link", TEXT, nullable=False),
    Column("digest", TEXT),
    Column("size", BigInteger, nullable=False),
    Column("file_count", BigInteger, nullable=False),
    Column("snapshot", TEXT),
    Column("parent", TEXT),
    Column("aliases", TEXT, nullable=False),  # JSON list, sorted
    Column("deleted_at", BigInteger),
    Column("revision", BigInteger, nullable=False),
    Column("location", TEXT, nullable=False, server_default=""),
    Column("stage_since", BigInteger),
    Column("checks", TEXT, nullable=False, server_default=""),
    UniqueConstraint("model_id", "number"),
    sqlite_autoincrement=True,
)
_v = versions.c
_live = _v.deleted_at.is_(None)
# Partial indexes leave out what most versions lack. A query must say so, too, for them to be used.
STAGED: ColumnElement[bool] = _v.stage_key != literal_column("'none'")
UNREADY: ColumnElement[bool] = _v.status != literal_column("'READY'")
HAS_RUN: ColumnElement[bool] = _v.run_id != literal_column("''")
HAS_FRAMEWORK: ColumnElement[bool] = _v.framework != literal_column("''")
HAS_CHECKS: ColumnElement[bool] = _v.checks != literal_column("''")
_index("versions_by_id", _v.workspace_id, _v.id, where=_live)
_index("versions_by_created_at", _v.workspace_id, _v.created_at, _v.id, where=_live)
_index("versions_by_updated_at", _v.workspace_id, _v.updated_at, _v.id, where=_live)
# All that totals are made of stands in this one, so that no row need be read for them.
_index("model_versions_by_id", _v.model_id, _v.id, _v.size, _v.deleted_at, where=_live)
_index("model_versions_by_created_at", _v.model_id, _v.created_at, _v.id, where=_live)
_index("model_versions_by_updated_at", _v.model_id, _v.updated_at, _v.id, where=_live)
_index(
    "versions_by_label",
    _v.label,
    _v.model_id,
    where=_v.label.is_not(None) & _live,
    unique=True,
)
_index(
    "versions_by_stage",
    _v.workspace_id,
    _v.stage,
    _v.updated_at,
    _v.id,
    where=STAGED & _live,
)
_index(
    "versions_by_tenure",
    _v.workspace_id,
    _v.stage,
    _v.stage_since,
    _v.id,
    where=STAGED & _live,
)
_index("versions_in_stage", _v.workspace_id, _v.stage, _v.id, where=STAGED & _live)
_index(
    "model_versions_by_stage",
    _v.model_id,
    _v.stage_key,
    _v.number,
    where=_live,
)
_index(
    "versions_by_status",
    _v.workspace_id,
    _v.status,
    _v.updated_at,
    _v.id,
    where=UNREADY & _live,
)
_index("versions_in_status", _v.workspace_id, _v.status, _v.id, where=UNREADY & _live)
_index("versions_by_framework", _v.workspace_id, _v.framework, _v.id, where=HAS_FRAMEWORK & _live)
_index("versions_by_checks", _v.workspace_id, _v.checks, _v.id, where=HAS_CHECKS & _live)
_index("versions_by_run", _v.run_id, where=HAS_RUN & _live)
_index("versions_by_digest", _v.digest, _v.model_id, _v.number, where=_v.digest.is_not(None))
_index("versions_by_deleted_at", _v.deleted_at, _v.id, where=_v.deleted_at.is_not(None))


def _properties(name: str, owner: str, *columns: Column[Any]) -> Table:
    """Return the table of searchable values that the rows of `owner` have.

    A text stands in two pieces, the first `PREFIX_CHARS` characters and the rest, of which the
    first is indexed; their order as a pair is the order of the whole texts. A number stands as
    the nearest double, and an integer also exactly.
    """
    table = Table(
        name,
        metadata,
        Column("owner_id", _Id, ForeignKey(f"{owner}.id"), nullable=False),
        Column("space", TEXT, nullable=False),  # `query.Namespace`
        Column("key", TEXT, nullable=False),
        Column("workspace_id", _Id, nullable=False),
        Column("kind", TEXT, nullable=False),  # `properties.Kind`
        Column("prefix", TEXT),
        Column("rest", TEXT),
        Column("number", Double),
        Column("integer", BigInteger),
        *columns,
        PrimaryKeyConstraint("owner_id", "space", "key"),
        sqlite_with_rowid=False,
    )
    c = table.c
    _index(
        f"{name}_by_text",
        c.workspace_id,
        c.space,
        c.key,
        c.prefix,
        c.owner_id,
        where=c.prefix.is_not(None),
    )
    _index(
        f"{name}_by_number",
        c.workspace_id,
        c.space,
        c.key,
        c.number,
        c.owner_id,
        where=c.number.is_not(None),
    )
    return table


model_properties = _properties("model_properties", "models")
version_properties = _properties(
    "version_properties",
    "versions",
    Column("model_id", _Id),  # of metrics only: by them a model's versions are compared
)
_p = version_properties.c
_index(
    "version_metrics_by_model",
    _p.model_id,
    _p.key,
    _p.number,
    _p.owner_id,
    where=_p.model_id.is_not(None),
)

refs = Table(
    "refs",
    metadata,
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("kind", TEXT, nullable=False),  # `entities.ReferenceKind`
    Column("name", TEXT, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("protected", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", TEXT, nullable=False),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("model_id", "kind", "name"),
    sqlite_with_rowid=False,
)
_index("refs_by_version", refs.c.model_id, refs.c.number)
_index("refs_by_name", refs.c.name, refs.c.kind)

activities = Table(
    "activities",
    metadata,
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("version", BigInteger),
    Column("comment", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),  # JSON
    Column("previous", TEXT, nullable=False),
    Column("hash", TEXT, nullable=False),
    Column("workspace_id", _Id, nullable=False, server_default="0"),
    PrimaryKeyConstraint("model_id", "sequence"),
    sqlite_with_rowid=False,
)
_a = activities.c
# A kind is a lane, and so is a kind of one actor: see `history`. `at` is here to be looked at, too.
_index("model_activities_by_kind", _a.model_id, _a.kind, _a.sequence, _a.at)
_index(
    "model_activities_by_version",
    _a.model_id,
    _a.version,
    _a.sequence,
    _a.kind,
    _a.at,
    where=_a.version.is_not(None),
)
_index("activities_by_kind", _a.workspace_id, _a.kind, _a.at, _a.model_id, _a.sequence)
_index("activities_by_actor", _a.workspace_id, _a.actor, _a.kind, _a.at, _a.model_id, _a.sequence)

remembered = Table(
    "remembered",
    metadata,
    Column("model_id", _Id, ForeignKey("models.id"), nullable=False),
    Column("key", TEXT, nullable=False),
    Column("request", TEXT, nullable=False),
    Column("number", BigInteger),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("digest", TEXT, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("leased_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
_index("blobs_by_lease", blobs.c.leased_at)

# Every blob of a known manifest, and the manifest's own, is known: who forgets a blob forgets the
# manifests that list it (no version names them, or the blob would be in use).
manifests = Table(
    "manifests",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("digest", TEXT, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

manifest_blobs = Table(
    "manifest_blobs",
    metadata,
    Column("manifest_id", _Id, ForeignKey("manifests.id"), nullable=False),
    Column("blob_id", _Id, ForeignKey("blobs.id"), nullable=False),
    PrimaryKeyConstraint("manifest_id", "blob_id"),
    sqlite_with_rowid=False,
)
_index("manifest_blobs_by_blob", manifest_blobs.c.blob_id, manifest_blobs.c.manifest_id)

uploads = Table(
    "uploads",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("workspace_id", _Id, ForeignKey("workspaces.id"), nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("digest", TEXT),
    Column("size", BigInteger),
)
_index("uploads_by_digest", uploads.c.workspace_id, uploads.c.created_by, uploads.c.digest)
_index("uploads_by_created_at", uploads.c.created_at)
