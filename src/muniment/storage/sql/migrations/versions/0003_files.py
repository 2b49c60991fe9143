"""Files outside of versions; where the bytes of a pointer are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table, and add the column."""
    op.create_table(
        "files",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("blob_id", ID, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["blob_id"], ["blobs.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "path"),
        sqlite_with_rowid=False,
    )
    op.create_index("files_by_blob", "files", ["blob_id", "workspace_id"])
    op.add_column("versions", sa.Column("location", TEXT, nullable=False, server_default=""))
