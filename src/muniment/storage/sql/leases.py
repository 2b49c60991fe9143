"""The LeaseStore over any SQL database that has an `Engine`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, exists, insert, or_, select, update

from muniment.domain.values import to_millis
from muniment.storage.leases import LeaseStore
from muniment.storage.sql.engine import Cell, Engine, Prepared, Session
from muniment.storage.sql.webhook_tables import leases

_l = leases.c
_this = _l.name == bindparam("of")
_RENEW = Prepared(
    update(leases)
    .where(_this, or_(_l.holder == bindparam("by"), _l.until <= bindparam("now")))
    .values(holder=bindparam("by"), until=bindparam("until"))
)
_values = [bindparam("of", type_=_l.name.type), bindparam("by", type_=_l.holder.type)]
_ADD = Prepared(  # unless it is there
    insert(leases).from_select(
        ["name", "holder", "until"],
        select(*_values, bindparam("until", type_=_l.until.type)).where(~exists().where(_this)),
    )
)


class SqlLeaseStore(LeaseStore):
    """See `muniment.storage.leases.LeaseStore`. Whoever opened the engine closes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        cells: dict[str, Cell] = {"of": name, "by": holder, "until": to_millis(until)}

        def work(session: Session) -> bool:
            renewed = _RENEW.run(session, now=to_millis(now), **cells)
            return bool(renewed or _ADD.run(session, **cells))

        return self._engine.write(work)
