"""Webhooks and their deliveries, in the browser."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.people import House
from tests.server.people import house as served
from tests.services.receivers import Answer, Receiver, receiving
from tests.web.conftest import stock
from tests.web.visiting import Visitor

WEBHOOKS = "/webhooks"
STAGES = {"event stage.entered": "on"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A registry that sends to this machine, too."""
    allowed = {"webhook_allow_private": True, "webhook_schemes": ("http", "https")}
    with served(tmp_path / "home", mlflow_tracking="off", **allowed) as opened:
        yield opened


@pytest.fixture
def listener() -> Iterator[Receiver]:
    """Who is told."""
    with receiving() as made:
        yield made


def hook(visitor: Visitor, url: str, **fields: str) -> str:
    """Make a webhook; return the path of its page."""
    made = visitor.send(visitor.get(WEBHOOKS), WEBHOOKS, name="deploys", url=url, **fields)
    assert made.status_code == 303, made.text
    return made.headers["location"]


def test_without_webhooks_the_page_says_how_to_make_one(visitor: Visitor) -> None:
    page = visitor.get(WEBHOOKS)
    assert "muniment webhook create" in page.text


def test_a_webhook_is_made_and_listed(visitor: Visitor) -> None:
    path = hook(visitor, "https://hooks.invalid/x", models="fraud-*", **STAGES)
    assert visitor.get(WEBHOOKS).links["deploys"] == path
    page = visitor.get(path)
    assert "Nothing was sent yet." in page.text
    assert page.form(path, "change").fields["models"] == "fraud-*"


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"name": "x", "url": "ftp://hooks.invalid", **STAGES}, ["url"]),
        ({"name": "-", "url": "https://hooks.invalid/x", **STAGES}, ["name"]),
    ],
)
def test_a_bad_webhook_is_said_at_its_field_and_nothing_is_lost(
    visitor: Visitor, fields: dict[str, str], at: list[str]
) -> None:
    page = visitor.do(WEBHOOKS, WEBHOOKS, description="what for", **fields)
    assert (page.status, page.faulty) == (400, at)
    form = page.form(WEBHOOKS)
    assert form.fields["description"] == "what for"
    assert form.fields["event stage.entered"] == "on"


def test_a_webhook_without_events_is_refused(visitor: Visitor) -> None:
    page = visitor.do(WEBHOOKS, WEBHOOKS, name="x", url="https://hooks.invalid/x")
    assert page.status == 400
    assert "A webhook needs events" in page.text


def test_events_of_mlflows_protocol_stand_apart_and_in_sight_where_one_is_chosen(
    visitor: Visitor,
) -> None:
    page = visitor.get(WEBHOOKS)
    choices = page.form(WEBHOOKS).choices
    assert {"event stage.entered", "event registered_model.created"} <= choices.keys()
    own, apart = page.html.split("<details")[-2:]
    assert "event stage.entered" in own
    assert "event registered_model.created" in apart
    assert not apart.startswith(' class="aside" open')
    path = hook(visitor, "https://hooks.invalid/x", **{"event model_version.created": "on"})
    assert '<details class="aside" open' in visitor.get(path).html


def test_a_sample_is_sent_and_its_answer_shown_as_text(
    visitor: Visitor, listener: Receiver
) -> None:
    path = hook(visitor, listener.url, **STAGES)
    listener.answer = lambda received: Answer(500, body=b"<b>broken</b>")
    page = visitor.do(path, path, "test")
    assert "did not arrive" in page.text
    assert "The receiver answered 500." in page.text
    assert "&lt;b&gt;broken&lt;/b&gt;" in page.html
    assert listener.received[0].event == "stage.entered"


def test_a_new_secret_is_shown_once_and_signs_what_is_sent(
    visitor: Visitor, listener: Receiver
) -> None:
    path = hook(visitor, listener.url, **STAGES)
    page = visitor.do(path, path, "rotate")
    found = re.search(r'class="panel once".*?<code>([^<]+)</code>', page.html, re.S)
    assert found
    assert found[1] not in visitor.get(path).html
    visitor.do(path, path, "test")
    (sent,) = listener.received
    signed = f"{sent.id}.{sent.headers['x-mlflow-timestamp']}.{sent.body}"
    mac = hmac.digest(found[1].encode(), signed.encode(), "sha256")
    assert sent.headers["x-mlflow-signature"] == f"v1,{b64encode(mac).decode()}"


def test_deliveries_are_shown_and_sent_again(
    house: House, visitor: Visitor, listener: Receiver
) -> None:
    path = hook(visitor, listener.url, **STAGES)
    stock(house, "fraud")
    house.owner.lifecycle.move_to_stage("fraud", 1, "Staging")
    (first,) = listener.wait_for(1)
    page = visitor.get(path)
    assert "stage.entered" in page.text
    assert "fraud" in page.text
    visitor.do(path, path, "replay", delivery=first.id)
    assert [sent.id for sent in listener.wait_for(2)] == [first.id, first.id]


def test_a_webhook_is_disabled_enabled_changed_and_removed(visitor: Visitor) -> None:
    path = hook(visitor, "https://hooks.invalid/x", **STAGES)
    assert "It is disabled now." in visitor.do(path, path, "disable").text
    assert "It is active now." in visitor.do(path, path, "enable").text
    assert "It was changed." in visitor.do(path, path, "change", name="renamed").text
    assert "The webhook was removed." in visitor.do(path, path, "remove").text
    assert visitor.get(path).status == 404
