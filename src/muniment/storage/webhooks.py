"""The WebhookStore port: webhooks, and the deliveries on their way to them.

    activities ──(dispatch)──> deliveries ──(claim, save)──> finished ──(prune)──> gone

Deliveries are derived from activities, which are written with the changes. So no change goes
without its event, whatever crashes when: each model remembers up to which activity that was done.
Each write here is one atomic, durable step, except that `dispatch` may be cut short between
deliveries and mark; it is done again then, and leaves alone what is there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from muniment.domain.values import Value
from muniment.domain.webhooks import Delivery, Webhook


@dataclass(frozen=True, slots=True)
class Undispatched:
    """A model, live or not, with activities behind `dispatched` whose events nobody was sent."""

    model_id: int
    uuid: str
    workspace: str
    name: str
    tags: Mapping[str, Value]
    dispatched: int
    activity_count: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The deliveries that a model's activities up to `upto` make, in their order."""

    model_id: int
    upto: int
    deliveries: Sequence[Delivery] = field(default_factory=tuple)


class WebhookStore(Protocol):
    """The port. Safe to use from many threads and processes."""

    # -- webhooks --------------------------------------------------------------------------------

    @abstractmethod
    def add_webhook(self, webhook: Webhook) -> Webhook:
        """Insert a webhook; return it with its id.

        If it is the only one there is, all activities so far count as dispatched, at once.
        """

    @abstractmethod
    def webhook(self, workspace: str, uuid: str) -> Webhook | None:
        """Return a webhook of a workspace."""

    @abstractmethod
    def webhooks(self, workspace: str, *, before: int = 0, limit: int) -> Sequence[Webhook]:
        """Return the webhooks of a workspace, newest first; those with a lower id than `before`."""

    @abstractmethod
    def active_webhooks(self) -> Sequence[Webhook]:
        """Return those of all workspaces that are ACTIVE, by id."""

    @abstractmethod
    def save_webhook(self, webhook: Webhook) -> bool:
        """Replace a webhook (all but `id`, `uuid`, `workspace`, `created_at`); False if gone."""

    @abstractmethod
    def drop_webhook(self, webhook_id: int) -> bool:
        """Remove a webhook with its deliveries; False if there was none."""

    # -- from activities to deliveries -----------------------------------------------------------

    @abstractmethod
    def has_work(self, now: datetime) -> bool:
        """Say whether there are webhooks, and anything to dispatch or deliver. Cheap."""

    @abstractmethod
    def undispatched(self, limit: int) -> Sequence[Undispatched]:
        """Return models with activities that were not dispatched, by id."""

    @abstractmethod
    def dispatch(self, dispatches: Sequence[Dispatch], now: datetime) -> None:
        """Add deliveries (those that are there are left alone), and move the models' marks.

        A delivery whose webhook is gone is left out. It is due at once, or waits for those before
        it to the same webhook about the same model. A mark never moves back.
        """

    # -- deliveries ------------------------------------------------------------------------------

    @abstractmethod
    def claim(
        self, webhook_id: int, now: datetime, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        """Return deliveries that are due, earliest first; until then nobody else gets them.

        Of those about one model only the first that is PENDING is ever due.
        """

    @abstractmethod
    def save_delivery(self, delivery: Delivery, now: datetime) -> bool:
        """Keep what an attempt has made of a PENDING delivery; False if it is that no more.

        Once it is finished, the next about the same model is due.
        """

    @abstractmethod
    def replay(self, delivery_id: str, now: datetime, expires_at: datetime) -> bool:
        """Make a delivery PENDING and due once more, whatever waits; False if it is gone."""

    @abstractmethod
    def delivery(self, webhook_id: int, delivery_id: str) -> Delivery | None:
        """Return a delivery."""

    @abstractmethod
    def deliveries(
        self, webhook_id: int, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> Sequence[Delivery]:
        """Return a webhook's deliveries, newest first; those behind the (time, id) `before`."""

    @abstractmethod
    def prune_deliveries(self, before: datetime) -> int:
        """Forget deliveries that were finished before a time; return how many."""
