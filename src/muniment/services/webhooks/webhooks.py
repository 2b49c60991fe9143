"""Webhooks: who is told of what happens to models, and what became of the telling."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import uuid4

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.entities import Page
from muniment.domain.events import SAMPLES, Event, Occurred
from muniment.domain.paging import decode_token
from muniment.domain.patterns import check_pattern
from muniment.domain.values import JsonObject, to_millis
from muniment.domain.webhooks import (
    TRIED_FOR,
    Delivery,
    TestResult,
    Webhook,
    WebhookChanges,
    headers_of,
)
from muniment.errors import (
    InvalidInput,
    NotFound,
    NotImplementedHere,
    Unavailable,
)
from muniment.services.access.audit import audited
from muniment.services.base import Service
from muniment.services.pages import (
    moment_of,
    not_of_this_listing,
    page_of,
    page_size_of,
    place_of,
)
from muniment.storage.webhooks import WebhookStore

_SECRET_BYTES: Final = 32


class Webhooks(Service):
    """The webhooks of the caller's workspace; all of it takes the verb `webhooks.manage`."""

    def create(self, changes: WebhookChanges) -> Webhook:
        """Make a webhook; it is told of what happens from now on.

        Raises:
            InvalidInput: no name, URL or events; or one of them is against its rule.
        """
        self._require(Verb.WEBHOOKS)
        now = self._ports.clock()
        new = Webhook(0, str(uuid4()), self._caller.workspace, "", "", (), now, now)
        webhook = self._webhooks.add_webhook(self._changed(new, changes, now))
        self._audit(ActivityKind.WEBHOOK_CREATED, webhook)
        return webhook

    def get(self, uuid: str) -> Webhook:
        """Return a webhook. Raises NotFound."""
        self._require(Verb.WEBHOOKS)
        webhook = self._webhooks.webhook(self._caller.workspace, uuid)
        if webhook is None:
            raise NotFound(f"There is no webhook {uuid!r:.100}.")
        return webhook

    def list(self, *, page_size: int | None = None, page_token: str | None = None) -> Page[Webhook]:
        """Return the webhooks, newest first."""
        self._require(Verb.WEBHOOKS)
        size, before = page_size_of(page_size), place_of(page_token, "webhooks", 0)
        found = self._webhooks.webhooks(self._caller.workspace, before=before, limit=size + 1)
        return page_of([(webhook, (webhook.id,)) for webhook in found], size, "webhooks")

    def update(self, uuid: str, changes: WebhookChanges) -> Webhook:
        """Change a webhook. Raises NotFound, and as `create`."""
        now = self._ports.clock()
        webhook = self._changed(self.get(uuid), changes, now)
        if not self._webhooks.save_webhook(webhook):
            raise NotFound(f"The webhook {uuid!r:.100} was deleted in the meantime.")
        self._audit(ActivityKind.WEBHOOK_CHANGED, webhook)
        return webhook

    def rotate_secret(self, uuid: str) -> str:
        """Sign with a new random secret from now on; return it, this once."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self.update(uuid, WebhookChanges(secret=secret))
        return secret

    def delete(self, uuid: str) -> None:
        """Remove a webhook with its deliveries, those on their way too. Raises NotFound."""
        webhook = self.get(uuid)
        self._webhooks.drop_webhook(webhook.id)
        self._audit(ActivityKind.WEBHOOK_DELETED, webhook)

    def test(self, uuid: str, event: Event | None = None) -> TestResult:
        """Send a sample of an event (its first one, if none is named) now, and once."""
        webhook = self.get(uuid)
        event, now = event or webhook.events[0], self._ports.clock()
        body = Occurred(event, now, SAMPLES[event]).body
        headers = headers_of(str(uuid4()), body, webhook.secret, now)
        try:
            answer = self._ports.sender.post(webhook.url, body.encode(), headers)
        except (InvalidInput, Unavailable) as error:
            return TestResult(False, error=error.message)
        return TestResult(200 <= answer.status < 300, answer.status, answer.text)

    # -- deliveries ------------------------------------------------------------------------------

    def deliveries(
        self, uuid: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Page[Delivery]:
        """Return what was sent, or is to be, newest first; finished ones for some days."""
        webhook, size, search = self.get(uuid), page_size_of(page_size), f"deliveries {uuid}"
        before = _place(page_token, search)
        found = self._webhooks.deliveries(webhook.id, before=before, limit=size + 1)
        return page_of([(d, (to_millis(d.created_at), d.id)) for d in found], size, search)

    def replay(self, uuid: str, delivery_id: str) -> Delivery:
        """Send a delivery once more, at once, out of its order, under the same id.

        Raises:
            NotFound: there is no such delivery (any more).
        """
        webhook, now = self.get(uuid), self._ports.clock()
        delivery = self._webhooks.delivery(webhook.id, delivery_id)
        if delivery is None or not self._webhooks.replay(delivery.id, now, now + TRIED_FOR):
            raise NotFound(f"There is no delivery {delivery_id!r:.100} to this webhook.")
        return self._webhooks.delivery(webhook.id, delivery_id) or delivery

    # --------------------------------------------------------------------------------------------

    @property
    def _webhooks(self) -> WebhookStore:
        if self._ports.webhooks is None:
            raise NotImplementedHere("This registry keeps no webhooks.")
        return self._ports.webhooks

    def _changed(self, webhook: Webhook, changes: WebhookChanges, now: datetime) -> Webhook:
        given = {
            field: value
            for field in ("description", "secret", "status", "models", "stage")
            if (value := getattr(changes, field)) is not None
        }
        webhook = replace(webhook, **given, updated_at=now)
        if changes.name is not None or not webhook.name:
            webhook = replace(webhook, name=names.check_webhook_name(changes.name or ""))
        if changes.url is not None or not webhook.url:
            self._ports.sender.check(changes.url or "")
            webhook = replace(webhook, url=changes.url or "")
        if changes.events is not None or not webhook.events:
            webhook = replace(webhook, events=_checked_events(changes.events or ()))
        names.check_text(webhook.description, "description", names.MAX_DESCRIPTION_CHARS)
        names.check_text(webhook.secret, "secret")
        check_pattern(webhook.models, "models")
        check_pattern(webhook.stage, "stage")
        return webhook

    def _audit(self, kind: ActivityKind, webhook: Webhook) -> None:
        """Put it on record, with nothing that may be secret: a URL may be."""
        if self._ports.auditor is not None:
            details: JsonObject = {
                "webhook": webhook.uuid,
                "name": webhook.name,
                "status": webhook.status.value,
                "events": [str(event) for event in webhook.events],
            }
            now = self._ports.clock()
            self._ports.auditor.record(audited(kind, self._caller, now, details=details))


def _checked_events(events: Iterable[Event]) -> tuple[Event, ...]:
    listed = sorted(events)
    if not listed:
        raise InvalidInput(
            "A webhook needs events to be told of.",
            hint=f"The events are {', '.join(map(str, SAMPLES))}.",
            details={"field": "events"},
        )
    for event, following in pairwise(listed):
        if event == following:
            raise InvalidInput(f"The event {event} stands twice.", details={"field": "events"})
    return tuple(listed)


def _place(token: str | None, search: str) -> tuple[datetime, str] | None:
    if not token:
        return None
    match decode_token(token, search=search):
        case (int(millis), str(delivery_id)):
            return moment_of(millis, token), delivery_id
    raise not_of_this_listing(token)
