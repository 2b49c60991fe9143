"""Who used which version, counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import bindparam, case, delete, select, update

from muniment.domain.deployments import Use, UseKind
from muniment.domain.values import from_millis, to_millis
from muniment.storage.sql.engine import Cell, Prepared, Row, Session, insert_new
from muniment.storage.sql.record_tables import uses
from muniment.storage.sql.tables import models, versions

_m, _u, _v = models.c, uses.c, versions.c
_COLUMNS: Final = (
    _m.name,
    _u.number,
    _u.consumer,
    _u.named,
    _u.kind,
    _u.first_at,
    _u.last_at,
    _u.count,
    _u.model_id,
)
_model_id: Any = bindparam("model_id")
_number: Any = bindparam("number")
_first: Any = bindparam("first_at")
_last: Any = bindparam("last_at")
_count: Any = bindparam("count")
_named: Any = bindparam("named")

_COUNT = Prepared(
    update(uses)
    .where(
        _u.model_id == _model_id,
        _u.number == _number,
        _u.consumer == bindparam("consumer"),
        _u.kind == bindparam("kind"),
    )
    .values(
        named=case((_named > _u.named, _named), else_=_u.named),
        first_at=case((_first < _u.first_at, _first), else_=_u.first_at),
        last_at=case((_last > _u.last_at, _last), else_=_u.last_at),
        count=_u.count + _count,
    )
)
_ADD = Prepared(insert_new(uses).values({c: bindparam(c.name) for c in uses.c}))
_WORKSPACE_ID = Prepared(  # the version stays until its use is counted
    select(_v.workspace_id)
    .where(_v.model_id == _model_id, _v.number == _number)
    .with_for_update(read=True, key_share=True)
)
_DROP_VERSION = Prepared(delete(uses).where(_u.model_id == _model_id, _u.number == _number))
_DROP_BEFORE = Prepared(delete(uses).where(_last > _u.last_at))


def add(session: Session, added: Iterable[Use]) -> None:
    """Count uses; those of versions that are gone are passed over."""
    # In one order for all, so that no two writers wait for each other.
    for use in sorted(added, key=lambda use: (use.model_id, use.version, use.consumer, use.kind)):
        cells = _cells(use)
        if not _COUNT.run(session, **cells):
            workspace_id = _WORKSPACE_ID.scalar(session, model_id=use.model_id, number=use.version)
            if workspace_id is not None and not _ADD.run(
                session, workspace_id=workspace_id, **cells
            ):
                _COUNT.run(session, **cells)  # somebody else was the first


def drop_version(session: Session, model_id: int, number: int) -> None:
    """Forget who used a version."""
    _DROP_VERSION.run(session, model_id=model_id, number=number)


def drop_before(session: Session, before: datetime) -> int:
    """Forget uses that were last counted earlier; return how many."""
    return _DROP_BEFORE.run(session, last_at=to_millis(before))


@lru_cache
def _statement(by: frozenset[str]) -> Prepared:
    live = (_m.deleted_at.is_(None), _m.workspace_id == bindparam("workspace_id"))
    query = select(*_COLUMNS).join(models, _m.id == _u.model_id).where(*live)
    if "model_id" in by:
        query = query.where(_u.model_id == _model_id)
    else:
        query = query.where(_u.workspace_id == bindparam("workspace_id"))
    for column in (_u.number, _u.consumer):
        if column.name in by:
            query = query.where(column == bindparam(column.name))
    if "since" in by:
        query = query.where(_u.last_at >= bindparam("since"))
    in_order = query.order_by(_u.last_at.desc(), _u.model_id, _u.number, _u.consumer, _u.kind)
    return Prepared(in_order.limit(bindparam("limit")))


def find(
    session: Session,
    workspace_id: int,
    *,
    model_id: int | None,
    version: int | None,
    consumer: str | None,
    since: datetime | None,
    limit: int,
) -> list[Use]:
    """Return what `RecordStore.uses` does."""
    given: dict[str, Cell] = {
        "model_id": model_id,
        "number": version,
        "consumer": consumer,
        "since": None if since is None else to_millis(since),
    }
    by = frozenset(name for name, cell in given.items() if cell is not None)
    found = _statement(by).all(session, workspace_id=workspace_id, limit=limit, **given)
    return [_use_from(row) for row in found]


_OF_MODEL = Prepared(
    select(*_COLUMNS)
    .join(models, _m.id == _u.model_id)
    .where(_u.model_id == _model_id)
    .order_by(_u.number, _u.consumer, _u.kind)
)


def of_model(session: Session, model_id: int) -> list[Use]:
    """Return all uses of a model's versions, live or not."""
    return [_use_from(row) for row in _OF_MODEL.all(session, model_id=model_id)]


def _use_from(row: Row) -> Use:
    return Use(
        model=row[0],
        version=row[1],
        consumer=row[2],
        named=bool(row[3]),
        kind=UseKind(row[4]),
        first_at=from_millis(row[5]),
        last_at=from_millis(row[6]),
        count=row[7],
        model_id=row[8],
    )


def _cells(use: Use) -> dict[str, Cell]:
    return {
        "model_id": use.model_id,
        "number": use.version,
        "consumer": use.consumer,
        "kind": use.kind.value,
        "named": int(use.named),
        "first_at": to_millis(use.first_at),
        "last_at": to_millis(use.last_at),
        "count": use.count,
    }
