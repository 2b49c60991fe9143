"""Webhooks are kept as they are, found in their workspace, and gone with all that is theirs."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from muniment.domain.events import SAMPLES
from muniment.domain.webhooks import WebhookStatus
from muniment.storage.conformance.metadata.contract import NOON, WORKSPACE, add_model, later
from muniment.storage.conformance.webhooks.contract import (
    WebhookContract,
    claimed,
    delivery_of,
    dispatched,
    webhook_of,
)
from muniment.storage.metadata import MetadataStore
from muniment.storage.webhooks import WebhookStore


class KeepingSuite(WebhookContract):
    """Webhooks."""

    def test_a_webhook_is_read_back_as_it_was_stored(self, tmp_path: Path) -> None:
        metadata, webhooks, _ = self.open_stores(tmp_path / "reopened")
        metadata.ensure_workspace(WORKSPACE, NOON)
        full = webhook_of(
            "a.b-c",
            url="https://example.com:8443/ünï?x=1",
            events=tuple(sorted(SAMPLES)),
            description="why\n模型",
            status=WebhookStatus.DISABLED,
            models="fraud-*",
            stage="Prod*",
            secret="hush 🦆",  # noqa: S106
            updated_at=later(1),
        )
        stored = webhooks.add_webhook(full)
        assert stored.id > 0
        assert stored == replace(full, id=stored.id)
        metadata.close()
        metadata, webhooks, _ = self.open_stores(tmp_path / "reopened")
        assert webhooks.webhook(WORKSPACE, full.uuid) == stored
        metadata.close()

    def test_webhooks_are_listed_newest_first_by_workspace(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        metadata.ensure_workspace("other", NOON)
        own = [webhooks.add_webhook(webhook_of(f"h{n}")) for n in range(5)]
        other = webhooks.add_webhook(webhook_of(workspace="other"))
        assert list(webhooks.webhooks(WORKSPACE, limit=2)) == [own[4], own[3]]
        assert list(webhooks.webhooks(WORKSPACE, before=own[3].id, limit=9)) == own[2::-1]
        assert list(webhooks.webhooks("other", limit=9)) == [other]
        assert list(webhooks.webhooks("none", limit=9)) == []
        assert webhooks.webhook(WORKSPACE, other.uuid) is None
        assert webhooks.webhook(WORKSPACE, "no such") is None

    def test_several_webhooks_may_have_one_name(self, webhooks: WebhookStore) -> None:
        one, other = (webhooks.add_webhook(webhook_of("same")) for _ in range(2))
        assert one.id != other.id

    def test_a_change_keeps_what_a_webhook_is(self, webhooks: WebhookStore) -> None:
        stored = webhooks.add_webhook(webhook_of(secret="old"))  # noqa: S106
        changed = replace(stored, name="new", secret="", status=WebhookStatus.DISABLED)
        elsewhere = replace(changed, uuid="x", workspace="other", created_at=later(9))
        assert webhooks.save_webhook(elsewhere)
        assert webhooks.webhook(WORKSPACE, stored.uuid) == changed
        assert not webhooks.save_webhook(webhook_of(id=stored.id + 1))

    def test_only_active_webhooks_of_all_workspaces_are_asked(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        metadata.ensure_workspace("other", NOON)
        one = webhooks.add_webhook(webhook_of(workspace="other"))
        webhooks.add_webhook(webhook_of(status=WebhookStatus.DISABLED))
        two = webhooks.add_webhook(webhook_of())
        assert list(webhooks.active_webhooks()) == [one, two]

    def test_a_webhook_is_removed_with_its_deliveries(
        self, metadata: MetadataStore, webhooks: WebhookStore
    ) -> None:
        model = add_model(metadata, "m")
        one, other = (webhooks.add_webhook(webhook_of()) for _ in range(2))
        dispatched(webhooks, delivery_of(one, model.id, 1), delivery_of(other, model.id, 1))
        assert webhooks.drop_webhook(one.id)
        assert not webhooks.drop_webhook(one.id)
        assert webhooks.webhook(WORKSPACE, one.uuid) is None
        assert list(webhooks.deliveries(one.id, limit=9)) == []
        assert len(claimed(webhooks, other)) == 1
        assert webhooks.add_webhook(webhook_of()).id not in (one.id, other.id)
