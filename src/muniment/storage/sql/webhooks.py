"""The WebhookStore over any SQL database that has an `Engine`: the one that keeps the models."""

# ruff: noqa: D102  (the port says what they do)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import orjson

from muniment.domain.values import to_millis
from muniment.domain.webhooks import Delivery, DeliveryState, Webhook
from muniment.storage.sql import webhook_rows as rows
from muniment.storage.sql import webhook_statements as statements
from muniment.storage.sql.engine import Cell, Engine, Prepared, Row, Session
from muniment.storage.webhooks import Dispatch, Undispatched, WebhookStore

_PRUNED_AT_ONCE: Final = 5_000  # deliveries; others want to write, too


class SqlWebhookStore(WebhookStore):
    """See `muniment.storage.webhooks.WebhookStore`. Whoever opened the engine closes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- webhooks --------------------------------------------------------------------------------

    def add_webhook(self, webhook: Webhook) -> Webhook:
        def work(session: Session) -> int:
            session.alone("the first webhook")
            if statements.ANY_WEBHOOK.one(session) is None:
                statements.MARK_ALL.run(session)
            row_id: int = statements.ADD_WEBHOOK.scalar(session, **rows.webhook_cells(webhook))
            return row_id

        return replace(webhook, id=self._engine.write(work))

    def webhook(self, workspace: str, uuid: str) -> Webhook | None:
        found = self._all(statements.WEBHOOK, workspace=workspace, uuid=uuid)
        return rows.webhook_from(found[0]) if found else None

    def webhooks(self, workspace: str, *, before: int = 0, limit: int) -> Sequence[Webhook]:
        statement = statements.WEBHOOKS_BEFORE if before else statements.WEBHOOKS
        found = self._all(statement, workspace=workspace, before=before, limit=limit)
        return [*map(rows.webhook_from, found)]

    def active_webhooks(self) -> Sequence[Webhook]:
        return [*map(rows.webhook_from, self._all(statements.ACTIVE_WEBHOOKS))]

    def save_webhook(self, webhook: Webhook) -> bool:
        cells = rows.webhook_cells(webhook)
        return self._write(statements.SAVE_WEBHOOK, webhook_id=webhook.id, **cells) > 0

    def drop_webhook(self, webhook_id: int) -> bool:
        def work(session: Session) -> bool:
            statements.LOCK_WEBHOOK.one(session, webhook_id=webhook_id)
            statements.DROP_DELIVERIES.run(session, webhook_id=webhook_id)
            return statements.DROP_WEBHOOK.run(session, webhook_id=webhook_id) > 0

        return self._engine.write(work)

    # -- from activities to deliveries -----------------------------------------------------------

    def has_work(self, now: datetime) -> bool:
        def look(session: Session) -> bool:
            return statements.ANY_WEBHOOK.one(session) is not None and (
                statements.ANY_BEHIND.one(session) is not None
                or statements.ANY_DUE.one(session, now=to_millis(now)) is not None
            )

        return self._engine.read(look)

    def undispatched(self, limit: int) -> Sequence[Undispatched]:
        found = self._all(statements.UNDISPATCHED, limit=limit)
        return [
            Undispatched(model_id, uuid, workspace, name, orjson.loads(tags), dispatched, count)
            for model_id, uuid, workspace, name, tags, dispatched, count in found
        ]

    def dispatch(self, dispatches: Sequence[Dispatch], now: datetime) -> None:
        def work(session: Session) -> None:
            wanted = {d.webhook_id for dispatch in dispatches for d in dispatch.deliveries}
            there = {webhook_id for webhook_id in sorted(wanted) if _locked(session, webhook_id)}
            for dispatch in dispatches:
                for delivery in dispatch.deliveries:
                    if delivery.webhook_id in there:  # else it was removed in the meantime
                        _add(session, delivery, now)
                statements.MARK.run(session, model_id=dispatch.model_id, upto=dispatch.upto)

        if dispatches:
            self._engine.write(work)

    # -- deliveries ------------------------------------------------------------------------------

    def claim(
        self, webhook_id: int, now: datetime, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        asked: dict[str, Cell] = {"webhook_id": webhook_id, "now": to_millis(now), "limit": limit}

        def work(session: Session) -> list[Delivery]:
            found = [*map(rows.delivery_from, statements.CLAIMED.all(session, **asked))]
            for delivery in found:
                statements.DUE_AT.run(session, delivery_id=delivery.id, at=to_millis(until))
            return [replace(delivery, next_at=until) for delivery in found]

        if not self._all(statements.DUE, **{**asked, "limit": 1}):
            return []  # as it nearly always is; then nothing has to reach the disk
        return self._engine.write(work)

    def save_delivery(self, delivery: Delivery, now: datetime) -> bool:
        def work(session: Session) -> bool:
            cells = rows.changing_cells(delivery)
            if delivery.state is not DeliveryState.PENDING:
                _locked(session, delivery.webhook_id)
            if not statements.SAVE_DELIVERY.run(session, delivery_id=delivery.id, **cells):
                return False
            if delivery.state is not DeliveryState.PENDING:
                following = _first_pending(session, delivery)
                if following is not None and following[1] is None:
                    statements.DUE_AT.run(session, delivery_id=following[0], at=to_millis(now))
            return True

        return self._engine.write(work)

    def replay(self, delivery_id: str, now: datetime, expires_at: datetime) -> bool:
        return (
            self._write(
                statements.REPLAY,
                delivery_id=delivery_id,
                now=to_millis(now),
                expires_at=to_millis(expires_at),
            )
            > 0
        )

    def delivery(self, webhook_id: int, delivery_id: str) -> Delivery | None:
        found = self._all(statements.DELIVERY, webhook_id=webhook_id, delivery_id=delivery_id)
        return rows.delivery_from(found[0]) if found else None

    def deliveries(
        self, webhook_id: int, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> Sequence[Delivery]:
        statement, cells = statements.DELIVERIES, dict[str, Cell]()
        if before is not None:
            statement = statements.DELIVERIES_BEFORE
            cells = {"at": to_millis(before[0]), "before": before[1]}
        found = self._all(statement, webhook_id=webhook_id, limit=limit, **cells)
        return [*map(rows.delivery_from, found)]

    def prune_deliveries(self, before: datetime) -> int:
        pruned = 0
        statement = partial(statements.PRUNE.run, before=to_millis(before), limit=_PRUNED_AT_ONCE)
        while now_pruned := self._engine.write(statement):
            pruned += now_pruned
        return pruned

    # -- within ----------------------------------------------------------------------------------

    def _all(self, statement: Prepared, **parameters: Cell) -> list[Row]:
        return self._engine.read(lambda session: statement.all(session, **parameters))

    def _write(self, statement: Prepared, **parameters: Cell) -> int:
        return self._engine.write(lambda session: statement.run(session, **parameters))


def _locked(session: Session, webhook_id: int) -> bool:
    """Lock a webhook, to file or finish deliveries; say whether it is there."""
    return statements.LOCK_WEBHOOK.one(session, webhook_id=webhook_id) is not None


def _add(session: Session, delivery: Delivery, now: datetime) -> None:
    first = _first_pending(session, delivery)
    due = replace(delivery, next_at=now if first is None else None)
    statements.ADD_DELIVERY.run(session, **rows.delivery_cells(due))


def _first_pending(session: Session, delivery: Delivery) -> Row | None:
    return statements.FIRST_PENDING.one(
        session, webhook_id=delivery.webhook_id, model_id=delivery.model_id
    )
