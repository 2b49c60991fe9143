"""SQLite: one file, many readers, one writing thread per process.

Write-ahead log, so that nobody waits for the writer; `synchronous=FULL`, so that a commit that was
acknowledged survives a power cut. Several processes may share the file: they wait for each other.
"""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from sqlalchemy import URL, NullPool, create_engine, literal
from sqlalchemy import Engine as SqlEngine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ColumnElement

from muniment.errors import ConfigurationError, Corrupt, StorageFull, Unavailable
from muniment.storage.metadata import Done, TakesLonger
from muniment.storage.sql import migrations, patterns
from muniment.storage.sql.engine import Engine, Session
from muniment.storage.sql.store import SqlMetadataStore
from muniment.storage.sql.writer import Writer

T = TypeVar("T")
BUSY_SECONDS: Final = 30.0
_OLDEST = (3, 35, 0)  # the first that knows RETURNING


def open_sqlite(path: Path) -> SqlMetadataStore:
    """Open the database in the file `path`, created with its folder if there is none.

    Raises:
        ConfigurationError: the file belongs to another program or a newer Muniment, can't be
            opened, or SQLite is too old.
        Corrupt: the file is no SQLite database.
        Unavailable: another process has locked it for longer than half a minute.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise ConfigurationError(
            f"Python's SQLite is {sqlite3.sqlite_version}; Muniment needs 3.35 or newer.",
            hint="Use a Python that was built with a newer SQLite.",
        )
    path = path.absolute()
    engine = _database(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _prepare(engine, str(path))
    except (sqlite3.Error, DBAPIError) as error:
        raise _translate(error) from error
    except OSError as error:
        raise ConfigurationError(
            f"{str(path.parent)!r} can't be made: {error.strerror}.", hint="Choose another folder."
        ) from error
    return SqlMetadataStore(SqliteEngine(engine))


class SqliteEngine(Engine):
    """See `muniment.storage.sql.engine.Engine`. The database must have its schema."""

    def __init__(self, engine: SqlEngine) -> None:
        self._engine = engine
        self._closed = False
        self._idle: deque[Session] = deque()  # connections to read with; popped and put back
        self._kept: dict[Session, tuple[int, dict[Hashable, Any]]] = {}  # of each of them
        self._writer = Writer(partial(_connect, engine), _translate)
        self._threads = threading.local()

    @property
    def reads_are_local(self) -> bool:
        return True

    @contextmanager
    def briefly(self) -> Iterator[None]:
        self._threads.is_brief = True
        try:
            yield
        finally:
            self._threads.is_brief = False

    def read(self, work: Callable[[Session], T]) -> T:
        if self._closed:
            raise Unavailable("The store is closed.", hint="Open it again.")
        writing = self._writer.session()
        if writing is not None:
            return work(writing)  # it sees what it has written
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._connect_to_read()
        database = cast(sqlite3.Connection, session.driver)
        is_brief = getattr(self._threads, "is_brief", False)
        if is_brief:
            database.set_progress_handler(_Patience(), _STEPS)
        try:
            return work(session)
        except (sqlite3.Error, DBAPIError) as error:
            if is_brief and _code(error) == sqlite3.SQLITE_INTERRUPT:
                raise TakesLonger from error
            raise _translate(error) from error
        finally:
            if is_brief:
                database.set_progress_handler(None, 0)
            self._idle.append(session)
            self._let_go_if_closed()

    def snapshot(self, work: Callable[[Session], T]) -> T:
        def reading(session: Session) -> T:
            database = cast(sqlite3.Connection, session.driver)
            if database.in_transaction:
                return work(session)
            database.execute("BEGIN")
            try:
                return work(session)
            finally:
                database.rollback()

        return self.read(reading)

    def unchanged(self, session: Session) -> dict[Hashable, Any] | None:
        kept = self._kept.get(session)
        if kept is None:
            return None  # the connection that writes doesn't count its own changes
        database = cast(sqlite3.Connection, session.driver)
        version: int = database.execute("PRAGMA data_version").fetchone()[0]
        if kept[0] != version:
            kept = self._kept[session] = (version, {})
        return kept[1]

    def write(self, work: Callable[[Session], T]) -> T:
        return self._writer.run(work)

    def submit(self, call: Callable[[], T], done: Done[T]) -> bool:
        self._writer.submit(call, done)
        return True

    def like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        # SQLite's LIKE folds the case of ASCII letters; GLOB does not.
        return column.op("GLOB", is_comparison=True)(literal(patterns.to_glob(pattern)))

    def ilike(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        return column.like(patterns.to_like(pattern), escape="\\")

    def ping(self) -> None:
        self._writer.check()
        self.read(lambda session: session.core.exec_driver_sql("SELECT 1"))

    def close(self) -> None:
        self._writer.close()
        self._closed = True
        self._let_go_if_closed()

    def _connect_to_read(self) -> Session:
        try:
            session = _connect(self._engine, read_only=True)
            self._kept[session] = (0, {})
            return session
        except (sqlite3.Error, DBAPIError) as error:
            raise _translate(error) from error

    def _let_go_if_closed(self) -> None:
        while self._closed and self._idle:
            with suppress(IndexError):  # another thread took the last one
                self._idle.pop().core.close()


_STEPS: Final = 5_000
_TIMES: Final = 10  # that many steps of SQLite's virtual machine: a few milliseconds


class _Patience:
    """Is called each time that a statement has made its steps, and ends it after some times.

    SQLite counts on from where the same statement, prepared, has ended before; so the first time
    says nothing.
    """

    def __init__(self) -> None:
        self._left = _TIMES

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


def _database(path: Path) -> SqlEngine:
    """Return how to connect to a file; also the cache of compiled statements."""
    return create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={
            "timeout": BUSY_SECONDS,
            "isolation_level": None,  # transactions are begun by us, not by the driver
            "check_same_thread": False,
            "cached_statements": 512,
        },
    )


def _connect(engine: SqlEngine, *, read_only: bool = False) -> Session:
    core = engine.connect()
    database = cast(sqlite3.Connection, core.connection.driver_connection)
    try:
        if read_only:
            database.execute("PRAGMA query_only = ON")
        else:
            database.execute("PRAGMA synchronous = FULL")
            database.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone reaches only a cache
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("PRAGMA cache_size = -16384")  # KiB; of use where indexes are random
            database.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: some 200 commits
    except BaseException:
        core.close()
        raise
    return Session(core, cast(DBAPIConnection, database))


def _prepare(engine: SqlEngine, name: str) -> None:
    """Bring a file that may be new or old up to date, while others may be doing the same."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        session = _connect(engine)
        try:
            return _bring_up_to_date(session, name)
        except (sqlite3.OperationalError, DBAPIError) as error:
            # Changing to WAL doesn't wait for its turn, whatever the timeout is.
            if _code(error) not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        finally:
            session.core.close()


