"""Webhooks over HTTP: made, changed, tried, and what they were sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.server.api.conftest import Json, refusal
from tests.server.api.lifecycle import made
from tests.server.conftest import serving
from tests.services.receivers import Receiver, receiving

NONE = "0b9d6d0f-1a2c-4e5f-8a7b-6c5d4e3f2a1b"


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The API of a server that may tell receivers on loopback."""
    settings = Settings(
        home=tmp_path_factory.mktemp("hooks") / "home",
        webhook_schemes=("http", "https"),
        webhook_allow_private=True,
        mlflow_tracking="off",
    )
    with serving(create_app(settings)) as client:
        client.base_url = f"{client.base_url}/api/v1"
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def hook(api: httpx.Client, receiver: Receiver, *events: str, **more: str) -> Json:
    body = {"name": "hook", "url": receiver.url, "events": list(events), **more}
    return made(api.post("/webhooks", json=body), 201)


def test_a_webhook_is_made_read_changed_listed_and_deleted(
    hooked: httpx.Client, receiver: Receiver
) -> None:
    new = hook(hooked, receiver, "stage.changed", "model_version.created", secret="hush")
    assert (new["signed"], new["status"], new["models"], new["stage"]) == (True, "ACTIVE", "*", "*")
    assert "hush" not in json.dumps(new)
    address = f"/webhooks/{new['id']}"
    assert made(hooked.get(address)) == new
    change = {"status": "DISABLED", "stage": "Prod*", "secret": "", "events": ["request.created"]}
    changed = made(hooked.patch(address, json=change))
    assert (changed["signed"], changed["events"]) == (False, ["request.created"])
    assert changed["name"] == "hook"
    assert changed in made(hooked.get("/webhooks"))["items"]
    assert hooked.delete(address).status_code == 204
    for gone in (hooked.get(address), hooked.delete(address), hooked.post(f"{address}/test")):
        refusal(gone, 404, "not_found")


def test_a_sample_is_sent_and_the_answer_told(hooked: httpx.Client, receiver: Receiver) -> None:
    address = f"/webhooks/{hook(hooked, receiver, 'stage.changed')['id']}"
    told = {"success": True, "status": 200, "answer": "ok", "error": ""}
    assert made(hooked.post(f"{address}/test")) == told
    assert made(hooked.post(f"{address}/test", json={"event": "comment.added"})) == told
    assert [came.event for came in receiver.received] == ["stage.changed", "comment.added"]
    refusal(hooked.post(f"{address}/test", json={"event": "x"}), 400, "invalid_input")
    rotated = hooked.post(f"{address}/secret")
    assert len(made(rotated)["secret"]) >= 32
    assert rotated.headers["cache-control"] == "no-store"
    assert made(hooked.get(address))["signed"] is True


def test_what_happens_is_sent_listed_and_sent_again(
    hooked: httpx.Client, receiver: Receiver
) -> None:
    new = hook(hooked, receiver, "stage.changed", "version.created", models="told", stage="staging")
    for model in ("told", "other"):
        made(hooked.put(f"/models/{model}/push/model.pkl", content=b"x"), 201)
        for stage in ("Staging", "Production"):
            move = {"stage": stage, "comment": "why"}
            made(hooked.post(f"/models/{model}/versions/1/stage", json=move))
    made(hooked.post("/models/told/versions/1/stage", json={"stage": "Archived"}))
    came = receiver.wait_for(3)
    assert [(each.event, each.data["model"], each.data["details"].get("to")) for each in came] == [
        ("version.created", "told", None),
        ("stage.changed", "told", "Staging"),
        ("stage.changed", "told", "Production"),  # which was left behind is Staging
    ]
    history = made(hooked.get("/activities", params={"model": "told", "kind": "stage.changed"}))
    assert came[1].data == history["items"][-1]

    address = f"/webhooks/{new['id']}/deliveries"
    deadline = time.monotonic() + 60
    while any(d["state"] == "PENDING" for d in made(hooked.get(address))["items"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    page = made(hooked.get(address, params={"page_size": 2}))
    rest = made(hooked.get(address, params={"page_token": page["next_page_token"]}))
    deliveries = page["items"] + rest["items"]
    sent = {delivery["id"]: delivery["body"] for delivery in deliveries}
    assert sent == {each.id: each.body for each in came}
    (attempt,) = deliveries[0]["attempts"]
    assert (attempt["status"], attempt["answer"], attempt["error"]) == (200, "ok", "")

    replayed = made(hooked.post(f"{address}/{came[0].id}/replay"))
    assert (replayed["id"], replayed["state"]) == (came[0].id, "PENDING")
    assert receiver.wait_for(4)[-1].body == came[0].body
    refusal(hooked.post(f"{address}/{NONE}/replay"), 404, "not_found")
    refusal(hooked.post(f"{address}/x/replay"), 400, "invalid_input")


def test_wrong_webhooks_are_refused_without_repeating_the_secret(
    api: httpx.Client,
) -> None:
    good = {"name": "h", "url": "https://1.1.1.1/x", "events": ["stage.changed"]}
    for change, field in (
        ({"events": ["stage.moved"]}, "events"),
        ({"events": []}, "events"),
        ({"events": ["user.created"]}, "events"),
        ({"models": ""}, "models"),
        ({"stage": "x" * 501}, "stage"),
        ({"status": "active"}, "status"),
        ({"name": "-"}, "name"),
        ({"secret": 9876543210}, "secret"),
    ):
        answer = api.post("/webhooks", json=good | change)
        assert refusal(answer, 400, "invalid_input")["details"]["field"] == field
        assert "9876543210" not in answer.text
    refusal(api.post("/webhooks", json=good | {"url": "http://127.0.0.1/"}), 400, "invalid_input")
    refusal(api.get("/webhooks/1"), 400, "invalid_input")
    refusal(api.get(f"/webhooks/{NONE}"), 404, "not_found")


def test_clients_of_mlflow_see_what_they_have_words_for(
    hooked: httpx.Client, receiver: Receiver
) -> None:
    own = hook(hooked, receiver, "stage.changed")
    both = hook(hooked, receiver, "stage.changed", "prompt.created")
    listed = made(hooked.get("http://127.0.0.1:8000/api/2.0/mlflow/webhooks"))["webhooks"]
    events = {each["webhook_id"]: each["events"] for each in listed}
    assert own["id"] not in events
    assert events[both["id"]] == [{"entity": "PROMPT", "action": "CREATED"}]
