"""Runs in PostgreSQL: in a database of their own, or in a schema of their own in ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Final
from urllib.parse import quote, urlencode

from muniment.errors import ConfigurationError, Unavailable
from muniment.server.tracking.database import ANYTHING
from muniment.storage.places import shown_url

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
except ModuleNotFoundError as error:
    raise ConfigurationError(
        "psycopg is not installed.", hint='Install it: pip install "muniment[postgres]".'
    ) from error

_LOCK: Final = (0x4D75, 0x6D6C)
"""The advisory lock of whoever makes MLflow's tables."""
_OURS: Final = frozenset({"pool_size"})
"""What our own adapter reads in the URL, and libpq does not know."""


class PostgresRuns:
    """A database at a URL; with a schema, MLflow's tables are in that one alone."""

    def __init__(self, url: str, *, schema: str | None) -> None:
        self._url = url
        self._schema = schema

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return shown_url(self._url)

    @property
    def uri(self) -> str:
        """See `RunsDatabase`. All of it is in the query: several hosts fit nowhere else."""
        return f"postgresql+psycopg://?{urlencode(self._connection, quote_via=quote)}"

    def holds_anything(self) -> bool:
        """See `RunsDatabase`."""
        with self._connected() as connection:
            try:
                row = connection.execute(ANYTHING).fetchone()
            except psycopg.errors.UndefinedTable:
                return False
        return row is not None and bool(row[0])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `RunsDatabase`. Makes the schema."""
        with self._connected() as connection:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", _LOCK)
            if self._schema is not None:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}".encode())
            yield

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            connection = psycopg.connect(make_conninfo(**self._connection), autocommit=True)
        except psycopg.OperationalError as error:
            raise Unavailable(
                f"PostgreSQL at {self.shown} does not answer: {str(error).strip():.500}"
            ) from error
        with connection:
            yield connection

    @cached_property
    def _connection(self) -> dict[str, str]:
        address, _, query = self._url.partition("?")
        theirs = [said for said in query.split("&") if said.partition("=")[0] not in _OURS]
        try:
            said = conninfo_to_dict(f"{address}?{'&'.join(theirs)}")
        except psycopg.ProgrammingError as error:
            raise ConfigurationError(
                f"{self.shown!r} is no URL that PostgreSQL can read.",
                details={"setting": "mlflow_database"},
            ) from error
        connection = {key: str(value) for key, value in said.items()}
        connection.setdefault("connect_timeout", "10")
        if self._schema is not None:
            given = connection.get("options", "")
            connection["options"] = f"{given} -c search_path={self._schema}".strip()
        return connection
