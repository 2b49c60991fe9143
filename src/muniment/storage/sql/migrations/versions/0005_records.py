"""Records, stages and uses; activities across models; since when a version is in its stage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; add the columns, and fill them from what is there."""
    _index_activities()
    op.add_column("versions", sa.Column("stage_since", sa.BigInteger()))
    op.execute(
        "UPDATE versions SET stage_since = coalesce((SELECT max(a.at) FROM activities AS a"
        " WHERE a.model_id = versions.model_id AND a.kind = 'stage.changed'"
        " AND a.version = versions.number), updated_at) WHERE stage_key != 'none'"
    )
    _make_records()
    op.create_table(
        "stages",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("colour", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("policies", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "uses",
        sa.Column("model_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("consumer", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("named", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("model_id", "number", "consumer", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_index("uses_by_time", "uses", ["workspace_id", "last_at"])
    op.create_index("uses_by_consumer", "uses", ["workspace_id", "consumer", "last_at"])


def _index_activities() -> None:
    op.add_column("activities", sa.Column("workspace_id", ID, nullable=False, server_default="0"))
    op.execute(
        "UPDATE activities SET workspace_id ="
        " (SELECT m.workspace_id FROM models AS m WHERE m.id = activities.model_id)"
    )
    op.create_index(
        "model_activities_by_kind", "activities", ["model_id", "kind", "sequence", "at"]
    )
    in_time = ["at", "model_id", "sequence"]
    op.create_index("activities_by_kind", "activities", ["workspace_id", "kind", *in_time])
    op.create_index(
        "activities_by_actor", "activities", ["workspace_id", "actor", "kind", *in_time]
    )


def _make_records() -> None:
    op.create_table(
        "records",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("key_list", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("records_by_kind", "records", ["workspace_id", "kind", "id"])
    op.create_index("model_records_by_kind", "records", ["model_id", "kind", "id"])
    op.create_index("model_records_by_version", "records", ["model_id", "kind", "number", "id"])
    op.create_table(
        "record_keys",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "key", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("record_keys_by_model", "record_keys", ["model_id", "kind", "key", "record_id"])
    for name, table, columns in (
        ("records_by_state", "records", ["workspace_id", "kind", "state", "id"]),
        ("model_records_by_state", "records", ["model_id", "kind", "state", "id"]),
        (
            "record_keys_by_state",
            "record_keys",
            ["workspace_id", "kind", "key", "state", "record_id"],
        ),
    ):
        condition = sa.text("state != ''")
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
