"""From activities to deliveries: what happened, and who is to be told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from muniment.domain.activities import Activity
from muniment.domain.events import events_of, is_prompt, name_before, names_after
from muniment.domain.webhooks import TRIED_FOR, Delivery, Webhook, delivery_id
from muniment.services.base import Ports
from muniment.storage.webhooks import Dispatch, Undispatched, WebhookStore

_MODELS: Final = 100
_ACTIVITIES: Final = 1_000  # of one model, at once


def dispatch(ports: Ports, store: WebhookStore) -> bool:
    """Make the deliveries for a piece of what is not dispatched; say whether there was anything.

    Doing it twice, also at the same time, does nothing more than doing it once.
    """
    found = store.undispatched(_MODELS)
    webhooks = store.active_webhooks()
    if found:
        store.dispatch([_of_model(ports, model, webhooks) for model in found], ports.clock())
    return bool(found)


def _of_model(ports: Ports, model: Undispatched, webhooks: Sequence[Webhook]) -> Dispatch:
    listening = [webhook for webhook in webhooks if webhook.workspace == model.workspace]
    if not listening:
        return Dispatch(model.model_id, model.activity_count)
    activities = _piece(ports, model, model.dispatched)
    names = names_after(activities, _name_after_piece(ports, model, activities))
    made: list[Delivery] = []
    for activity, name in zip(activities, names, strict=True):
        made += _deliveries(ports, model, activity, name, listening)
    return Dispatch(model.model_id, activities[-1].sequence, made)


def _deliveries(
    ports: Ports, model: Undispatched, activity: Activity, name: str, webhooks: Sequence[Webhook]
) -> Iterator[Delivery]:
    now = ports.clock()
    occurred = events_of(activity, name, prompt=is_prompt(model.tags))
    for ordinal, event in enumerate(occurred):
        for webhook in webhooks:
            if webhook.wants(event, name):
                yield Delivery(
                    id=delivery_id(webhook.uuid, model.uuid, activity.sequence, ordinal),
                    webhook_id=webhook.id,
                    model_id=model.model_id,
                    sequence=activity.sequence,
                    ordinal=ordinal,
                    event=event.event,
                    body=event.body,
                    created_at=now,
                    expires_at=now + TRIED_FOR,
                )


def _piece(ports: Ports, model: Undispatched, after: int) -> list[Activity]:
    limit = min(model.activity_count - after, _ACTIVITIES)
    return list(ports.metadata.activities(model.model_id, after=after, limit=limit))


def _name_after_piece(ports: Ports, model: Undispatched, piece: Sequence[Activity]) -> str:
    """Return the model's name after a piece of its history: today's, or that before a rename."""
    last = piece[-1].sequence
    while last < model.activity_count:
        for activity in (rest := _piece(ports, model, last)):
            if (name := name_before(activity, model.name)) != model.name:
                return name
        last = rest[-1].sequence
    return model.name
