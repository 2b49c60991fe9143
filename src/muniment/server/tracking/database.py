"""Where runs are kept: in a database of MLflow's own, beside ours.

    HOME/muniment.db     ours: models, versions, aliases, files, accounts
    HOME/mlflow.db       MLflow's: experiments, runs, metrics, logged models, traces

Two files, since SQLite lets one writer at a time into each: see
docs/decisions/0005-runs-have-a-database-of-their-own.md. MLflow makes and upgrades its own tables;
nothing here reads them, but for the one question whether there is anything in them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from muniment.errors import ConfigurationError, Unavailable

DATABASE: Final = "mlflow.db"
_LOCK: Final = "mlflow.lock"
_BUSY_SECONDS: Final = 30
_ANYTHING: Final = (
    "SELECT EXISTS (SELECT 1 FROM runs) OR EXISTS (SELECT 1 FROM logged_models) "
    "OR EXISTS (SELECT 1 FROM trace_info)"
)


def store_uri(home: Path) -> str:
    """Return the URI of MLflow's database in `home`, as SQLAlchemy reads it.

    Raises:
        ConfigurationError: such a URI can't name this folder.
    """
    path = str((home / DATABASE).absolute())
    if "?" in path:
        raise ConfigurationError(
            f"MLflow can't keep its database in {str(home)!r}: a '?' ends the path in its URIs.",
            hint="Choose a home without it, or turn runs off: MUNIMENT_MLFLOW_TRACKING=off.",
            details={"setting": "home"},
        )
    return f"sqlite:///{path}?timeout={_BUSY_SECONDS}"


def holds_anything(home: Path) -> bool:
    """Say whether anything has been logged there. Asks the file itself: MLflow is not needed.

    Raises:
        Unavailable: the file can't be read, or is kept locked.
    """
    path = home / DATABASE
    if not path.exists():
        return False
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        ) as database:
            return bool(database.execute(_ANYTHING).fetchone()[0])
    except sqlite3.OperationalError as error:
        if str(error).startswith("no such table"):
            return False  # they are just being made
        raise Unavailable(f"{DATABASE} can't be read: {error}.") from error


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Let one process at a time in: the one that makes or upgrades MLflow's tables."""
    import fcntl

    with (home / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when the file is closed
        yield
