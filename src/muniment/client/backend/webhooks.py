"""Who is told of what happens, wherever the registry is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from muniment.domain.entities import Page
from muniment.domain.events import Event
from muniment.domain.webhooks import Delivery, TestResult, Webhook, WebhookChanges


class WebhooksBackend(Protocol):
    """The webhooks of a workspace. Satisfied by `services.webhooks.Webhooks`.

    Over HTTP the secret of a `Webhook` is `UNTOLD`.
    """

    @abstractmethod
    def create(self, changes: WebhookChanges) -> Webhook:
        """Make a webhook; it is told of what happens from now on."""

    @abstractmethod
    def get(self, uuid: str) -> Webhook:
        """Return a webhook. Raises NotFound."""

    @abstractmethod
    def list(self, *, page_size: int | None = None, page_token: str | None = None) -> Page[Webhook]:
        """Return the webhooks, newest first."""

    @abstractmethod
    def update(self, uuid: str, changes: WebhookChanges) -> Webhook:
        """Change a webhook."""

    @abstractmethod
    def rotate_secret(self, uuid: str) -> str:
        """Sign with a new random secret from now on; return it, this once."""

    @abstractmethod
    def delete(self, uuid: str) -> None:
        """Remove a webhook with its deliveries."""

    @abstractmethod
    def test(self, uuid: str, event: Event | None = None) -> TestResult:
        """Send a sample of an event (its first one, if none is named) now, and once."""

    @abstractmethod
    def deliveries(
        self, uuid: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Page[Delivery]:
        """Return what was sent, or is to be, newest first."""

    @abstractmethod
    def replay(self, uuid: str, delivery_id: str) -> Delivery:
        """Send a delivery once more, at once. Raises NotFound."""
