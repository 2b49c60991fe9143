"""What all parts of the suite stand on: open stores, and makers of webhooks and deliveries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from muniment.domain.events import Event
from muniment.domain.webhooks import Delivery, DeliveryState, Webhook, delivery_id
from muniment.storage.conformance.metadata.contract import NOON, WORKSPACE, later
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore
from muniment.storage.webhooks import Dispatch, WebhookStore

Stores: TypeAlias = tuple[MetadataStore, WebhookStore, LeaseStore]
CREATED = Event("registered_model", "created")


class WebhookContract:
    """The base of every part. An adapter's test class says what `open_stores` is."""

    @staticmethod
    def open_stores(path: Path) -> Stores:
        """Open the stores at `path`, which the adapter under test creates if need be."""
        raise NotImplementedError

    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[Stores]:
        """Yield stores with the default workspace and nothing else."""
        stores = self.open_stores(tmp_path / "store")
        stores[0].ensure_workspace(WORKSPACE, NOON)
        yield stores
        stores[0].close()

    @pytest.fixture
    def metadata(self, stores: Stores) -> MetadataStore:
        """Return the store of models."""
        return stores[0]

    @pytest.fixture
    def webhooks(self, stores: Stores) -> WebhookStore:
        """Return the store under test."""
        return stores[1]

    @pytest.fixture
    def leases(self, stores: Stores) -> LeaseStore:
        """Return the store of leases."""
        return stores[2]


def webhook_of(name: str = "hook", **fields: Any) -> Webhook:
    """Return a webhook that is not stored yet."""
    plain = Webhook(
        id=0,
        uuid=str(uuid4()),
        workspace=WORKSPACE,
        name=name,
        url="https://example.com/hook",
        events=(CREATED,),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(plain, **fields)


def delivery_of(
    webhook: Webhook, model_id: int, sequence: int, ordinal: int = 0, **fields: Any
) -> Delivery:
    """Return a delivery that is not stored yet."""
    plain = Delivery(
        id=delivery_id(webhook.uuid, str(model_id), sequence, ordinal),
        webhook_id=webhook.id,
        model_id=model_id,
        sequence=sequence,
        ordinal=ordinal,
        event=CREATED,
        body=f'{{"sequence": {sequence}}}',
        created_at=NOON,
        expires_at=NOON + timedelta(days=3),
    )
    return replace(plain, **fields)


def dispatched(store: WebhookStore, *deliveries: Delivery) -> None:
    """Dispatch deliveries of one model, at noon."""
    last = deliveries[-1]
    store.dispatch([Dispatch(last.model_id, last.sequence, deliveries)], NOON)


def claimed(
    store: WebhookStore, webhook: Webhook, seconds: float = 0, *, limit: int = 100, span: float = 30
) -> Sequence[Delivery]:
    """Claim what is due so many seconds after noon, for half a minute."""
    return store.claim(webhook.id, later(seconds), later(seconds + span), limit)


def finished(
    store: WebhookStore, delivery: Delivery, state: DeliveryState = DeliveryState.DELIVERED
) -> bool:
    """Save that a delivery is done, a second after noon."""
    done = replace(delivery, state=state, next_at=None, finished_at=later(1))
    return store.save_delivery(done, later(1))
