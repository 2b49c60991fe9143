"""The schema's history. Alembic is loaded only where an older database must be brought forward.

A new database is made from `tables` at once; a test asserts that all migrations together make
exactly the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from muniment.errors import ConfigurationError
from muniment.storage.sql import (  # noqa: F401  (in `metadata`, too)
    account_tables,
    documents,
    file_tables,
    record_tables,
    webhook_tables,
)
from muniment.storage.sql.tables import metadata

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
HEAD: Final = REVISIONS[-1]
_CREATE_REVISION = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def is_current(connection: Connection, name: str) -> bool:
    """Say whether a database has today's schema.

    Raises:
        ConfigurationError: it is not ours, or its schema is newer than this program.
    """
    return _revision(connection, name) == HEAD


def upgrade(connection: Connection, name: str) -> None:
    """Bring a database to today's schema, within the transaction that is open and locks it."""
    revision = _revision(connection, name)
    if revision is None:
        metadata.create_all(connection, checkfirst=False)
        connection.execute(text(_CREATE_REVISION))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    elif revision != HEAD:
        migrate(connection)


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Run the migrations up to `to` that a database (possibly an empty one) has not seen."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    here = str(Path(__file__).parent)
    config.set_main_option("script_location", here.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if not connection.in_transaction():
        connection.begin()  # else Alembic would, and commit what is the caller's to commit
    command.upgrade(config, to)


def _revision(connection: Connection, name: str) -> str | None:
    """Return the revision of a database; None if it is empty."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if not {"alembic_version", "manifest_blobs"}.issubset(tables):
        raise ConfigurationError(
            f"{name!r} is a database of another program: it has a table {tables[0]!r:.100}.",
            hint="Choose another one.",
        )
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if revision not in REVISIONS:
        raise ConfigurationError(
            f"{name!r} was written by a newer Muniment (its schema is {revision!r:.40}, this one "
            f"knows {HEAD!r}).",
            hint="Upgrade Muniment: pip install --upgrade muniment.",
        )
    return revision
