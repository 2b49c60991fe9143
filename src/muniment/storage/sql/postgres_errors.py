"""What PostgreSQL's errors mean: to be tried again, or one of `muniment.errors`.

The texts of PostgreSQL and of its library name hosts, users and databases, but never a password.
"""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from muniment.errors import ConfigurationError, Corrupt, StorageFull, Unavailable

FAILURES: Final = (psycopg.Error, DBAPIError, PoolTimeout)
"""What the driver raises, and what Core and the pool make of it."""

_LOST_RACES: Final = (
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.UniqueViolation,  # a row that was not there when we looked
    errors.ForeignKeyViolation,  # one that was
)
_CORRUPT: Final = (errors.DataCorrupted, errors.IndexCorrupted)
_WAITED: Final = (errors.LockNotAvailable, errors.QueryCanceled)
_NOT_ALLOWED: Final = (errors.InsufficientPrivilege, errors.InvalidSchemaName)
# While connecting there are no codes, only texts; a server that speaks another language is merely
# said to be unavailable.
_NOT_LET_IN: Final = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied for database",
    "is not permitted to log in",
    "does not support SSL",
    "certificate verify failed",
)


def is_lost_race(error: BaseException) -> bool:
    """Say whether the same work may succeed if it is done again."""
    return isinstance(_cause(error), _LOST_RACES)


def translated(error: BaseException, where: str) -> BaseException:
    """Return what an error means to us; any other error as it is.

    Args:
        where: the server's host and port, and the database.
    """
    cause = _cause(error)
    said = " ".join(str(cause).split())
    if isinstance(cause, PoolTimeout):
        return Unavailable(
            f"All connections to {where} have been busy for too long.",
            hint="Try again; if it stays so, raise pool_size in the URL, or find what is slow.",
        )
    if not isinstance(cause, psycopg.Error):
        return error
    if isinstance(cause, errors.DiskFull):
        return StorageFull(
            f"The database {where} can't grow: {said}.",
            hint="Free some disk space on its server, then try again.",
        )
    if isinstance(cause, _CORRUPT):
        return Corrupt(
            f"The database {where} can't be read: {said}.", hint="Restore it from a backup."
        )
    if isinstance(cause, _NOT_ALLOWED):
        return ConfigurationError(
            f"The role may not do what it must in {where}: {said}.",
            hint="Let it own the database, or grant it CREATE and USAGE on its schema.",
        )
    if isinstance(cause, errors.ReadOnlySqlTransaction):
        return read_only(where)
    if isinstance(cause, _WAITED):
        return Unavailable(
            f"The database {where} took too long: {said}.",
            hint="Try again; if it stays so, look for a session that holds a lock.",
        )
    if isinstance(cause, psycopg.OperationalError):
        return _not_connected(said, where)
    return error


def read_only(where: str) -> Unavailable:
    """Return the error that a database can't be written: its server is a standby, or is told so."""
    return Unavailable(
        f"The database {where} can only be read.",
        hint="Name the primary in the URL, or all hosts and target_session_attrs=read-write.",
    )


def _not_connected(said: str, where: str) -> ConfigurationError | Unavailable:
    if "database" in said and "does not exist" in said:
        return ConfigurationError(
            f"There is no database {where}: {said}.",
            hint="Create it: createdb --encoding=UTF8 NAME, owned by the role of the URL.",
        )
    if any(text in said for text in _NOT_LET_IN):
        return ConfigurationError(
            f"The server of {where} lets nobody in by this URL: {said}.",
            hint="Check the role and its password, and the server's pg_hba.conf.",
        )
    return Unavailable(
        f"The database {where} does not answer: {said}.",
        hint="Check that its server runs and can be reached, then try again.",
    )


def _cause(error: BaseException) -> BaseException:
    """Return the driver's error, if Core has wrapped one."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
