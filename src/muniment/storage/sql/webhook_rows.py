"""Row <-> webhook and delivery. Rows are tuples in the order of the column lists below."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from muniment.domain.events import Event
from muniment.domain.values import from_millis, to_millis
from muniment.domain.webhooks import Attempt, Delivery, DeliveryState, Webhook, WebhookStatus
from muniment.storage.sql.engine import Row
from muniment.storage.sql.rows import Cells
from muniment.storage.sql.webhook_tables import deliveries, webhooks

WEBHOOK_COLUMNS = tuple(webhooks.c)
DELIVERY_COLUMNS = tuple(deliveries.c)


def webhook_from(row: Row) -> Webhook:
    """Read a row of `WEBHOOK_COLUMNS`."""
    return Webhook(
        id=row[0],
        uuid=row[1],
        workspace=row[2],
        name=row[3],
        url=row[4],
        events=tuple(_event(text) for text in orjson.loads(row[5])),
        created_at=from_millis(row[6]),
        updated_at=from_millis(row[7]),
        description=row[8],
        status=WebhookStatus(row[9]),
        models=row[10],
        stage=row[11],
        secret=row[12],
    )


def webhook_cells(webhook: Webhook) -> Cells:
    """Return the columns of `webhooks` but for the id."""
    return {
        "uuid": webhook.uuid,
        "workspace": webhook.workspace,
        "name": webhook.name,
        "url": webhook.url,
        "events": orjson.dumps([str(event) for event in webhook.events]).decode(),
        "created_at": to_millis(webhook.created_at),
        "updated_at": to_millis(webhook.updated_at),
        "description": webhook.description,
        "status": webhook.status.value,
        "models": webhook.models,
        "stage": webhook.stage,
        "secret": webhook.secret,
    }


def delivery_from(row: Row) -> Delivery:
    """Read a row of `DELIVERY_COLUMNS`."""
    return Delivery(
        id=row[0],
        webhook_id=row[1],
        model_id=row[2],
        sequence=row[3],
        ordinal=row[4],
        event=_event(row[5]),
        body=row[6],
        created_at=from_millis(row[7]),
        expires_at=from_millis(row[8]),
        state=DeliveryState(row[9]),
        next_at=_time(row[10]),
        finished_at=_time(row[11]),
        attempts=tuple(map(_attempt_from, orjson.loads(row[12]))),
    )


def delivery_cells(delivery: Delivery) -> Cells:
    """Return the columns of `deliveries`."""
    return {
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "model_id": delivery.model_id,
        "sequence": delivery.sequence,
        "ordinal": delivery.ordinal,
        "event": str(delivery.event),
        "body": delivery.body,
        "created_at": to_millis(delivery.created_at),
        "expires_at": to_millis(delivery.expires_at),
        **changing_cells(delivery),
    }


def changing_cells(delivery: Delivery) -> Cells:
    """Return those columns that an attempt changes."""
    return {
        "state": delivery.state.value,
        "next_at": _millis(delivery.next_at),
        "finished_at": _millis(delivery.finished_at),
        "attempts": orjson.dumps(list(map(_attempt, delivery.attempts))).decode(),
    }


def _event(text: str) -> Event:
    entity, _, action = text.rpartition(".")
    return Event(entity, action)


def _attempt(attempt: Attempt) -> list[Any]:
    return [
        to_millis(attempt.at),
        attempt.milliseconds,
        attempt.status,
        attempt.answer,
        attempt.error,
        attempt.retry_after,
    ]


def _attempt_from(item: list[Any]) -> Attempt:
    return Attempt(from_millis(item[0]), *item[1:])


def _time(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _millis(at: datetime | None) -> int | None:
    return None if at is None else to_millis(at)
