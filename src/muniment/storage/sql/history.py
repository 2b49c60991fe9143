"""Histories: that of one model, and what happened in a whole workspace.

Every kind of activity is a lane, which an index has in the right order. Of each lane that is asked
for, as many entries are taken as are wanted; of these, the first ones are the answer:

    stage.changed   9        6     2   ──┐
    alias.set          8  7     5  ……  ──┴──>  9 8 7 6 …

What happened to one version is little, and is taken as it stands, whatever kinds are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, exists, select, tuple_, union_all

from muniment.domain.activities import Activity, ActivityKind, Happened
from muniment.domain.values import to_millis
from muniment.storage.records import Place
from muniment.storage.sql import rows
from muniment.storage.sql.conditions import hidden
from muniment.storage.sql.engine import Cell, Prepared, Session
from muniment.storage.sql.tables import activities, models

KINDS: Final = frozenset(kind.value for kind in ActivityKind)
"""All lanes that there can be: a kind that was written once is never given up."""

_a, _m = activities.c, models.c
_limit: Any = bindparam("limit")
_of_model = _a.model_id == bindparam("model_id")
_live_model = exists().where(_m.id == _a.model_id, _m.deleted_at.is_(None))
_place = tuple_(_a.at, _a.model_id, _a.sequence)
_before = tuple_(bindparam("at"), bindparam("before_model"), bindparam("sequence"))


def of_model(
    session: Session,
    model_id: int,
    *,
    after: int,
    limit: int,
    newest_first: bool,
    kinds: frozenset[str] | None,
    version: int | None,
    until: datetime | None,
) -> list[Activity]:
    """Return what `MetadataStore.activities` does."""
    lanes = None if kinds is None else sorted(kinds & KINDS)
    if lanes == []:
        return []
    asked: dict[str, Cell] = {"model_id": model_id, "after": after, "limit": limit}
    if until is not None:
        asked["until"] = to_millis(until)
    if version is not None:
        asked["version"] = version
    statement = _piece(
        None if lanes is None else len(lanes),
        of_version=version is not None,
        newest_first=newest_first,
        goes_on=after > 0,
        ends=until is not None,
    )
    found = statement.all(session, **asked, **_named(lanes or ()))
    return [rows.activity_from(row[1:], row[0]) for row in found]


@lru_cache
def _piece(
    lanes: int | None, *, of_version: bool, newest_first: bool, goes_on: bool, ends: bool
) -> Prepared:
    def within(query: Select[Any]) -> Select[Any]:
        query = query.where(_of_model)
        if goes_on:
            last: Any = bindparam("after")
            query = query.where(_a.sequence < last if newest_first else _a.sequence > last)
        if ends:
            query = query.where(_a.at <= bindparam("until"))
        order = _a.sequence.desc() if newest_first else _a.sequence.asc()
        return query.order_by(order).limit(_limit)

    query = select(_m.uuid, *rows.ACTIVITY_COLUMNS).join(models, _m.id == _a.model_id)
    if of_version:
        told = select(_a.sequence).where(_a.version == bindparam("version"))
        kinds = () if lanes is None else (hidden(_a.kind.in_(_places(lanes))),)
        wanted = within(told.where(*kinds)).subquery("wanted")
    elif lanes is None:
        return Prepared(within(query))
    else:
        wanted = _merged([within(_lane(n, _a.sequence)) for n in range(lanes)])
    order = _a.sequence.desc() if newest_first else _a.sequence.asc()
    query = query.join(wanted, wanted.c.sequence == _a.sequence).where(_of_model)
    return Prepared(query.order_by(order).limit(_limit))


def of_workspace(
    session: Session,
    workspace_id: int,
    *,
    before: Place | None,
    kinds: frozenset[str] | None,
    actor: str | None,
    limit: int,
) -> list[Happened]:
    """Return what `RecordStore.happened` does."""
    lanes = sorted(KINDS if kinds is None else kinds & KINDS)
    if not lanes:
        return []
    asked: dict[str, Cell] = {"workspace_id": workspace_id, "actor": actor, "limit": limit}
    if before is not None:
        asked |= {
            "at": to_millis(before.at),
            "before_model": before.model_id,
            "sequence": before.sequence,
        }
    statement = _happened(len(lanes), of_actor=actor is not None, goes_on=before is not None)
    return [
        Happened(row[0], row[1], rows.activity_from(row[3:], row[2]))
        for row in statement.all(session, **asked, **_named(lanes))
    ]


@lru_cache
def _happened(lanes: int, *, of_actor: bool, goes_on: bool) -> Prepared:
    def within(query: Select[Any]) -> Select[Any]:
        query = query.where(_a.workspace_id == bindparam("workspace_id"), _live_model)
        if of_actor:
            query = query.where(_a.actor == bindparam("actor"))
        if goes_on:
            query = query.where(_place < _before)
        order = (_a.at.desc(), _a.model_id.desc(), _a.sequence.desc())
        return query.order_by(*order).limit(_limit)

    places = (_a.at, _a.model_id, _a.sequence)
    wanted = _merged([within(_lane(n, *places)) for n in range(lanes)])
    w = wanted.c
    query = (
        select(_m.name, _m.id, _m.uuid, *rows.ACTIVITY_COLUMNS)
        .select_from(wanted)
        .join(activities, (_a.model_id == w.model_id) & (_a.sequence == w.sequence))
        .join(models, _m.id == w.model_id)
        .order_by(w.at.desc(), w.model_id.desc(), w.sequence.desc())
    )
    return Prepared(query.limit(_limit))


def _lane(n: int, *columns: Any) -> Select[Any]:
    return select(*columns).where(_a.kind == bindparam(f"kind_{n}"))


def _merged(lanes: Sequence[Select[Any]]) -> Any:
    # SQLite takes an order and a limit only of a query within.
    return union_all(*(select(lane.subquery()) for lane in lanes)).subquery("wanted")


def _places(lanes: int) -> list[ColumnElement[str]]:
    return [bindparam(f"kind_{n}") for n in range(lanes)]


def _named(lanes: Sequence[str]) -> dict[str, Cell]:
    return {f"kind_{n}": kind for n, kind in enumerate(lanes)}
