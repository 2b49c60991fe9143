"""The LeaseStore over any SQL database that has an `Engine`."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, or_, update

from muniment.domain.values import to_millis
from muniment.storage.leases import LeaseStore
from muniment.storage.sql.engine import Cell, Engine, Prepared, Session, insert_new
from muniment.storage.sql.webhook_tables import leases

_l = leases.c
_this = _l.name == bindparam("of")
_RENEW = Prepared(
    update(leases)
    .where(_this, or_(_l.holder == bindparam("by"), _l.until <= bindparam("now")))
    .values(holder=bindparam("by"), until=bindparam("until"))
)
_ADD = Prepared(
    insert_new(leases).values(
        name=bindparam("of"), holder=bindparam("by"), until=bindparam("until")
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
