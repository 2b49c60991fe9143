"""The audit log: one chain, whose end every append moves, and whose beginning may be cut off.

    base ──> first … last = head         audit_state: (first, last, base, head)
    └ the hash before `first`, "" if nothing was ever cut off

Whoever writes locks the row of `audit_state`, so that appends come one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from muniment.domain.activities import Activity, Entry, chain
from muniment.domain.values import to_millis
from muniment.errors import Conflict
from muniment.storage.accounts import AUDIT, AuditHead
from muniment.storage.sql import rows
from muniment.storage.sql.account_tables import audit, audit_state
from muniment.storage.sql.engine import Cell, Prepared, Session, insert_new

_a, _s = audit.c, audit_state.c
_EMPTY = AuditHead(first=1, count=0, base="", head="")
_THE_ROW = _s.id == literal_column("1")

_state = select(_s.first_sequence, _s.last_sequence, _s.base, _s.head).where(_THE_ROW)
_STATE = Prepared(_state)
_LOCKED_STATE = Prepared(_state.with_for_update())
_values: dict[Any, Any] = {c: bindparam(c.name) for c in _s if c.name != "id"}
_ADD_STATE = Prepared(insert_new(audit_state).values({_s.id: literal_column("1"), **_values}))
_SAVE_STATE = Prepared(update(audit_state).where(_THE_ROW).values(_values))


def head(session: Session) -> AuditHead:
    """Return where the chain stands."""
    row = _STATE.one(session)
    return _EMPTY if row is None else AuditHead(*row)


def _locked(session: Session) -> AuditHead:
    row = _LOCKED_STATE.one(session)
    if row is None:  # somebody must be the first, and whoever else wants to be waits here
        _ADD_STATE.run(session, **_cells(_EMPTY))
        row = _LOCKED_STATE.one(session)
    assert row is not None  # noqa: S101  # it was inserted, and is never removed
    return AuditHead(*row)


def _save(session: Session, state: AuditHead) -> None:
    _SAVE_STATE.run(session, **_cells(state))


def _cells(state: AuditHead) -> dict[str, Cell]:
    return {
        "first_sequence": state.first,
        "last_sequence": state.count,
        "base": state.base,
        "head": state.head,
    }


# -- appending -----------------------------------------------------------------------------------

_ADD = Prepared(insert(audit).values({c: bindparam(c.name) for c in _a}))


def append(session: Session, entries: Sequence[Entry]) -> None:
    """Append to the chain."""
    state = _locked(session)
    sequence, previous = state.count, state.head
    added: list[Activity] = []
    for entry in entries:
        sequence += 1
        added.append(chain(entry, model_uuid=AUDIT, sequence=sequence, previous=previous))
        previous = added[-1].hash
    _ADD.many(session, map(rows.activity_cells, added))
    _save(session, AuditHead(state.first, sequence, state.base, previous))


def begin(session: Session, first: int, base: str) -> None:
    """Let the chain, which must be empty, begin elsewhere. Raises Conflict."""
    _locked(session)
    if _NEWEST_FIRST.one(session, limit=1) is not None:
        raise Conflict(
            "The audit log has entries: it can't begin anew.", hint="Choose an empty registry."
        )
    _save(session, AuditHead(first, first - 1, base, base))


# -- reading -------------------------------------------------------------------------------------


def _piece(after: ColumnElement[bool] | None, order: ColumnElement[int]) -> Prepared:
    statement = select(*_a).order_by(order).limit(bindparam("limit"))
    return Prepared(statement if after is None else statement.where(after))


_OLDEST_FIRST = _piece(_a.sequence > bindparam("after"), _a.sequence.asc())
_BEFORE = _piece(_a.sequence < bindparam("after"), _a.sequence.desc())
_NEWEST_FIRST = _piece(None, _a.sequence.desc())


def entries(session: Session, after: int, limit: int, newest_first: bool) -> list[Activity]:
    """Return a piece of the log; see `MetadataStore.activities`."""
    statement = _OLDEST_FIRST
    if newest_first:
        statement = _BEFORE if after else _NEWEST_FIRST
    found = statement.all(session, after=after, limit=limit)
    return [rows.activity_from(row, AUDIT) for row in found]


# -- cutting off ---------------------------------------------------------------------------------

_FIRST_KEPT = Prepared(
    select(func.min(_a.sequence)).where(
        _a.sequence >= bindparam("first"),
        _a.sequence < bindparam("end"),
        _a.at >= bindparam("before"),
    )
)
_HASH = Prepared(select(_a.hash).where(_a.sequence == bindparam("sequence")))
_CUT = Prepared(delete(audit).where(_a.sequence < bindparam("first_kept")))


def prune(session: Session, before: datetime, limit: int) -> int:
    """Cut off at most `limit` entries that are older than a time; return how many.

    The log keeps its order, not the clock's: what comes after a younger entry stays with it.
    """
    state = _locked(session)
    end = min(state.first + limit, state.count)  # the last one stays
    kept = _FIRST_KEPT.scalar(session, first=state.first, end=end, before=to_millis(before)) or end
    if kept <= state.first:
        return 0
    base = _HASH.scalar(session, sequence=kept - 1)
    _CUT.run(session, first_kept=kept)
    _save(session, AuditHead(kept, state.count, base, state.head))
    return int(kept - state.first)
