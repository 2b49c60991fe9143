"""PostgreSQL: one database for as many processes as there are.

READ COMMITTED: a statement sees what was committed when it began. What must not change between
looking and writing is therefore locked first, and looked at after that, in a statement of its own:

    transact        the model's row: changes of one model are serial
    blobs           rows of blobs and manifests (see `blobs`), in the order of their ids
    webhooks        a webhook's row, by whoever files or finishes its deliveries
    audit           the row that says where the chain ends
    `Session.alone` an advisory lock, where there is no row yet (a path that may be a folder)

Two that insert the same row are decided by its unique index: the second waits for the first, then
inserts nothing. Whoever loses a race in spite of all this, or is the victim of a deadlock, does
its work again.
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import Select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.sql import ColumnElement

from muniment.errors import Unavailable
from muniment.storage.sql import migrations, patterns
from muniment.storage.sql.engine import Engine, Session
from muniment.storage.sql.postgres_connections import Target, pool, target_of
from muniment.storage.sql.postgres_errors import FAILURES, is_lost_race, read_only, translated
from muniment.storage.sql.store import SqlMetadataStore

T = TypeVar("T")
ATTEMPTS: Final = 10
_FIRST_PAUSE: Final = 0.01  # seconds; doubled each time, and then a random part of it
_LONGEST_PAUSE: Final = 0.5
_MIGRATING: Final = 0x4D756E696D656E74
"""The advisory lock of whoever makes or migrates the schema."""


def open_postgres(url: str) -> SqlMetadataStore:
    """Open the database of a URL, which exists; its tables are made if there are none.

    Raises:
        ConfigurationError: the URL can't be read, there is no such database, the role may not log
            in or make tables, the server is too old, the encoding is not UTF-8, or the tables
            belong to another program or a newer Muniment.
        Unavailable: the server does not answer.
    """
    target = target_of(url)
    engine = PostgresEngine(target)
    try:
        engine.prepare()
    except BaseException:
        engine.close()
        raise
    return SqlMetadataStore(engine)


class PostgresSession(Session):
    """A connection to PostgreSQL."""

    @property
    def connection(self) -> psycopg.Connection:
        """The driver's connection, by its own type."""
        return cast(psycopg.Connection, self.driver)

    @property
    def tells_row_ids(self) -> bool:
        return False

    def alone(self, *what: object) -> None:
        key = blake2b(repr(what).encode(), digest_size=8).digest()
        number = int.from_bytes(key, "big", signed=True)
        self.connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])

    def lock(self, rows: Select[Any]) -> None:
        self.core.execute(rows)

    @contextmanager
    def undoable(self) -> Iterator[None]:
        self.connection.execute("SAVEPOINT undoable")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO undoable")
            raise
        self.connection.execute("RELEASE undoable")


