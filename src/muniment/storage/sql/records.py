"""Records of models: filed, found by their envelopes and keys, changed, removed.

What is asked for decides which index is walked, in the order of ids:

    nothing else, a state           records_by_kind, records_by_state
    a model (and version or state)  model_records_by_…
    a key (and model or state)      record_keys, then the records by id
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, insert, select, update

from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.values import canonical_json, from_millis, to_millis
from muniment.errors import AlreadyExists
from muniment.storage.sql.engine import Cell, Prepared, Row, Session
from muniment.storage.sql.numbering import keep_below
from muniment.storage.sql.record_tables import HAS_STATE, KEY_HAS_STATE, record_keys, records
from muniment.storage.sql.tables import models

_k, _m, _r = record_keys.c, models.c, records.c
_COLUMNS: Final[tuple[Any, ...]] = (
    _r.id,
    _r.model_id,
    _r.kind,
    _r.number,
    _r.state,
    _r.created_at,
    _r.key_list,
    _r.body,
)
_found: Select[Any] = select(*_COLUMNS)
_live_model = exists().where(
    _m.id == _r.model_id,
    _m.workspace_id == bindparam("workspace_id"),
    _m.deleted_at.is_(None),
)
_of_model = _r.model_id == bindparam("model_id")
_this = _r.id == bindparam("id")

_BY_ID = Prepared(_found.where(_this, _of_model))
_LIVE_BY_ID = Prepared(_found.where(_this, _live_model))
ALL_OF_MODEL = Prepared(
    _found.where(_of_model, _r.id > bindparam("after")).order_by(_r.id).limit(bindparam("limit"))
)
_OF_VERSION = Prepared(_found.where(_of_model, _r.number == bindparam("number")))
_ADD = Prepared(
    insert(records)
    .values({c: bindparam(c.name) for c in records.c if c.name != "id"})
    .returning(_r.id)
)
_SAVE = Prepared(
    update(records)
    .where(_r.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in ("number", "state", "key_list", "body")})
)
_KEEP = Prepared(insert(records).values({c: bindparam(c.name) for c in records.c}))
_IS_THERE = Prepared(select(_r.id).where(_this))
_DROP = Prepared(delete(records).where(_this))
_ADD_KEY = Prepared(insert(record_keys).values({c: bindparam(c.name) for c in record_keys.c}))
_DROP_KEY = Prepared(
    delete(record_keys).where(
        *(c == bindparam(c.name) for c in (_k.workspace_id, _k.kind, _k.key, _k.record_id))
    )
)

# -- finding -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of a query is not None; whether it goes on, and backwards."""

    model: bool
    version: bool
    state: bool
    no_state: bool
    key: bool
    after: bool = False
    newest_first: bool = False
    of_live: bool = True


@lru_cache
def _statement(asked: _Asked) -> Prepared:
    state, has_state, listed = _r.state, HAS_STATE, _r.id
    query = _found
    if asked.key:
        listed = _k.record_id
        query = query.join(record_keys, _r.id == listed).where(
            _k.kind == bindparam("kind"), _k.key == bindparam("key")
        )
        if not asked.model:
            state, has_state = _k.state, KEY_HAS_STATE
            query = query.where(_k.workspace_id == bindparam("workspace_id"))
    else:
        query = query.where(_r.kind == bindparam("kind"))
        if not asked.model:
            query = query.where(_r.workspace_id == bindparam("workspace_id"))
    if asked.model:
        query = query.where((_k if asked.key else _r).model_id == bindparam("model_id"))
    if asked.version:
        query = query.where(_r.number == bindparam("number"))
    if asked.state:
        query = query.where(state == bindparam("state"))
        if not (asked.no_state or asked.version):
            query = query.where(has_state)
    if asked.of_live:
        query = query.where(_live_model)
    if asked.after:
        last: Any = bindparam("after")
        query = query.where(listed < last if asked.newest_first else listed > last)
    order: ColumnElement[int] = listed.desc() if asked.newest_first else listed.asc()
    query = query.order_by(order)
    return Prepared(query.limit(bindparam("limit")) if asked.of_live else query)


def find(session: Session, workspace_id: int, query: RecordQuery) -> list[Record]:
    """Return what `RecordStore.find_records` does."""
    statement = _statement(
        _Asked(
            model=query.model_id is not None,
            version=query.version is not None,
            state=query.state is not None,
            no_state=query.state == "",
            key=query.key is not None,
            after=query.after > 0,
            newest_first=query.newest_first,
        )
    )
    found = statement.all(
        session,
        workspace_id=workspace_id,
        kind=query.kind.value,
        model_id=query.model_id,
        number=query.version,
        state=query.state,
        key=query.key,
        after=query.after,
        limit=query.limit,
    )
    return [record_from(row) for row in found]


