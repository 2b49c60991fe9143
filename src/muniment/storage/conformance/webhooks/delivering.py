"""What is due, for whom: in order per model, to one deliverer at a time, until it is finished."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from dataclasses import replace
from functools import partial

from muniment.domain.webhooks import Attempt, DeliveryState, WebhookStatus
from muniment.storage.conformance.metadata.contract import NOON, add_model, later
from muniment.storage.conformance.metadata.threads import THREADS, at_once
from muniment.storage.conformance.webhooks.contract import (
    WebhookContract,
    claimed,
    delivery_of,
    dispatched,
    finished,
    webhook_of,
)
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore
from muniment.storage.webhooks import WebhookStore


class DeliveringSuite(WebhookContract):
    """Deliveries and leases."""

    def test_a_delivery_is_read_back_with_its_attempts(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        delivery = delivery_of(webhook, model.id, 1, body='{"ü": "模型"}')
        dispatched(webhooks, delivery)
        (held,) = claimed(webhooks, webhook)
        assert held == replace(delivery, next_at=later(30))
        attempts = (
            Attempt(later(1), 250, 503, "later, please 🦆", retry_after=1.5),
            Attempt(later(2), 10_000, error="it takes too long"),
        )
        tried = replace(held, attempts=attempts, next_at=later(60))
        assert webhooks.save_delivery(tried, later(3))
        assert webhooks.delivery(webhook.id, delivery.id) == tried
        assert webhooks.delivery(webhook.id + 1, delivery.id) is None
        assert webhooks.delivery(webhook.id, "no such") is None

    def test_of_one_model_only_the_first_is_due_and_other_models_and_webhooks_do_not_wait(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        one, other = (webhooks.add_webhook(webhook_of()) for _ in range(2))
        m, n = (add_model(metadata, name).id for name in "mn")
        places = [(1, 0), (1, 1), (2, 0)]
        for model in (m, n):
            dispatched(
                webhooks,
                *[delivery_of(hook, model, *place) for place in places for hook in (one, other)],
            )
        for webhook in (one, other):
            due = {d.model_id: d for d in claimed(webhooks, webhook)}
            assert {model: (d.sequence, d.ordinal) for model, d in due.items()} == {
                m: (1, 0),
                n: (1, 0),
            }
            assert finished(webhooks, due[m])
            (following,) = claimed(webhooks, webhook, 2)
            assert (following.model_id, following.sequence, following.ordinal) == (m, 1, 1)

    def test_a_failure_lets_the_next_one_go_and_a_further_try_does_not(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        dispatched(webhooks, *[delivery_of(webhook, model.id, n) for n in (1, 2)])
        (first,) = claimed(webhooks, webhook)
        webhooks.save_delivery(replace(first, next_at=later(5)), later(1))
        assert not webhooks.has_work(later(4))
        assert claimed(webhooks, webhook, 4) == []
        assert webhooks.has_work(later(5))
        (again,) = claimed(webhooks, webhook, 5)
        assert again.id == first.id
        assert finished(webhooks, again, DeliveryState.FAILED)
        assert [d.sequence for d in claimed(webhooks, webhook, 6)] == [2]

    def test_what_is_claimed_is_nobody_elses_until_its_time_is_over(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook = webhooks.add_webhook(webhook_of())
        models = [add_model(metadata, f"m{n}").id for n in range(THREADS * 2)]
        for model in models:
            dispatched(webhooks, delivery_of(webhook, model, 1))
        taken = at_once(*[partial(claimed, webhooks, webhook, limit=3)] * THREADS)
        ids = [delivery.id for part in taken for delivery in part]
        assert len(ids) == len(set(ids)) == len(models)
        assert claimed(webhooks, webhook, 29) == []
        assert len(claimed(webhooks, webhook, 30)) == len(models)

    def test_the_earliest_is_claimed_first(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook = webhooks.add_webhook(webhook_of())
        for n in range(3):
            model = add_model(metadata, f"m{n}").id
            dispatched(webhooks, delivery_of(webhook, model, 1))
        for delivery, seconds in zip(claimed(webhooks, webhook), (3, 1, 2), strict=True):
            webhooks.save_delivery(replace(delivery, next_at=later(seconds)), NOON)
        assert [d.next_at for d in claimed(webhooks, webhook, 9, limit=2, span=1)] == [
            later(10)
        ] * 2
        (last,) = claimed(webhooks, webhook, 9)
        assert webhooks.delivery(webhook.id, last.id) == replace(last, next_at=later(39))

    def test_nothing_is_due_while_a_webhook_is_disabled(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        dispatched(webhooks, delivery_of(webhook, model.id, 1))
        webhooks.save_webhook(replace(webhook, status=WebhookStatus.DISABLED))
        assert not webhooks.has_work(later(1))
        webhooks.save_webhook(webhook)
        assert webhooks.has_work(later(1))

    def test_what_is_finished_is_not_saved_again(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        dispatched(webhooks, delivery_of(webhook, model.id, 1))
        (held,) = claimed(webhooks, webhook)
        assert finished(webhooks, held)
        assert not webhooks.save_delivery(replace(held, next_at=later(9)), later(2))
        webhooks.drop_webhook(webhook.id)
        assert not finished(webhooks, held)

    def test_a_replay_is_due_at_once_and_leaves_the_order_of_the_others(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        dispatched(webhooks, *[delivery_of(webhook, model.id, n) for n in (1, 2, 3)])
        (first,) = claimed(webhooks, webhook)
        assert finished(webhooks, first)
        (second,) = claimed(webhooks, webhook, 2)
        assert webhooks.replay(first.id, later(3), later(99))
        (again,) = claimed(webhooks, webhook, 3)
        assert again.id == first.id
        assert (again.state, again.expires_at) == (DeliveryState.PENDING, later(99))
        assert finished(webhooks, again)
        assert claimed(webhooks, webhook, 4) == []  # the second is under way, the third waits
        assert finished(webhooks, second)
        assert [d.sequence for d in claimed(webhooks, webhook, 5)] == [3]
        assert not webhooks.replay("no such", later(3), later(99))

    def test_history_is_read_in_pieces_newest_first(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        made = [delivery_of(webhook, model.id, n, created_at=later(n // 2)) for n in range(1, 8)]
        dispatched(webhooks, *made)
        whole = [d.id for d in webhooks.deliveries(webhook.id, limit=9)]
        assert whole == [d.id for d in sorted(made, key=lambda d: (d.created_at, d.id))[::-1]]
        read: list[str] = []
        before = None
        while piece := webhooks.deliveries(webhook.id, before=before, limit=2):
            read += [d.id for d in piece]
            before = (piece[-1].created_at, piece[-1].id)
        assert read == whole

    def test_only_what_was_finished_long_ago_is_pruned(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        webhook, model = webhooks.add_webhook(webhook_of()), add_model(metadata, "m")
        dispatched(webhooks, *[delivery_of(webhook, model.id, n) for n in (1, 2)])
        (first,) = claimed(webhooks, webhook)
        assert finished(webhooks, first)
        assert webhooks.prune_deliveries(later(1)) == 0
        assert webhooks.prune_deliveries(later(2)) == 1
        assert [d.sequence for d in webhooks.deliveries(webhook.id, limit=9)] == [2]

    # -- leases ----------------------------------------------------------------------------------

    def test_a_lease_has_one_holder_at_a_time(self, leases: LeaseStore) -> None:
        holders = [f"h{n}" for n in range(THREADS)]
        won = at_once(*[partial(leases.lease, "x", h, NOON, later(10)) for h in holders])
        assert won.count(True) == 1
        assert leases.lease("y", "another", NOON, later(10))

    def test_a_lease_is_renewed_taken_over_and_given_back(self, leases: LeaseStore) -> None:
        assert leases.lease("x", "a", NOON, later(10))
        assert not leases.lease("x", "b", later(9), later(20))
        assert leases.lease("x", "a", later(9), later(20))
        assert not leases.lease("x", "b", later(19), later(30))
        assert leases.lease("x", "b", later(20), later(30))
        assert not leases.lease("x", "a", later(21), later(31))
        assert leases.lease("x", "b", later(22), later(22))  # given back
        assert leases.lease("x", "a", later(22), later(31))
