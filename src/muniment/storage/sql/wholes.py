"""All of a model, in whatever state it is; see `muniment.storage.wholes`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from sqlalchemy import bindparam, select

from muniment.domain.entities import RegisteredModel
from muniment.domain.values import from_millis
from muniment.storage.sql import records, rows, use_counts
from muniment.storage.sql.engine import Cell, Engine, Prepared, Row
from muniment.storage.sql.tables import models, refs, remembered, versions, workspaces
from muniment.storage.wholes import Belonging, Remembered, WholeStore

_PIECE: Final = 500

_m, _r, _v, _k, _w = models.c, refs.c, versions.c, remembered.c, workspaces.c
_MODEL_ID: Any = bindparam("model_id")
_LIMIT: Any = bindparam("limit")

_BY_UUID = Prepared(
    select(_w.name, *rows.MODEL_COLUMNS)
    .join(workspaces, _w.id == _m.workspace_id)
    .where(_m.uuid == bindparam("uuid"))
)
_WORKSPACE = Prepared(
    select(_w.name).join(models, _m.workspace_id == _w.id).where(_m.id == _MODEL_ID)
)
_VERSIONS = Prepared(
    select(*rows.VERSION_COLUMNS)
    .join(models, _m.id == _v.model_id)
    .where(_v.model_id == _MODEL_ID, _v.number > bindparam("after"))
    .order_by(_v.number)
    .limit(_LIMIT)
)
_REFERENCES = Prepared(
    select(*rows.REFERENCE_COLUMNS).where(_r.model_id == _MODEL_ID).order_by(_r.kind, _r.name)
)
_REMEMBERED = Prepared(
    select(_k.key, _k.request, _k.number, _k.at)
    .where(_k.model_id == _MODEL_ID, _k.key > bindparam("after"))
    .order_by(_k.key)
    .limit(_LIMIT)
)


class SqlWholeStore(WholeStore):
    """What the store reads of models to move them."""

    _engine: Engine

    def model_by_uuid(self, uuid: str) -> RegisteredModel | None:
        row = self._engine.read(lambda session: _BY_UUID.one(session, uuid=uuid))
        return None if row is None else rows.model_from(row[1:], row[0])

    def belongings(self, model_id: int) -> Iterator[Belonging]:
        of = self._engine.read(lambda session: _WORKSPACE.one(session, model_id=model_id))
        if of is None:
            return
        workspace = of[0]
        for row in self._pieces(_VERSIONS, model_id, 0, lambda row: row[3]):
            yield rows.version_from(row, workspace)
        for row in self._engine.read(partial(_REFERENCES.all, model_id=model_id)):
            yield rows.reference_from(row)
        for row in self._pieces(records.ALL_OF_MODEL, model_id, 0, lambda row: row[0]):
            yield records.record_from(row)
        for row in self._pieces(_REMEMBERED, model_id, "", lambda row: row[0]):
            yield Remembered(row[0], row[1], row[2], from_millis(row[3]))
        yield from self._engine.read(partial(use_counts.of_model, model_id=model_id))

    def _pieces(
        self, statement: Prepared, model_id: int, after: Cell, place: Callable[[Row], Cell]
    ) -> Iterator[Row]:
        """Yield the rows of a statement that goes on behind the place of the last row."""
        while piece := self._engine.read(
            partial(statement.all, model_id=model_id, after=after, limit=_PIECE)
        ):
            yield from piece
            after = place(piece[-1])
