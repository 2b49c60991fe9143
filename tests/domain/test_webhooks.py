"""Who is told of what, when a delivery is tried again, and how it is signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from muniment.domain.events import Event, Occurred
from muniment.domain.webhooks import (
    UNTOLD,
    Attempt,
    Delivery,
    DeliveryState,
    Webhook,
    WebhookChanges,
    WebhookStatus,
    delivery_id,
    headers_of,
    wait_after,
)
from muniment.domain.webhooks import TestResult as Result

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CREATED, SET = Event("registered_model", "created"), Event("model_version_tag", "set")
WEBHOOK = Webhook(
    1, "w", "default", "hook", "https://example.com/x", (CREATED,), NOON, NOON, secret="hush"
)
DELIVERY = Delivery("d", 1, 1, 1, 0, CREATED, "{}", NOON, NOON + timedelta(days=3))


def occurred(event: Event, at: datetime = NOON, *stages: str) -> Occurred:
    return Occurred(event, at, {}, stages)


def test_a_webhook_is_told_of_its_events_of_its_models_from_its_creation_on() -> None:
    created = occurred(CREATED)
    assert WEBHOOK.wants(created, "fraud")
    assert not WEBHOOK.wants(occurred(SET), "fraud")
    assert not WEBHOOK.wants(occurred(CREATED, NOON - timedelta(milliseconds=1)), "fraud")
    assert not replace(WEBHOOK, status=WebhookStatus.DISABLED).wants(created, "fraud")
    narrowed = replace(WEBHOOK, models="fraud-*")
    assert narrowed.wants(created, "fraud-eu")
    assert not narrowed.wants(created, "fraud")


def test_a_stage_limits_what_is_about_stages_and_nothing_else() -> None:
    moved = Event("stage", "changed")
    hook = replace(WEBHOOK, events=(CREATED, moved), stage="prod*")
    assert hook.wants(occurred(moved, NOON, "Staging", "Production"), "fraud")
    assert hook.wants(occurred(moved, NOON, "PRODUCTION", "Archived"), "fraud")
    assert not hook.wants(occurred(moved, NOON, "None", "Staging"), "fraud")
    assert hook.wants(occurred(CREATED), "fraud")


def test_a_secret_does_not_show() -> None:
    assert "hush" not in repr(WEBHOOK)


def tried(status: int | None, now: datetime = NOON, **fields: float) -> Delivery:
    return DELIVERY.after(Attempt(now, 5, status, **fields), now, jitter=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_what_the_receiver_took_is_delivered(status: int) -> None:
    done = tried(status)
    assert (done.state, done.next_at, done.finished_at) == (DeliveryState.DELIVERED, None, NOON)


@pytest.mark.parametrize("status", [None, 301, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    again = tried(status)
    assert (again.state, again.next_at) == (DeliveryState.PENDING, NOON + timedelta(seconds=1))
    assert [attempt.status for attempt in again.attempts] == [status]


def test_gone_and_too_late_are_failures() -> None:
    assert tried(410).state is DeliveryState.FAILED
    assert tried(500, NOON + timedelta(days=3)).state is DeliveryState.FAILED
    assert tried(200, NOON + timedelta(days=4)).state is DeliveryState.DELIVERED


def test_the_receiver_may_ask_for_a_longer_pause_up_to_an_hour() -> None:
    assert tried(503, retry_after=90).next_at == NOON + timedelta(seconds=90)
    assert tried(503, retry_after=0.1).next_at == NOON + timedelta(seconds=1)
    assert tried(503, retry_after=1e9).next_at == NOON + timedelta(hours=1)


def test_pauses_double_up_to_an_hour_and_are_spread() -> None:
    pauses = [wait_after(n, 0).total_seconds() for n in (1, 2, 3, 12, 13, 100)]
    assert pauses == [1, 2, 4, 2048, 3600, 3600]
    assert wait_after(1, 1) == timedelta(seconds=1.25)


def test_a_delivery_has_the_same_id_whoever_derives_it() -> None:
    one = delivery_id("w", "m", 1, 0)
    assert one == delivery_id("w", "m", 1, 0)
    others = [delivery_id("v", "m", 1, 0), delivery_id("w", "n", 1, 0), delivery_id("w", "m", 1, 1)]
    assert len({one, *others, delivery_id("w", "m", 11, 0)}) == 5


def test_a_stock_receiver_finds_the_signature_right() -> None:
    from mlflow.webhooks.delivery import _generate_hmac_signature

    headers = headers_of("d", '{"a": 1}', "hush", NOON)
    assert headers["X-MLflow-Timestamp"] == "1795262400"
    assert headers["X-MLflow-Signature"] == _generate_hmac_signature(
        "hush", "d", "1795262400", '{"a": 1}'
    )
    assert "X-MLflow-Signature" not in headers_of("d", "{}", "", NOON)


def test_what_the_api_tells_of_webhooks_is_read_back() -> None:
    read = Webhook.from_json(WEBHOOK.to_json())
    assert read.to_json() == WEBHOOK.to_json()
    assert read.secret == UNTOLD
    assert Webhook.from_json(replace(WEBHOOK, secret="").to_json()).secret == ""

    tried = (Attempt(NOON, 12, 500, "no"), Attempt(NOON, 3, error="lost"))
    for delivery in (DELIVERY, replace(DELIVERY, attempts=tried, next_at=NOON, finished_at=NOON)):
        assert Delivery.from_json(delivery.to_json()).to_json() == delivery.to_json()
    result = Result(False, 500, "no", "lost")
    assert Result.from_json(result.to_json()) == result


def test_changes_of_a_webhook_tell_only_what_changes() -> None:
    assert WebhookChanges().to_json() == {}
    changes = WebhookChanges(events=[CREATED], status=WebhookStatus.DISABLED)
    assert changes.to_json() == {"events": ["registered_model.created"], "status": "DISABLED"}
