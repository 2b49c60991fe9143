"""What the checks of a version say together, and an index of it."""

from __future__ import annotations

import json
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_PASSED: Final = (
    "UPDATE versions SET checks = 'passed' WHERE (model_id, number) IN"
    " (SELECT model_id, number FROM records WHERE kind = 'check')"
)
_FAILED: Final = (
    "UPDATE versions SET checks = 'failed' WHERE (model_id, number) IN"
    " (SELECT model_id, number FROM records WHERE state != 'pass' AND id IN"
    " (SELECT max(id) FROM records WHERE kind = 'check' GROUP BY model_id, number, key_list))"
)
_DUE: Final = "SELECT model_id, number, body FROM records WHERE kind = 'checking' AND state = 'due'"
_CHECKED: Final = (
    "SELECT key_list FROM records"
    " WHERE model_id = :model_id AND kind = 'check' AND number = :number"
)
_WAITS: Final = (
    "UPDATE versions SET checks = 'waiting'"
    " WHERE model_id = :model_id AND number = :number AND checks != 'failed'"
)


def upgrade() -> None:
    """Add the column and fill it from the records of checks; then the index."""
    op.add_column("versions", sa.Column("checks", TEXT, nullable=False, server_default=""))
    op.execute(_PASSED)
    op.execute(_FAILED)
    _note_waiting()
    some = sa.text("checks != '' AND deleted_at IS NULL")
    op.create_index(
        "versions_by_checks",
        "versions",
        ["workspace_id", "checks", "id"],
        sqlite_where=some,
        postgresql_where=some,
    )


def _note_waiting() -> None:
    """Mark what waits for a check without a verdict; few versions wait at any moment."""
    connection = op.get_bind()
    for model_id, number, body in connection.execute(sa.text(_DUE)).all():
        version = {"model_id": model_id, "number": number}
        checked = {
            key.removeprefix("name:")
            for (keys,) in connection.execute(sa.text(_CHECKED), version)
            for key in json.loads(keys)
        }
        named = json.loads(body)["checks"]
        if not named or not checked.issuperset(named):
            connection.execute(sa.text(_WAITS), version)
