"""Which activities were not dispatched: each model remembers, and no crash makes it forget."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from functools import partial

from muniment.storage.conformance.metadata.contract import (
    NOON,
    add_model,
    apply,
    change_model,
    entry_of,
    later,
    model_of,
    name_key,
    stored,
)
from muniment.storage.conformance.metadata.threads import THREADS, at_once
from muniment.storage.conformance.webhooks.contract import (
    WebhookContract,
    claimed,
    delivery_of,
    dispatched,
    webhook_of,
)
from muniment.storage.metadata import MetadataStore
from muniment.storage.webhooks import Dispatch, Undispatched, WebhookStore


def behind(webhooks: WebhookStore) -> list[tuple[str, int, int]]:
    """Return name, mark and count of every model with something to dispatch."""
    return [(m.name, m.dispatched, m.activity_count) for m in webhooks.undispatched(100)]


class DispatchingSuite(WebhookContract):
    """From activities to deliveries."""

    def test_there_is_nothing_to_do_without_webhooks(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        add_model(metadata, "m")
        assert not webhooks.has_work(NOON)

    def test_the_first_webhook_is_told_of_nothing_that_was_before(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        add_model(metadata, "before")
        first = webhooks.add_webhook(webhook_of())
        assert not webhooks.has_work(NOON)
        assert behind(webhooks) == []
        add_model(metadata, "after")
        webhooks.add_webhook(webhook_of())  # not the first: it marks nothing
        assert webhooks.has_work(NOON)
        assert behind(webhooks) == [("after", 0, 1)]
        for webhook in (first, *webhooks.active_webhooks()):
            webhooks.drop_webhook(webhook.id)
        assert not webhooks.has_work(NOON)
        webhooks.add_webhook(webhook_of())  # the first once more
        assert behind(webhooks) == []

    def test_a_model_with_new_activities_is_found_as_it_is_now(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhooks.add_webhook(webhook_of())
        metadata.ensure_workspace("other", NOON)
        model = add_model(metadata, model_of("a", workspace="other", tags={"t": 1, "u": "x"}))
        (found,) = webhooks.undispatched(1)
        assert found == Undispatched(
            model.id, model.uuid, "other", "a", {"t": 1, "u": "x"}, 0, model.activity_count
        )

    def test_deleted_models_are_found_too(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhooks.add_webhook(webhook_of())
        add_model(metadata, "m")
        change_model(metadata, name_key("m"), deleted_at=later(1))
        assert behind(webhooks) == [("m", 0, 1)]

    def test_a_mark_moves_forward_only_and_a_change_of_the_model_leaves_it(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhooks.add_webhook(webhook_of())
        model = add_model(metadata, "m")
        for _ in range(2):
            apply(metadata, "m", lambda tx: tx.record(entry_of()))
        webhooks.dispatch([Dispatch(model.id, 2)], NOON)
        webhooks.dispatch([Dispatch(model.id, 1)], NOON)
        assert behind(webhooks) == [("m", 2, 3)]
        change_model(metadata, name_key("m"), description="changed")
        assert behind(webhooks) == [("m", 2, 3)]
        webhooks.dispatch([Dispatch(model.id, 3)], NOON)
        assert behind(webhooks) == []
        assert not webhooks.has_work(NOON)
        assert stored(metadata, "m").activity_count == 3

    def test_what_is_dispatched_twice_is_there_once(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        deliveries = [delivery_of(webhook, model.id, 1, n) for n in range(3)]
        dispatched(webhooks, deliveries[0])  # as if it was cut short
        at_once(*[partial(dispatched, webhooks, *deliveries)] * THREADS)
        assert {d.id for d in webhooks.deliveries(webhook.id, limit=9)} == {
            d.id for d in deliveries
        }
        assert [d.ordinal for d in claimed(webhooks, webhook)] == [0]

    def test_deliveries_to_a_webhook_that_is_gone_are_left_out(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        gone, webhook = webhooks.add_webhook(webhook_of()), webhooks.add_webhook(webhook_of())
        model = add_model(metadata, "m")
        webhooks.drop_webhook(gone.id)
        dispatched(webhooks, delivery_of(gone, model.id, 1), delivery_of(webhook, model.id, 1))
        assert [d.webhook_id for d in claimed(webhooks, webhook)] == [webhook.id]
        assert behind(webhooks) == []
