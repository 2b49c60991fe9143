"""Document <-> webhook and delivery, and their collections.

    webhooks      {_id: id, uuid, workspace, dropped, …}
    deliveries    {_id: delivery id, webhook_id, model_id, sequence, ordinal, state, next_at, …}

Of the PENDING deliveries to one webhook about one model only the first has a `next_at`: the others
are not due, whatever the time is. One that is finished keeps it until the next one has its own.
A webhook that is `dropped` is gone for everybody; what is left of it is being removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from muniment.domain.events import Event
from muniment.domain.values import from_millis, to_millis
from muniment.domain.webhooks import Attempt, Delivery, DeliveryState, Webhook, WebhookStatus
from muniment.storage.mongo.accounts_documents import millis, time
from muniment.storage.mongo.connection import Document

WEBHOOKS: Final = "webhooks"
DELIVERIES: Final = "deliveries"
LANE: Final = [("sequence", ASCENDING), ("ordinal", ASCENDING)]
NEWEST_FIRST: Final = [("created_at", DESCENDING), ("_id", DESCENDING)]
_OF_WEBHOOK: Final = ("webhook_id", ASCENDING)

INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    WEBHOOKS: [
        IndexModel([("uuid", ASCENDING)], name="by_uuid", unique=True),
        IndexModel([("workspace", ASCENDING), ("_id", DESCENDING)], name="by_workspace"),
    ],
    DELIVERIES: [
        IndexModel([_OF_WEBHOOK, ("next_at", ASCENDING)], name="due"),
        IndexModel(
            [_OF_WEBHOOK, ("model_id", ASCENDING), ("state", ASCENDING), *LANE], name="lane"
        ),
        IndexModel([_OF_WEBHOOK, *NEWEST_FIRST], name="by_time"),
        IndexModel([("finished_at", ASCENDING)], name="finished"),
    ],
}


def webhook_from(document: Document) -> Webhook:
    """Read a document of `webhooks`."""
    return Webhook(
        id=document["_id"],
        uuid=document["uuid"],
        workspace=document["workspace"],
        name=document["name"],
        url=document["url"],
        events=tuple(map(_event, document["events"])),
        created_at=from_millis(document["created_at"]),
        updated_at=from_millis(document["updated_at"]),
        description=document["description"],
        status=WebhookStatus(document["status"]),
        models=document["models"],
        stage=document["stage"],
        secret=document["secret"],
    )


def webhook_document(webhook: Webhook) -> Document:
    """Return what `webhooks` keeps."""
    return {
        "_id": webhook.id,
        "uuid": webhook.uuid,
        "workspace": webhook.workspace,
        "created_at": to_millis(webhook.created_at),
        "dropped": False,
        **changing_fields_of(webhook),
    }


def changing_fields_of(webhook: Webhook) -> Document:
    """Return those fields of a webhook that may change."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": [str(event) for event in webhook.events],
        "updated_at": to_millis(webhook.updated_at),
        "description": webhook.description,
        "status": webhook.status.value,
        "models": webhook.models,
        "stage": webhook.stage,
        "secret": webhook.secret,
    }


def delivery_from(document: Document) -> Delivery:
    """Read a document of `deliveries`."""
    state = DeliveryState(document["state"])
    return Delivery(
        id=document["_id"],
        webhook_id=document["webhook_id"],
        model_id=document["model_id"],
        sequence=document["sequence"],
        ordinal=document["ordinal"],
        event=_event(document["event"]),
        body=document["body"],
        created_at=from_millis(document["created_at"]),
        expires_at=from_millis(document["expires_at"]),
        state=state,
        next_at=time(document["next_at"]) if state is DeliveryState.PENDING else None,
        finished_at=time(document["finished_at"]),
        attempts=tuple(map(_attempt_from, document["attempts"])),
    )


def delivery_document(delivery: Delivery) -> Document:
    """Return what `deliveries` keeps."""
    return {
        "_id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "model_id": delivery.model_id,
        "sequence": delivery.sequence,
        "ordinal": delivery.ordinal,
        "event": str(delivery.event),
        "body": delivery.body,
        "created_at": to_millis(delivery.created_at),
        "expires_at": to_millis(delivery.expires_at),
        **attempted_fields(delivery),
    }


def attempted_fields(delivery: Delivery) -> Document:
    """Return those fields of a delivery that an attempt changes."""
    return {
        "state": delivery.state.value,
        "next_at": millis(delivery.next_at),
        "finished_at": millis(delivery.finished_at),
        "attempts": [*map(_attempt, delivery.attempts)],
    }


def _event(text: str) -> Event:
    entity, _, action = text.rpartition(".")
    return Event(entity, action)


def _attempt(attempt: Attempt) -> Document:
    return {
        "at": to_millis(attempt.at),
        "milliseconds": attempt.milliseconds,
        "status": attempt.status,
        "answer": attempt.answer,
        "error": attempt.error,
        "retry_after": attempt.retry_after,
    }


def _attempt_from(item: Mapping[str, Any]) -> Attempt:
    return Attempt(
        at=from_millis(item["at"]),
        milliseconds=item["milliseconds"],
        status=item["status"],
        answer=item["answer"],
        error=item["error"],
        retry_after=item["retry_after"],
    )
