"""All versions of a model by stage, also those in none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the index anew, over more rows."""
    op.drop_index("model_versions_by_stage", "versions")
    live = sa.text("deleted_at IS NULL")
    op.create_index(
        "model_versions_by_stage",
        "versions",
        ["model_id", "stage_key", "number"],
        sqlite_where=live,
        postgresql_where=live,
    )
