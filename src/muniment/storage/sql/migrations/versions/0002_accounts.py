"""Accounts: users, their tokens and sessions, grants, claims, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("password", TEXT),
        sa.Column("must_change", sa.Integer(), nullable=False),
        sa.Column("subject", TEXT),
        sa.Column("groups", TEXT, nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("subject"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "grants",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("terms", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("grants_by_subject", "grants", ["subject", "workspace"])
    op.create_table(
        "tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("automation", sa.Integer(), nullable=False),
        sa.Column("scopes", TEXT),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("tokens_by_user", "tokens", ["user_name", "created_at"])
    op.create_table(
        "sessions",
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("secret"),
        sqlite_with_rowid=False,
    )
    op.create_index("sessions_by_user", "sessions", ["user_name"])
    op.create_index("sessions_by_end", "sessions", ["expires_at"])
    op.create_table(
        "failures",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("failures_by_key", "failures", ["key", "at"])
    op.create_index("failures_by_time", "failures", ["at"])
    op.create_table(
        "claims",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("workspace", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "workspace", "actor"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("sequence", ID, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger()),
        sa.Column("comment", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "audit_state",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("base", TEXT, nullable=False),
        sa.Column("head", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
