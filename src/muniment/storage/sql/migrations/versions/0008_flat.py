"""Indexes for what took longer the more there was: in a model, in a stage, of a version, …"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the indexes; write down the models of metrics."""
    _index("models_by_creator", "models", "workspace_id created_by id", "deleted_at IS NULL")
    _index("model_versions_by_id", "versions", "model_id id size deleted_at", "deleted_at IS NULL")
    for name, columns, some in (
        ("versions_in_stage", "workspace_id stage id", "stage_key != 'none'"),
        ("versions_by_tenure", "workspace_id stage stage_since id", "stage_key != 'none'"),
        ("versions_in_status", "workspace_id status id", "status != 'READY'"),
        ("versions_by_framework", "workspace_id framework id", "framework != ''"),
    ):
        _index(name, "versions", columns, f"{some} AND deleted_at IS NULL")
    _index(
        "model_activities_by_version",
        "activities",
        "model_id version sequence kind at",
        "version IS NOT NULL",
    )
    op.add_column("version_properties", sa.Column("model_id", ID))
    op.execute(
        "UPDATE version_properties SET model_id ="
        " (SELECT v.model_id FROM versions AS v WHERE v.id = version_properties.owner_id)"
        " WHERE space = 'metrics'"
    )
    _index(
        "version_metrics_by_model",
        "version_properties",
        "model_id key number owner_id",
        "model_id IS NOT NULL",
    )


def _index(name: str, table: str, columns: str, where: str) -> None:
    some = sa.text(where)
    op.create_index(name, table, columns.split(), sqlite_where=some, postgresql_where=some)
