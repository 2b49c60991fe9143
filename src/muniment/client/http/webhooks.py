"""Webhooks over the native API."""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from muniment.client.backend import WebhooksBackend
from muniment.client.http.connection import Connection
from muniment.client.http.wire import page_of, params
from muniment.domain.entities import Page
from muniment.domain.events import Event
from muniment.domain.values import JsonObject
from muniment.domain.webhooks import Delivery, TestResult, Webhook, WebhookChanges


class HttpWebhooks(WebhooksBackend):
    """`WebhooksBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, changes: WebhookChanges) -> Webhook:
        return Webhook.from_json(self._connection.call("POST", "/webhooks", changes.to_json()))

    def get(self, uuid: str) -> Webhook:
        return Webhook.from_json(self._connection.get(_path(uuid)))

    def list(self, *, page_size: int | None = None, page_token: str | None = None) -> Page[Webhook]:
        asked = params(page_size=page_size, page_token=page_token)
        return page_of(self._connection.get("/webhooks", asked), Webhook.from_json)

    def update(self, uuid: str, changes: WebhookChanges) -> Webhook:
        return Webhook.from_json(self._connection.call("PATCH", _path(uuid), changes.to_json()))

    def rotate_secret(self, uuid: str) -> str:
        return cast(str, self._connection.call("POST", f"{_path(uuid)}/secret")["secret"])

    def delete(self, uuid: str) -> None:
        self._connection.call("DELETE", _path(uuid))

    def test(self, uuid: str, event: Event | None = None) -> TestResult:
        body: JsonObject = {"event": None if event is None else str(event)}
        return TestResult.from_json(self._connection.call("POST", f"{_path(uuid)}/test", body))

    def deliveries(
        self, uuid: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Page[Delivery]:
        asked = params(page_size=page_size, page_token=page_token)
        return page_of(self._connection.get(f"{_path(uuid)}/deliveries", asked), Delivery.from_json)

    def replay(self, uuid: str, delivery_id: str) -> Delivery:
        path = f"{_path(uuid)}/deliveries/{quote(delivery_id, safe='')}/replay"
        return Delivery.from_json(self._connection.call("POST", path))


def _path(uuid: str) -> str:
    return f"/webhooks/{quote(uuid, safe='')}"
