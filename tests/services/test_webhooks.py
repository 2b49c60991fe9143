"""Webhooks as their owners see them: rules, trials, history, replay; who may."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mlflow.webhooks.delivery import _generate_hmac_signature

from muniment.domain.access import Grant, Principal, Role
from muniment.domain.caller import Caller
from muniment.domain.events import SAMPLES, Event
from muniment.domain.paging import encode_token
from muniment.domain.query import Cursor
from muniment.domain.webhooks import DeliveryState, Webhook, WebhookChanges, WebhookStatus
from muniment.errors import InvalidInput, InvalidPageToken, NotFound, PermissionDenied
from muniment.services import Auditor, Services

from .conftest import House
from .receivers import Answer, receiving
from .test_delivering import deliver

CREATED, SET = Event("registered_model", "created"), Event("model_version_tag", "set")


def new(url: str = "https://1.1.1.1/hook", **fields: Any) -> WebhookChanges:
    return WebhookChanges(**{"name": "hook", "url": url, "events": [CREATED], **fields})


def test_a_webhook_is_made_read_changed_and_deleted(open_house: House) -> None:
    hooks = open_house.webhooks
    made = hooks.create(new(events=[SET, CREATED], description="d", secret="hush"))
    assert hooks.get(made.uuid) == made
    assert (made.events, made.status) == ((SET, CREATED), WebhookStatus.ACTIVE)
    changed = hooks.update(made.uuid, WebhookChanges(description="", events=[SET]))
    assert (changed.description, changed.events, changed.secret) == ("", (SET,), "hush")
    assert changed.updated_at >= made.updated_at
    assert hooks.update(made.uuid, WebhookChanges(secret="")).secret == ""
    hooks.delete(made.uuid)
    asked: list[Callable[[], object]] = [
        lambda: hooks.get(made.uuid),
        lambda: hooks.update(made.uuid, new()),
        lambda: hooks.delete(made.uuid),
        lambda: hooks.test(made.uuid),
        lambda: hooks.deliveries(made.uuid),
        lambda: hooks.replay(made.uuid, "x"),
        lambda: hooks.rotate_secret(made.uuid),
    ]
    for ask in asked:
        with pytest.raises(NotFound):
            ask()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "called"),
        ({"name": "-a"}, "called"),
        ({"name": "a."}, "called"),
        ({"name": "a" * 64}, "called"),
        ({"name": "ü"}, "called"),
        ({"name": "a\n"}, "called"),
        ({"url": "http://1.1.1.1/"}, "https://"),
        ({"url": "https://10.0.0.1/"}, "not a public address"),
        ({"url": ""}, "URL"),
        ({"events": []}, "needs events"),
        ({"events": [CREATED, CREATED]}, "twice"),
        ({"description": "d" * 100_001}, "description"),
        ({"secret": "s" * 8_001}, "secret"),
    ],
)
def test_what_breaks_a_rule_is_refused(house: House, fields: dict[str, Any], message: str) -> None:
    house = with_webhooks(house)
    hooks = house.webhooks
    with pytest.raises(Exception, match=message):
        hooks.create(new(**fields))
    made = hooks.create(new())
    with pytest.raises(Exception, match=message):
        hooks.update(made.uuid, WebhookChanges(**fields))
    assert hooks.get(made.uuid) == made


def with_webhooks(house: House) -> House:
    """Return the services over the same folder, with the rules that nobody has relaxed."""
    metadata: Any = house.ports.metadata
    ports = replace(house.ports, webhooks=metadata.webhooks, leases=metadata.leases)
    return House(ports, house.clock)


@pytest.mark.parametrize("name", ["a", "A1", "a.b_c-d", "a" * 63])
def test_names_are_letters_digits_and_some_signs(house: House, name: str) -> None:
    assert with_webhooks(house).webhooks.create(new(name=name)).name == name


def test_webhooks_are_listed_in_pages_newest_first(house: House) -> None:
    hooks = with_webhooks(house).webhooks
    made = [hooks.create(new(name=f"h{n}")) for n in range(5)][::-1]
    page, found = hooks.list(page_size=2), list[Webhook]()
    while True:
        found += page.items
        if page.next_token is None:
            break
        page = hooks.list(page_size=2, page_token=page.next_token)
    assert found == made
    for token in ("zzz", "x" * 24):
        with pytest.raises(InvalidPageToken):
            hooks.list(page_token=token)
    for size in (-1, 0, 1_001):
        with pytest.raises(InvalidInput):
            hooks.list(page_size=size)


def test_only_admins_of_the_workspace_have_to_do_with_webhooks(house: House) -> None:
    ports = with_webhooks(house).ports
    for role in Role:
        caller = Caller("ada", principal=Principal("ada", (Grant.of_role(role),)))
        hooks = Services(ports, caller).webhooks
        if role is Role.ADMIN:
            hooks.list()
            continue
        with pytest.raises(PermissionDenied):
            hooks.list()
        with pytest.raises(PermissionDenied):
            hooks.create(new())
        with pytest.raises(PermissionDenied):
            hooks.test("x")


def test_a_trial_sends_a_signed_sample_and_tells_what_came_back(open_house: House) -> None:
    hooks = open_house.webhooks
    with receiving() as receiver:
        made = hooks.create(new(receiver.url, secret="hush", events=list(SAMPLES)))
        for event, sample in SAMPLES.items():
            result = hooks.test(made.uuid, event)
            assert (result.success, result.status, result.answer) == (True, 200, "ok")
            came = receiver.received[-1]
            assert (came.event, came.data) == (str(event), sample)
            headers = came.headers
            assert headers["x-mlflow-signature"] == _generate_hmac_signature(
                "hush", came.id, headers["x-mlflow-timestamp"], came.body
            )
        assert len({came.id for came in receiver.received}) == len(SAMPLES)
        hooks.test(made.uuid)
        assert receiver.received[-1].event == str(made.events[0])
        receiver.answer = lambda came: Answer(500, body=b"no")
        assert not (result := hooks.test(made.uuid)).success
        assert (result.status, result.answer) == (500, "no")
    result = hooks.test(made.uuid)
    assert (result.success, result.status) == (False, None)
    assert "refused" in result.error


def test_a_new_secret_is_told_once_and_signs_from_then_on(open_house: House) -> None:
    hooks = open_house.webhooks
    with receiving() as receiver:
        made = hooks.create(new(receiver.url, secret="old"))
        secret = hooks.rotate_secret(made.uuid)
        assert len(secret) >= 32
        hooks.test(made.uuid)
        (came,) = receiver.received
        assert came.headers["x-mlflow-signature"] == _generate_hmac_signature(
            secret, came.id, came.headers["x-mlflow-timestamp"], came.body
        )


def test_changes_are_on_record_without_secret_and_url(
    open_house: House,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    accounts = open_house.ports.accounts
    assert accounts is not None
    house = House(replace(open_house.ports, auditor=Auditor(accounts)), open_house.clock)
    made = house.webhooks.create(new("https://1.1.1.1/sesame", secret="hush"))
    house.webhooks.rotate_secret(made.uuid)
    house.webhooks.delete(made.uuid)
    log = list(accounts.audit(limit=9))
    assert [entry.kind for entry in log] == [
        "webhook.created",
        "webhook.changed",
        "webhook.deleted",
    ]
    shown = json.dumps([entry.to_json() for entry in log]) + caplog.text
    assert made.uuid in shown
    assert "hush" not in shown
    assert "sesame" not in shown


def test_history_tells_what_became_of_each_delivery_and_replay_sends_it_again(
    open_house: House,
) -> None:
    house = open_house
    with receiving() as receiver:
        made = house.webhooks.create(new(receiver.url))
        for name in "abc":
            house.catalog.create_model(name)
        deliver(house, until=lambda: len(receiver.received) == 3)
        page = house.webhooks.deliveries(made.uuid, page_size=2)
        rest = house.webhooks.deliveries(made.uuid, page_size=2, page_token=page.next_token)
        history = [*page.items, *rest.items]
        assert rest.next_token is None
        assert {d.state for d in history} == {DeliveryState.DELIVERED}
        assert [(a.status, a.answer) for d in history for a in d.attempts] == [(200, "ok")] * 3
        assert {d.id for d in history} == {came.id for came in receiver.received}

        first = receiver.received[0]
        assert house.webhooks.replay(made.uuid, first.id).state is DeliveryState.PENDING
        deliver(house, until=lambda: len(receiver.received) == 4)
        assert (receiver.received[3].id, receiver.received[3].body) == (first.id, first.body)
        with pytest.raises(NotFound):
            house.webhooks.replay(made.uuid, "no such")


@pytest.mark.parametrize("cursor", [(2**62, "d"), ("d", 1), (1,)])
def test_a_place_among_deliveries_that_somebody_made_up_is_refused(
    open_house: House, cursor: Cursor
) -> None:
    made = open_house.webhooks.create(new())
    token = encode_token(cursor, search=f"deliveries {made.uuid}")
    with pytest.raises(InvalidPageToken):
        open_house.webhooks.deliveries(made.uuid, page_token=token)
