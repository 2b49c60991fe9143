"""What a workspace has settled: documents, by name."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from muniment.domain.values import JsonObject
from muniment.errors import PreconditionFailed
from muniment.storage.documents import Document, DocumentStore
from muniment.storage.sql.engine import Cell, Engine, Prepared, Row, Session
from muniment.storage.sql.tables import TEXT, metadata

_Id = BigInteger().with_variant(Integer(), "sqlite")

documents = Table(
    "documents",
    metadata,
    Column("workspace_id", _Id, ForeignKey("workspaces.id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),  # JSON object
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "name"),
    sqlite_with_rowid=False,
)
_d = documents.c
_KEPT: Final = (_d.name, _d.body, _d.revision)
_mine = _d.workspace_id == bindparam("workspace_id")
_ALL = Prepared(select(*_KEPT).where(_mine).order_by(_d.name))
_ONE = Prepared(select(*_KEPT).where(_mine, _d.name == bindparam("name")))
_ADD = Prepared(insert(documents).values({c: bindparam(c.name) for c in documents.c}))
_which: Any = bindparam("of_workspace"), bindparam("of_name"), bindparam("expect")
_SAVE = Prepared(
    update(documents)
    .where(_d.workspace_id == _which[0], _d.name == _which[1], _d.revision == _which[2])
    .values({c: bindparam(c.name) for c in (_d.body, _d.revision)})
)


class SqlDocumentStore(DocumentStore):
    """See `muniment.storage.documents`."""

    _engine: Engine

    @abstractmethod
    def _known_workspace_id(self, name: str) -> int:
        """Return the id of a workspace, or 0, which none has."""

    @abstractmethod
    def _workspace_id(self, name: str) -> int:
        """Return the id of a workspace. Raises NotFound."""

    def document(self, workspace: str, name: str) -> Document | None:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.read(lambda session: _find(session, workspace_id, name))

    def documents(self, workspace: str) -> Sequence[Document]:
        workspace_id = self._known_workspace_id(workspace)
        return self._engine.read(lambda session: _of_workspace(session, workspace_id))

    def save_document(
        self, workspace: str, name: str, body: JsonObject, *, expect: int
    ) -> Document:
        workspace_id = self._workspace_id(workspace)
        return self._engine.write(lambda session: _save(session, workspace_id, name, body, expect))


def _of_workspace(session: Session, workspace_id: int) -> list[Document]:
    return [_document_from(row) for row in _ALL.all(session, workspace_id=workspace_id)]


def _find(session: Session, workspace_id: int, name: str) -> Document | None:
    row = _ONE.one(session, workspace_id=workspace_id, name=name)
    return None if row is None else _document_from(row)


def _save(
    session: Session, workspace_id: int, name: str, body: JsonObject, expect: int
) -> Document:
    cells: dict[str, Cell] = {"body": orjson.dumps(body).decode(), "revision": expect + 1}
    if expect:
        which: dict[str, Cell] = {"of_workspace": workspace_id, "of_name": name}
        done = _SAVE.run(session, expect=expect, **which, **cells) > 0
    else:
        try:
            _ADD.run(session, workspace_id=workspace_id, name=name, **cells)
            done = True
        except IntegrityError:
            done = False
    if not done:
        raise PreconditionFailed(
            f"The document {name!r:.200} was changed in the meantime: "
            + (f"its revision is {expect} no more." if expect else "somebody has stored it."),
            hint="Read it again, and repeat the change if it still makes sense.",
        )
    return Document(name, body, expect + 1)


def _document_from(row: Row) -> Document:
    return Document(row[0], orjson.loads(row[1]), row[2])
