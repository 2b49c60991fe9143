"""What the store needs of a database, and how it runs the statements that it always runs.

The store is written in SQLAlchemy Core. A database brings an `Engine`: connections, how a write
becomes one atomic and durable step, what its errors mean, and the few operators that databases
spell differently. An error of the driver leaves an engine as one of `muniment.errors`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from sqlalchemy import Connection, Dialect, Executable, Insert, Select, Table
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler

from muniment.storage.metadata import Done

T = TypeVar("T")
Cell: TypeAlias = str | int | float | None
"""All that a column holds: nothing is converted between driver and row."""
Row: TypeAlias = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Session:
    """One connection: as Core knows it, for statements made on the spot, and as its driver does."""

    core: Connection
    driver: DBAPIConnection

    @property
    def dialect(self) -> Dialect:
        """How this database spells SQL."""
        return self.core.dialect

    @property
    def tells_row_ids(self) -> bool:
        """Whether the driver knows the id of a row that was inserted, without RETURNING."""
        return True

    def alone(self, *what: object) -> None:
        """Wait until no other write is in here by the same words; keep others out till it ends.

        A database that lets only one write in at a time has nothing to do.
        """

    def lock(self, rows: Select[Any]) -> None:
        """Run a query FOR UPDATE, for the locks alone; they are held until the write ends.

        A database that lets only one write in at a time has nothing to do.
        """

    def undoable(self) -> AbstractContextManager[None]:
        """Return a stretch of a write that an error undoes, leaving what was before it.

        A database that undoes a failed statement, and nothing else, has nothing to do.
        """
        return nullcontext()


class Engine(Protocol):
    """A database that the store can live in. Safe to use from many threads."""

    @property
    @abstractmethod
    def reads_are_local(self) -> bool:
        """See `MetadataStore.reads_are_local`."""

    def briefly(self) -> AbstractContextManager[None]:
        """See `MetadataStore.briefly`."""
        return nullcontext()

    @abstractmethod
    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work`, which reads; each statement sees what was committed when it began."""

    @abstractmethod
    def snapshot(self, work: Callable[[Session], T]) -> T:
        """Run `work`, which reads; all its statements see the same state."""

    def unchanged(self, session: Session) -> dict[Hashable, Any] | None:
        """Return what was put here since anybody changed anything, as a snapshot sees it.

        None if the database can't tell that at once.
        """
        return None

    @abstractmethod
    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` as one atomic, durable change; it may run more than once.

        Others may write at the same time: what must not change between looking and writing has to
        be locked first (FOR UPDATE, `Session.alone`), and then be looked at by a new statement.
        """

    def submit(self, call: Callable[[], T], done: Done[T]) -> bool:
        """See `MetadataStore.submit`."""
        return False

    @abstractmethod
    def like(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Return `column LIKE pattern` as `domain.query` means it."""

    @abstractmethod
    def ilike(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Return `column ILIKE pattern` as `domain.query` means it."""

    @abstractmethod
    def ping(self) -> None:
        """Raise Unavailable unless it can be read and written."""

    @abstractmethod
    def close(self) -> None:
        """Finish the writes that were accepted and let go of all connections."""


class _InsertNew(Insert):
    """An insert that does nothing, and returns no row, where a unique index forbids it."""

    inherit_cache = True


@compiles(_InsertNew)
def _spell(statement: _InsertNew, compiler: SQLCompiler, **options: Any) -> str:
    text = cast(str, compiler.visit_insert(statement, **options))  # type: ignore[no-untyped-call]
    insert, returning, columns = text.partition(" RETURNING ")
    return f"{insert} ON CONFLICT DO NOTHING{returning}{columns}"


def insert_new(table: Table) -> Insert:
    """Return an insert that does nothing, and returns no row, where a unique index forbids it.

    An error instead would, in some databases, be the end of the whole transaction. Core has no
    words for it, only dialects have, each its own; ours all spell them the same.
    """
    return _InsertNew(table)


class Prepared:
    """A statement that never changes but for its parameters: compiled once, run on the driver.

    That takes a quarter of the time of `Connection.execute`, which matters where one request is
    one statement. Only for statements whose columns hold `Cell`s as they are, as ours all do.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = cast(ClauseElement, statement)
        self._compiled: dict[str, _Compiled] = {}

    def one(self, session: Session, **parameters: Cell) -> Row | None:
        """Return the first row, or None."""
        cursor = self._run(session, parameters)
        row = cursor.fetchone()
        cursor.close()
        return cast("Row | None", row)

    def all(self, session: Session, **parameters: Cell) -> list[Row]:
        """Return all rows."""
        return cast("list[Row]", self._run(session, parameters).fetchall())

    def scalar(self, session: Session, **parameters: Cell) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(session, **parameters)
        return None if row is None else row[0]

    def run(self, session: Session, **parameters: Cell) -> int:
        """Run a statement that returns no rows; return how many it touched."""
        cursor = self._run(session, parameters)
        count: int = cursor.rowcount
        cursor.close()
        return count

    def row_id(self, session: Session, **parameters: Cell) -> int | None:
        """Run an insert of one row; return its id, None if there is none.

        For sessions whose driver tells it; RETURNING costs SQLite half as much as the insert.
        """
        cursor = self._run(session, parameters)
        found: int | None = cursor.lastrowid if cursor.rowcount else None
        cursor.close()
        return found

    def many(self, session: Session, rows: Iterable[Mapping[str, Cell]]) -> None:
        """Run it once per mapping of parameters."""
        compiled = self._for(session.dialect)
        cursor = session.driver.cursor()
        try:
            cursor.executemany(compiled.sql, [compiled.bind(row) for row in rows])
        except _integrity_error(session) as error:
            raise IntegrityError(compiled.sql, None, error) from error
        finally:
            cursor.close()

    def sql(self, dialect: Dialect) -> str:
        """Return the text that the database is sent."""
        return self._for(dialect).sql

    def constants(self, dialect: Dialect) -> Mapping[str, Cell]:
        """Return the values that the statement was made with, by the names of their parameters."""
        return self._for(dialect).constants

    def _run(self, session: Session, parameters: Mapping[str, Cell]) -> Any:
        compiled = self._for(session.dialect)
        cursor = session.driver.cursor()
        try:
            cursor.execute(compiled.sql, compiled.bind(parameters))
        except _integrity_error(session) as error:
            raise IntegrityError(compiled.sql, dict(parameters), error) from error
        return cursor

    def _for(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._statement, dialect)
        return compiled


@dataclass(frozen=True, slots=True)
class _Compiled:
    """SQL text; the names of its parameters in their order (None: it names them itself)."""

    sql: str
    order: tuple[str, ...] | None
    constants: Mapping[str, Cell]

    def bind(self, parameters: Mapping[str, Cell]) -> Any:
        values = {**self.constants, **parameters} if self.constants else parameters
        if self.order is None:
            return values
        return [values[name] for name in self.order]


def _compile(statement: ClauseElement, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    order = getattr(compiled, "positiontup", None)  # of dialects with positional parameters
    return _Compiled(str(compiled), None if order is None else tuple(order), constants)


def _integrity_error(session: Session) -> type[Exception]:
    return cast("type[Exception]", session.dialect.loaded_dbapi.IntegrityError)
