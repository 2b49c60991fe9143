"""Where runs are kept: in a database of MLflow's own, beside ours.

    ours                     MLflow's: experiments, runs, metrics, logged models, traces
    SQLite: HOME/muniment.db  HOME/mlflow.db   two files, since SQLite lets one writer at a time in:
                                               docs/decisions/0005-runs-have-a-database-of-their-own
    PostgreSQL               the same database, schema `mlflow`
    MongoDB                  none, unless MUNIMENT_MLFLOW_DATABASE names one

MLflow makes and upgrades its own tables; nothing here reads them, but for the one question whether
there is anything in them.
"""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from muniment.errors import ConfigurationError, Unavailable
from muniment.server.settings import Settings
from muniment.storage.places import file_of

DATABASE: Final = "mlflow.db"
SCHEMA: Final = "mlflow"
ANYTHING: Final = (
    "SELECT EXISTS (SELECT 1 FROM runs) OR EXISTS (SELECT 1 FROM logged_models) "
    "OR EXISTS (SELECT 1 FROM trace_info)"
)
_BUSY_SECONDS: Final = 30


class RunsDatabase(Protocol):
    """A database that MLflow can use."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """Where it is, without a password."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """Its URI as SQLAlchemy reads it; it may hold a password."""

    @abstractmethod
    def holds_anything(self) -> bool:
        """Say whether anything has been logged there. MLflow is not needed.

        Raises:
            Unavailable: it can't be read.
        """

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Let one process at a time in: the one that makes or upgrades MLflow's tables."""


def runs_database(settings: Settings) -> RunsDatabase | None:
    """Return where the settings want runs to be kept; None if nobody has said so.

    Raises:
        ConfigurationError: it can't be there.
    """
    place = settings.place
    url = settings.mlflow_database
    if url is None and place.sqlite_file is not None:
        return SqliteRuns(place.sqlite_file.with_name(DATABASE))
    if url is None and place.database_kind != "postgresql":
        return None
    told = place.database if url is None else url.get_secret_value()
    file = file_of(told)
    if file is not None:
        return SqliteRuns(file)
    from muniment.server.tracking.postgres import PostgresRuns  # its driver is an extra

    # Both have a table of that name for their migrations, so not both in one schema.
    return PostgresRuns(told, schema=SCHEMA if told == place.database else None)


class SqliteRuns:
    """A file of SQLite."""

    def __init__(self, file: Path) -> None:
        self._file = file.absolute()
        if "?" in str(self._file):
            raise ConfigurationError(
                f"MLflow can't keep its database in {self.shown!r}: a '?' ends the path in its "
                "URIs.",
                hint="Choose a home without it, or turn runs off: MUNIMENT_MLFLOW_TRACKING=off.",
                details={"setting": "home"},
            )

    @property
    def shown(self) -> str:
        """The folder."""
        return str(self._file.parent)

    @property
    def uri(self) -> str:
        """See `RunsDatabase`."""
        return f"sqlite:///{self._file}?timeout={_BUSY_SECONDS}"

    def holds_anything(self) -> bool:
        """See `RunsDatabase`. Asks the file itself."""
        if not self._file.exists():
            return False
        address = f"{self._file.as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as database:
                return bool(database.execute(ANYTHING).fetchone()[0])
        except sqlite3.OperationalError as error:
            if str(error).startswith("no such table"):
                return False  # they are just being made
            raise Unavailable(f"{self._file.name} can't be read: {error}.") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `RunsDatabase`."""
        import fcntl

        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when the file is closed
            yield