def _bring_up_to_date(session: Session, name: str) -> None:
    database = cast(sqlite3.Connection, session.driver)
    if migrations.is_current(session.core, name) and _journal(database) == "wal":
        return
    mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise ConfigurationError(
            f"SQLite can't keep a write-ahead log beside {name!r} (it says {mode!r}).",
            hint="Put the folder on a local disk.",
        )
    database.execute("BEGIN IMMEDIATE")
    try:
        migrations.upgrade(session.core, name)
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _journal(database: sqlite3.Connection) -> str:
    return str(database.execute("PRAGMA journal_mode").fetchone()[0])


# -- errors --------------------------------------------------------------------------------------

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_CLOSED_TO_US = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
)


def _code(error: BaseException) -> int | None:
    """Return SQLite's primary result code."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    extended = getattr(driver_error, "sqlite_errorcode", None)
    return None if extended is None else extended & 0xFF


def _translate(error: BaseException) -> BaseException:
    """Return what an error of SQLite means to us; any other error as it is."""
    code = _code(error)
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    if code == sqlite3.SQLITE_FULL:
        return StorageFull(
            f"The database can't grow: {said}.", hint="Free some disk space, then try again."
        )
    if code in _BUSY:
        return Unavailable(
            f"Another process has held the database for {BUSY_SECONDS:.0f} s: {said}.",
            hint="Try again; if it stays so, look for a process that hangs.",
        )
    if code in _CORRUPT:
        return Corrupt(
            f"The database can't be read: {said}.",
            hint="Restore it from a backup, or keep its path for Muniment alone.",
        )
    if code in _CLOSED_TO_US:
        return ConfigurationError(
            f"The database can't be opened or written: {said}.",
            hint="Check who owns the folder and its files, and their permissions.",
        )
    if code == sqlite3.SQLITE_IOERR:
        return Unavailable(
            f"The disk under the database fails: {said}.", hint="Check the disk and its mount."
        )
    return error