class PostgresEngine(Engine):
    """See `muniment.storage.sql.engine.Engine`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pool: SqlEngine = pool(target)
        self._opened_by = os.getpid()
        self._closed = False

    @property
    def reads_are_local(self) -> bool:
        return False

    def prepare(self) -> None:
        """Bring the schema up to date, alone among all processes that may want to."""
        name = self._target.where

        def look(session: Session) -> bool:
            return migrations.is_current(session.core, name)

        def change(session: Session) -> None:
            connection = cast(PostgresSession, session).connection
            connection.execute("SET LOCAL lock_timeout = 0")
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATING])
            migrations.upgrade(session.core, name)

        if not self.read(look):
            self.write(change)

    def read(self, work: Callable[[Session], T]) -> T:
        return self._reading(work)

    def snapshot(self, work: Callable[[Session], T]) -> T:
        def reading(session: Session) -> T:
            connection = cast(PostgresSession, session).connection
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = work(session)
            connection.execute("COMMIT")
            return result

        return self._reading(reading)

    def write(self, work: Callable[[Session], T]) -> T:
        pause = _FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._writing(work)
            except _TryAgain as again:
                if attempt == ATTEMPTS:
                    raise self._given_up(again.reason) from again.reason
            time.sleep(random.uniform(0, pause))  # noqa: S311  # to part those who collided
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError

    def like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        return column.like(patterns.to_like(pattern), escape="\\")

    def ilike(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        # The columns compare by code point, where only ASCII letters have case.
        return column.ilike(patterns.to_like(pattern), escape="\\")

    def ping(self) -> None:
        def look(session: Session) -> None:
            connection = cast(PostgresSession, session).connection
            row = connection.execute("SHOW transaction_read_only").fetchone()
            if row != ("off",):
                raise read_only(self._target.where)

        self.read(look)

    def close(self) -> None:
        self._closed = True
        self._pool.dispose()

    # -- within ----------------------------------------------------------------------------------

    def _reading(self, work: Callable[[Session], T]) -> T:
        """Run a work that reads; again, if it turns out that the connection was lost."""
        try:
            with self._connected() as session:
                return work(session)
        except _Disconnected:
            pass
        except FAILURES as error:
            raise self._explained(error) from error
        try:
            with self._connected() as session:
                return work(session)
        except _Disconnected as lost:
            raise self._explained(lost.reason) from lost.reason
        except FAILURES as error:
            raise self._explained(error) from error

    def _writing(self, work: Callable[[Session], T]) -> T:
        """Run a work as one transaction. Raises _TryAgain if nothing of it was done."""
        committing = False
        try:
            with self._connected() as session:
                connection = session.connection
                connection.execute("BEGIN")
                result = work(session)
                if connection.info.transaction_status is TransactionStatus.INERROR:
                    raise _TryAgain(Unavailable("A write went on behind its own failure."))
                committing = True
                connection.execute("COMMIT")
                return result
        except _Disconnected as lost:
            if not committing:
                raise _TryAgain(lost.reason) from lost.reason
            raise Unavailable(
                f"The connection to {self._target.where} was lost while a change was made durable:"
                " it may have been made, or not.",
                hint="Look before you repeat it, or repeat it with the same idempotency key.",
            ) from lost.reason
        except FAILURES as error:
            if is_lost_race(error):
                raise _TryAgain(error) from error
            raise self._explained(error) from error

    @contextmanager
    def _connected(self) -> Iterator[PostgresSession]:
        """Lend a connection. What is open on it is undone; if it is lost, so are its neighbours.

        Raises:
            _Disconnected: it was lost, before or while it was used.
        """
        if self._closed:
            raise Unavailable("The store is closed.", hint="Open it again.")
        if os.getpid() != self._opened_by:
            raise Unavailable(
                "The store belongs to the process that forked this one.",
                hint="Open the store after the fork.",
            )
        core = self._pool.connect()
        connection = cast(psycopg.Connection, core.connection.driver_connection)
        try:
            yield PostgresSession(core, cast(DBAPIConnection, connection))
        except BaseException as error:
            if connection.broken or connection.closed:
                core.invalidate()
                self._pool.dispose()  # idle ones will hardly have survived
                if isinstance(error, FAILURES):
                    raise _Disconnected(error) from error
            raise
        finally:
            if not _is_idle(connection):
                with suppress(psycopg.Error):
                    connection.rollback()
            if not _is_idle(connection):
                core.invalidate()
            core.close()

    def _explained(self, error: BaseException) -> BaseException:
        return translated(error, self._target.where)

    def _given_up(self, reason: BaseException) -> BaseException:
        if is_lost_race(reason):
            return Unavailable(
                f"A change of {self._target.where} was given up after {ATTEMPTS} lost races.",
                hint="Try again in a moment.",
            )
        return self._explained(reason)


class _TryAgain(Exception):  # no error: a turn of events
    """Nothing was done, and the same may succeed now."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(reason)
        self.reason = reason


class _Disconnected(Exception):
    """The connection was lost."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(reason)
        self.reason = reason


def _is_idle(connection: psycopg.Connection) -> bool:
    return connection.info.transaction_status is TransactionStatus.IDLE
