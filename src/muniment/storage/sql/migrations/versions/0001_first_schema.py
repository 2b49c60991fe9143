"""The first schema: everything of `tables` as of 0.1."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "blobs",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("leased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
    )
    _index("blobs_by_lease", "blobs", ["leased_at"])
    op.create_table(
        "manifests",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "workspaces",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "manifest_blobs",
        sa.Column("manifest_id", ID, nullable=False),
        sa.Column("blob_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blobs.id"]),
        sa.ForeignKeyConstraint(["manifest_id"], ["manifests.id"]),
        sa.PrimaryKeyConstraint("manifest_id", "blob_id"),
        sqlite_with_rowid=False,
    )
    _index("manifest_blobs_by_blob", "manifest_blobs", ["blob_id", "manifest_id"])
    op.create_table(
        "models",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", TEXT, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("aliases", TEXT, nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("latest", sa.BigInteger()),
        sa.Column("version_count", sa.BigInteger(), nullable=False),
        sa.Column("activity_count", sa.BigInteger(), nullable=False),
        sa.Column("activity_head", TEXT, nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    _index(
        "models_by_created_at",
        "models",
        ["workspace_id", "created_at", "id"],
        where="deleted_at IS NULL",
    )
    _index("models_by_deleted_at", "models", ["deleted_at", "id"], where="deleted_at IS NOT NULL")
    _index("models_by_id", "models", ["workspace_id", "id"], where="deleted_at IS NULL")
    _index(
        "models_by_name",
        "models",
        ["workspace_id", "name"],
        where="deleted_at IS NULL",
        unique=True,
    )
    _index(
        "models_by_slug",
        "models",
        ["workspace_id", "slug"],
        where="deleted_at IS NULL",
        unique=True,
    )
    _index(
        "models_by_updated_at",
        "models",
        ["workspace_id", "updated_at", "id"],
        where="deleted_at IS NULL",
    )
    op.create_table(
        "uploads",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT),
        sa.Column("size", sa.BigInteger()),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("uploads_by_created_at", "uploads", ["created_at"])
    _index("uploads_by_digest", "uploads", ["workspace_id", "created_by", "digest"])
    op.create_table(
        "activities",
        sa.Column("model_id", ID, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger()),
        sa.Column("comment", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("model_id", "sequence"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_properties",
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("space", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("prefix", TEXT),
        sa.Column("rest", TEXT),
        sa.Column("number", sa.Double()),
        sa.Column("integer", sa.BigInteger()),
        sa.ForeignKeyConstraint(["owner_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("owner_id", "space", "key"),
        sqlite_with_rowid=False,
    )
    _index(
        "model_properties_by_number",
        "model_properties",
        ["workspace_id", "space", "key", "number", "owner_id"],
        where="number IS NOT NULL",
    )
    _index(
        "model_properties_by_text",
        "model_properties",
        ["workspace_id", "space", "key", "prefix", "owner_id"],
        where="prefix IS NOT NULL",
    )
    op.create_table(
        "refs",
        sa.Column("model_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("protected", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("model_id", "kind", "name"),
        sqlite_with_rowid=False,
    )
    _index("refs_by_name", "refs", ["name", "kind"])
    _index("refs_by_version", "refs", ["model_id", "number"])
    op.create_table(
        "remembered",
        sa.Column("model_id", ID, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("model_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", TEXT, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("status_message", TEXT, nullable=False),
        sa.Column("label", TEXT),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("stage_key", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("params", TEXT, nullable=False),
        sa.Column("metrics", TEXT, nullable=False),
        sa.Column("framework", TEXT, nullable=False),
        sa.Column("signature", TEXT),
        sa.Column("source_uri", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("run_link", TEXT, nullable=False),
        sa.Column("digest", TEXT),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("file_count", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", TEXT),
        sa.Column("parent", TEXT),
        sa.Column("aliases", TEXT, nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model_id", "number"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    _index(
        "model_versions_by_created_at",
        "versions",
        ["model_id", "created_at", "id"],
        where="deleted_at IS NULL",
    )
    _index(
        "model_versions_by_stage",
        "versions",
        ["model_id", "stage_key", "number"],
        where="stage_key != 'none' AND deleted_at IS NULL",
    )
    _index(
        "model_versions_by_updated_at",
        "versions",
        ["model_id", "updated_at", "id"],
        where="deleted_at IS NULL",
    )
    _index(
        "versions_by_created_at",
        "versions",
        ["workspace_id", "created_at", "id"],
        where="deleted_at IS NULL",
    )
    _index(
        "versions_by_deleted_at",
        "versions",
        ["deleted_at", "id"],
        where="deleted_at IS NOT NULL",
    )
    _index(
        "versions_by_digest",
        "versions",
        ["digest", "model_id", "number"],
        where="digest IS NOT NULL",
    )
    _index("versions_by_id", "versions", ["workspace_id", "id"], where="deleted_at IS NULL")
    _index(
        "versions_by_label",
        "versions",
        ["label", "model_id"],
        where="label IS NOT NULL AND deleted_at IS NULL",
        unique=True,
    )
    _index("versions_by_run", "versions", ["run_id"], where="run_id != '' AND deleted_at IS NULL")
    _index(
        "versions_by_stage",
        "versions",
        ["workspace_id", "stage", "updated_at", "id"],
        where="stage_key != 'none' AND deleted_at IS NULL",
    )
    _index(
        "versions_by_status",
        "versions",
        ["workspace_id", "status", "updated_at", "id"],
        where="status != 'READY' AND deleted_at IS NULL",
    )
    _index(
        "versions_by_updated_at",
        "versions",
        ["workspace_id", "updated_at", "id"],
        where="deleted_at IS NULL",
    )
    op.create_table(
        "version_properties",
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("space", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("prefix", TEXT),
        sa.Column("rest", TEXT),
        sa.Column("number", sa.Double()),
        sa.Column("integer", sa.BigInteger()),
        sa.ForeignKeyConstraint(["owner_id"], ["versions.id"]),
        sa.PrimaryKeyConstraint("owner_id", "space", "key"),
        sqlite_with_rowid=False,
    )
    _index(
        "version_properties_by_number",
        "version_properties",
        ["workspace_id", "space", "key", "number", "owner_id"],
        where="number IS NOT NULL",
    )
    _index(
        "version_properties_by_text",
        "version_properties",
        ["workspace_id", "space", "key", "prefix", "owner_id"],
        where="prefix IS NOT NULL",
    )


def _index(
    name: str, table: str, columns: Sequence[str], *, where: str = "", unique: bool = False
) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )
