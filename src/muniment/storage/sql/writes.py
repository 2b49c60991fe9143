"""The statements that a transaction runs, each prepared once."""

from __future__ import annotations

from sqlalchemy import (
    BindParameter,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from muniment.domain.entities import Status
from muniment.storage.sql import rows
from muniment.storage.sql.engine import Cell, Prepared, Session, insert_new
from muniment.storage.sql.tables import activities, models, refs, remembered, versions

_m, _v, _r = models.c, versions.c, refs.c
_MODEL_ID: BindParameter[int] = bindparam("model_id")


class Update:
    """`UPDATE … WHERE id = :id` for whichever columns are to be set, each set prepared once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._prepared: dict[tuple[str, ...], Prepared] = {}

    def run(self, session: Session, row_id: int, cells: dict[str, Cell]) -> None:
        """Set the cells of one row; do nothing if there are none."""
        if not cells:
            return
        names = tuple(sorted(cells))
        if names not in self._prepared:
            self._prepared[names] = Prepared(
                update(self._table)
                .where(self._table.c.id == bindparam("row_id"))
                .values({name: bindparam(name) for name in names})
            )
        self._prepared[names].run(session, row_id=row_id, **cells)


def _insert(table: Table) -> Prepared:
    return Prepared(insert(table).values({c: bindparam(c.name) for c in table.c}))


class Addition:
    """The insert of a row, unless there is one like it."""

    def __init__(self, table: Table) -> None:
        columns = [c for c in table.c if c.name != "id"]
        statement = insert_new(table).values({c: bindparam(c.name) for c in columns})
        self._silent = Prepared(statement)
        self._telling = Prepared(statement.returning(table.c.id))

    def run(self, session: Session, **cells: Cell) -> int | None:
        """Return the id of the new row; None if there is none."""
        if session.tells_row_ids:
            return self._silent.row_id(session, **cells)
        row_id: int | None = self._telling.scalar(session, **cells)
        return row_id


def _models() -> Select[tuple[object, ...]]:
    # It locks out all who change the model, but not those who merely refer to it.
    return select(*rows.MODEL_COLUMNS).with_for_update(key_share=True)


def _versions() -> Select[tuple[object, ...]]:
    return (
        select(*rows.VERSION_COLUMNS)
        .join(models, _m.id == _v.model_id)
        .where(_v.model_id == _MODEL_ID)
    )


_live = _v.deleted_at.is_(None)
_workspace = _m.workspace_id == bindparam("workspace_id")
MODEL_BY_ID = Prepared(_models().where(_m.id == bindparam("id"), _workspace))
MODEL_BY_NAME = Prepared(
    _models().where(_workspace, _m.name == bindparam("name"), _m.deleted_at.is_(None))
)
NAME_TAKEN = Prepared(
    select(_m.id).where(_workspace, _m.name == bindparam("name"), _m.deleted_at.is_(None))
)
SLUG_TAKEN = Prepared(
    select(_m.id).where(_workspace, _m.slug == bindparam("slug"), _m.deleted_at.is_(None))
)
ADD_MODEL = Addition(models)
SAVE_MODEL = Update(models)

VERSION = Prepared(_versions().where(_v.number == bindparam("number")))
BY_LABEL = Prepared(_versions().where(_v.label == bindparam("label"), _live))
IN_STAGE = Prepared(
    _versions()
    .where(_v.stage_key == bindparam("stage_key"), _v.stage == bindparam("stage"), _live)
    .order_by(_v.number)
)
NEWEST_READY = Prepared(
    _versions()
    .where(_v.status == literal_column(f"'{Status.READY.value}'"), _live)
    .order_by(_v.number.desc())
    .limit(1)
)
SEALED_BEFORE = Prepared(
    _versions()
    .where(_v.number < bindparam("number"), _v.snapshot.is_not(None))
    .order_by(_v.number.desc())
    .limit(1)
)
ADD_VERSION = Addition(versions)
SAVE_VERSION = Update(versions)
TOUCH_VERSIONS = Prepared(
    update(versions)
    .where(_v.model_id == _MODEL_ID, _live)
    .values(updated_at=bindparam("at"), revision=_v.revision + literal_column("1"))
)
PURGE_VERSION = Prepared(delete(versions).where(_v.id == bindparam("id")))

_refs = select(*rows.REFERENCE_COLUMNS).where(_r.model_id == _MODEL_ID)
_this_ref = (_r.kind == bindparam("kind"), _r.name == bindparam("name"))
REFERENCES = Prepared(_refs.order_by(_r.kind, _r.name))
REFERENCES_TO = Prepared(_refs.where(_r.number == bindparam("number")).order_by(_r.kind, _r.name))
REFERENCE = Prepared(_refs.where(*_this_ref))
ADD_REFERENCE = _insert(refs)
DROP_REFERENCE = Prepared(delete(refs).where(_r.model_id == _MODEL_ID, *_this_ref))

ADD_ACTIVITY = _insert(activities)
REMEMBERED = Prepared(
    select(remembered.c.request, remembered.c.number, remembered.c.at).where(
        remembered.c.model_id == _MODEL_ID, remembered.c.key == bindparam("key")
    )
)
REMEMBER = Prepared(insert_new(remembered).values({c: bindparam(c.name) for c in remembered.c}))
