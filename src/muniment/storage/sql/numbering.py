"""Ids that came from elsewhere, beside those that the database gives."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, text

from muniment.storage.sql.engine import Session

_RAISE: Final = (
    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), :id) FROM {table}_id_seq "
    "WHERE last_value < :id"
)


def keep_below(session: Session, table: Table, row_id: int) -> None:
    """See to it that ids given from now on are above `row_id`.

    SQLite looks at the rows themselves; a sequence of PostgreSQL must be told.
    """
    if session.dialect.name == "postgresql":
        session.core.execute(text(_RAISE.format(table=table.name)), {"id": row_id})
