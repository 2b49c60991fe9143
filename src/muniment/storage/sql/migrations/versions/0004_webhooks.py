"""Webhooks and their deliveries, leases; up to where activities were dispatched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables, and add the column."""
    op.create_table(
        "webhooks",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", TEXT, nullable=False),
        sa.Column("workspace", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("models", TEXT, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("webhooks_by_workspace", "webhooks", ["workspace", "id"])
    op.create_table(
        "deliveries",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("attempts", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"]),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    _index("deliveries_due", ["webhook_id", "next_at"], "next_at IS NOT NULL")
    _index(
        "deliveries_pending", ["webhook_id", "model_id", "sequence", "ordinal"], "state = 'PENDING'"
    )
    op.create_index("deliveries_by_time", "deliveries", ["webhook_id", "created_at", "id"])
    _index("deliveries_finished", ["finished_at"], "finished_at IS NOT NULL")
    op.create_table(
        "leases",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.add_column(
        "models", sa.Column("dispatched", sa.BigInteger(), nullable=False, server_default="0")
    )
    _index("models_undispatched", ["id"], "activity_count > dispatched", table="models")


def _index(name: str, columns: list[str], where: str, *, table: str = "deliveries") -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
