"""Webhooks in MongoDB: what others do between two steps of what several documents are part of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_model,
    apply,
    entry_of,
)
from muniment.storage.conformance.webhooks.contract import (
    claimed,
    delivery_of,
    dispatched,
    finished,
    webhook_of,
)
from muniment.storage.mongo import open_mongo
from muniment.storage.mongo.store import MongoMetadataStore
from muniment.storage.webhooks import WebhookStore


@pytest.fixture
def store(mongodb_url: str) -> Iterator[MongoMetadataStore]:
    store = open_mongo(mongodb_url)
    store.ensure_workspace(WORKSPACE, NOON)
    yield store
    store.close()


def behind(webhooks: WebhookStore) -> list[tuple[str, int, int]]:
    return [(m.name, m.dispatched, m.activity_count) for m in webhooks.undispatched(100)]


def test_of_two_first_webhooks_the_slower_one_hides_nothing_from_the_other(
    store: MongoMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(store, "m")
    marks = store.webhooks._marks
    count = marks.counted

    def counted_late() -> object:
        monkeypatch.setattr(marks, "counted", count)
        store.webhooks.add_webhook(webhook_of("quick"))
        apply(store, "m", lambda tx: tx.record(entry_of()))
        return count()

    monkeypatch.setattr(marks, "counted", counted_late)
    store.webhooks.add_webhook(webhook_of("slow"))
    assert [webhook.name for webhook in store.webhooks.active_webhooks()] == ["slow", "quick"]
    assert behind(store.webhooks) == [("m", 1, 2)]


def test_what_is_recorded_while_the_mark_moves_is_dispatched_later(
    store: MongoMetadataStore,
) -> None:
    webhook, model = store.webhooks.add_webhook(webhook_of()), add_model(store, "m")
    assert behind(store.webhooks) == [("m", 0, 1)]
    apply(store, "m", lambda tx: tx.record(entry_of()))
    dispatched(store.webhooks, delivery_of(webhook, model.id, 1))
    assert behind(store.webhooks) == [("m", 1, 2)]


def test_what_was_added_to_a_webhook_while_it_was_removed_is_removed_too(
    store: MongoMetadataStore,
) -> None:
    webhook, model = store.webhooks.add_webhook(webhook_of()), add_model(store, "m")
    delivery = delivery_of(webhook, model.id, 1)
    store.webhooks.drop_webhook(webhook.id)
    store.webhooks._add([delivery], NOON)  # by who looked before, and died then
    assert store.webhooks.delivery(webhook.id, delivery.id) is not None
    dispatched(store.webhooks, delivery)
    assert store.webhooks.delivery(webhook.id, delivery.id) is None


def test_a_finished_delivery_is_shown_as_one_and_kept_until_the_next_is_awake(
    store: MongoMetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks = store.webhooks
    webhook, model = webhooks.add_webhook(webhook_of()), add_model(store, "m")
    dispatched(webhooks, *[delivery_of(webhook, model.id, sequence) for sequence in (1, 2)])
    (first,) = claimed(webhooks, webhook)
    with monkeypatch.context() as dying:
        dying.setattr(webhooks, "_hand_on", lambda *_: None)
        assert finished(webhooks, first)
    shown = webhooks.delivery(webhook.id, first.id)
    assert shown is not None
    assert shown.next_at is None
    assert webhooks.prune_deliveries(NOON.replace(year=2100)) == 0
    assert webhooks.has_work(NOON.replace(hour=13))
    assert [delivery.sequence for delivery in claimed(webhooks, webhook, 2)] == [2]
    assert webhooks.prune_deliveries(NOON.replace(year=2100)) == 1