def of_model(
    session: Session, model_id: int, kind: RecordKind, version: int | None, state: str | None
) -> list[Record]:
    """Return what `RecordTransaction.records` does."""
    statement = _statement(
        _Asked(
            model=True,
            version=version is not None,
            state=state is not None,
            no_state=state == "",
            key=False,
            of_live=False,
        )
    )
    found = statement.all(session, model_id=model_id, kind=kind.value, number=version, state=state)
    return [record_from(row) for row in found]


def by_id(session: Session, model_id: int, record_id: int) -> Record | None:
    """Return a record of a model, live or not."""
    row = _BY_ID.one(session, id=record_id, model_id=model_id)
    return None if row is None else record_from(row)


def live_by_id(session: Session, workspace_id: int, record_id: int) -> Record | None:
    """Return a record of a live model."""
    row = _LIVE_BY_ID.one(session, id=record_id, workspace_id=workspace_id)
    return None if row is None else record_from(row)


def record_from(row: Row) -> Record:
    """Read a row of what was found."""
    return Record(
        id=row[0],
        model_id=row[1],
        kind=RecordKind(row[2]),
        version=row[3],
        state=row[4],
        created_at=from_millis(row[5]),
        keys=tuple(json.loads(row[6])),
        body=json.loads(row[7]),  # not orjson: a body may hold integers of any size
    )


# -- changing ------------------------------------------------------------------------------------


def add(session: Session, workspace_id: int, model_id: int, record: Record) -> Record:
    """Insert a record of a model; return it as it is stored. Raises AlreadyExists for its id."""
    cells: dict[str, Cell] = {
        "workspace_id": workspace_id,
        "model_id": model_id,
        "kind": record.kind.value,
        "created_at": to_millis(record.created_at),
        **_cells(record),
    }
    row_id = record.id or _ADD.scalar(session, **cells)
    if record.id:
        _refuse_taken(session, record)
        _KEEP.run(session, id=record.id, **cells)
        keep_below(session, records, record.id)
    added = replace(record, id=row_id, model_id=model_id)
    _add_keys(session, workspace_id, added)
    return added


def _refuse_taken(session: Session, record: Record) -> None:
    if _IS_THERE.one(session, id=record.id) is not None:
        raise AlreadyExists(
            f"There is a record {record.id} already.", details={"field": "id", "id": record.id}
        )


def save(session: Session, workspace_id: int, old: Record, new: Record) -> None:
    """Replace a record (all but `id`, `model_id`, `kind` and `created_at`)."""
    saved = replace(new, id=old.id, model_id=old.model_id, kind=old.kind)
    _SAVE.run(session, row_id=old.id, **_cells(saved))
    if (old.keys, old.state) != (saved.keys, saved.state):
        _drop_keys(session, workspace_id, old)
        _add_keys(session, workspace_id, saved)


def drop(session: Session, workspace_id: int, record: Record) -> None:
    """Remove a record."""
    _drop_keys(session, workspace_id, record)
    _DROP.run(session, id=record.id)


def drop_version(session: Session, workspace_id: int, model_id: int, number: int) -> None:
    """Remove all records that are about a version."""
    for row in _OF_VERSION.all(session, model_id=model_id, number=number):
        drop(session, workspace_id, record_from(row))


def _cells(record: Record) -> dict[str, Cell]:
    return {
        "number": record.version,
        "state": record.state,
        "key_list": canonical_json(list(record.keys)).decode(),
        "body": canonical_json(record.body).decode(),
    }


def _add_keys(session: Session, workspace_id: int, record: Record) -> None:
    cells: dict[str, Cell] = {
        "workspace_id": workspace_id,
        "kind": record.kind.value,
        "record_id": record.id,
        "model_id": record.model_id,
        "state": record.state,
    }
    _ADD_KEY.many(session, [{**cells, "key": key} for key in _keys(record)])


def _drop_keys(session: Session, workspace_id: int, record: Record) -> None:
    cells: dict[str, Cell] = {
        "workspace_id": workspace_id,
        "kind": record.kind.value,
        "record_id": record.id,
    }
    _DROP_KEY.many(session, [{**cells, "key": key} for key in _keys(record)])


def _keys(record: Record) -> Sequence[str]:
    return tuple(dict.fromkeys(record.keys))
