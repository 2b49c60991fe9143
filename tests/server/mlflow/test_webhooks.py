"""Webhooks as a stock client makes and tries them, and as receivers are told of what happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookStatus
from mlflow.exceptions import MlflowException
from mlflow.webhooks.delivery import _generate_hmac_signature

from tests.faults.serving import ServerProcess
from tests.services.receivers import Answer, Receiver, receiving

EVENTS = ["registered_model.created", "model_version.created", "model_version_tag.set"]
URL = "https://1.1.1.1/hook"


@pytest.fixture(scope="module", autouse=True)
def relaxed() -> Iterator[None]:
    """Servers that are started here may tell receivers on loopback."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MUNIMENT_WEBHOOK_SCHEMES", "http,https")
        environment.setenv("MUNIMENT_WEBHOOK_ALLOW_PRIVATE", "true")
        environment.setenv("MUNIMENT_MLFLOW_TRACKING", "off")
        yield


@pytest.fixture(scope="module")
def server(relaxed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("shared") / "home") as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> MlflowClient:
    return client_of(server)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def client_of(server: ServerProcess) -> MlflowClient:
    return MlflowClient(server.url, server.url)


def send(server: ServerProcess, method: str, path: str, body: object = None) -> httpx.Response:
    return httpx.request(method, f"{server.url}/api/2.0/mlflow/{path}", json=body)


def test_a_stock_client_makes_changes_lists_tries_and_deletes_webhooks(
    client: MlflowClient, receiver: Receiver
) -> None:
    made = client.create_webhook("hook", receiver.url, EVENTS, description="d", secret="hush")
    assert (made.name, made.url, made.description) == ("hook", receiver.url, "d")
    assert (made.secret, made.status) == (None, WebhookStatus.ACTIVE)
    assert sorted(map(str, made.events)) == sorted(EVENTS)
    other = client.create_webhook("hook", URL, ["prompt.created"], status="DISABLED")

    assert [hook.webhook_id for hook in client.list_webhooks()][:2] == [
        other.webhook_id,
        made.webhook_id,
    ]
    page = client.list_webhooks(max_results=1)
    (rest,) = client.list_webhooks(max_results=1, page_token=page.token)
    assert (page[0].webhook_id, rest.webhook_id) == (other.webhook_id, made.webhook_id)

    changed = client.update_webhook(made.webhook_id, description="", events=["prompt.created"])
    assert (changed.description, [*map(str, changed.events)]) == (None, ["prompt.created"])
    assert changed.last_updated_timestamp >= changed.creation_timestamp
    assert client.get_webhook(made.webhook_id).url == receiver.url

    result = client.test_webhook(made.webhook_id, "model_version.created")
    assert (result.success, result.response_status, result.response_body) == (True, 200, "ok")
    (came,) = receiver.received
    assert (came.event, came.data["version"]) == ("model_version.created", "1")
    assert came.headers["x-mlflow-signature"] == _generate_hmac_signature(
        "hush", came.id, came.headers["x-mlflow-timestamp"], came.body
    )
    receiver.answer = lambda came: Answer(500)
    assert not client.test_webhook(made.webhook_id).success

    client.delete_webhook(made.webhook_id)
    for ask in (client.get_webhook, client.delete_webhook, client.test_webhook):
        with pytest.raises(MlflowException) as caught:
            ask(made.webhook_id)
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


EVENT = {"entity": "REGISTERED_MODEL", "action": "CREATED"}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": None},
        {"name": 5},
        {"name": "a b"},
        {"url": ""},
        {"url": None},
        {"url": "ftp://1.1.1.1/"},
        {"url": "https://"},
        {"events": None},
        {"events": []},
        {"events": "registered_model.created"},
        {"events": EVENT},
        {"events": ["registered_model.created"]},
        {"events": [{}]},
        {"events": [{"entity": "REGISTERED_MODEL"}]},
        {"events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]},
        {"events": [{"entity": "registered_model", "action": "created"}]},
        {"events": [{"entity": 99, "action": 1}]},
        {"events": [EVENT, EVENT]},
        {"description": 5},
        {"secret": 5},
        {"status": 0},
        {"status": 3},
        {"status": True},
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_an_invalid_parameter(
    server: ServerProcess, fields: dict[str, Any]
) -> None:
    answer = send(
        server, "POST", "webhooks", {"name": "h", "url": URL, "events": [EVENT], **fields}
    )
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("DISABLED", "DISABLED"),
        (2, "DISABLED"),
        ("2", "DISABLED"),
        ("nope", "ACTIVE"),
        ("", "ACTIVE"),
    ],
)
def test_states_and_events_may_be_numbers(
    server: ServerProcess, status: object, shown: str
) -> None:
    asked = {"name": "h", "url": URL, "events": [{"entity": 3, "action": "4"}], "status": status}
    made = send(server, "POST", "webhooks", asked).json()["webhook"]
    assert made["status"] == shown
    assert made["events"] == [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]
    assert "description" not in made
    path = f"webhooks/{made['webhook_id']}"
    for nothing in ({}, {"name": "", "url": "", "events": [], "status": ""}):
        same = send(server, "PATCH", path, nothing).json()["webhook"]
        assert {**same, "last_updated_timestamp": 0} == {**made, "last_updated_timestamp": 0}


@pytest.mark.parametrize(("size", "status"), [(0, 200), (1_000, 200), (1_001, 400), (-1, 400)])
def test_pages_have_a_limit(server: ServerProcess, size: int, status: int) -> None:
    assert send(server, "GET", f"webhooks?max_results={size}").status_code == status
    twin = httpx.get(f"{server.url}/ajax-api/2.0/mlflow/webhooks?max_results={size}")
    assert twin.status_code == status
    assert send(server, "GET", "webhooks?page_token=zzz").status_code == 400


def test_loopback_and_clear_text_are_refused_unless_settings_allow_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUNIMENT_WEBHOOK_SCHEMES")
    monkeypatch.delenv("MUNIMENT_WEBHOOK_ALLOW_PRIVATE")
    with ServerProcess(tmp_path / "home") as server:
        client = client_of(server)
        for url in ("https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "http://1.1.1.1/"):
            with pytest.raises(MlflowException) as caught:
                client.create_webhook("hook", url, EVENTS)
            assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
        client.create_webhook("hook", URL, EVENTS)


def test_receivers_are_told_at_once_and_in_order(client: MlflowClient, receiver: Receiver) -> None:
    client.create_webhook("hook", receiver.url, EVENTS, secret="hush")
    client.create_registered_model("fraud", tags={"team": "risk"}, description="d")
    client.create_model_version("fraud", "s3://bucket/model", run_id="r", description="v")
    client.set_model_version_tag("fraud", "1", "ok", "yes")
    came = receiver.wait_for(3)
    assert [(one.event, one.data) for one in came] == [
        (
            "registered_model.created",
            {"name": "fraud", "tags": {"team": "risk"}, "description": "d"},
        ),
        (
            "model_version.created",
            {
                "name": "fraud",
                "version": "1",
                "source": "s3://bucket/model",
                "run_id": "r",
                "tags": {},
                "description": "v",
            },
        ),
        (
            "model_version_tag.set",
            {"name": "fraud", "version": "1", "key": "ok", "value": "yes"},
        ),
    ]
    for one in came:
        assert one.headers["x-mlflow-signature"] == _generate_hmac_signature(
            "hush", one.id, one.headers["x-mlflow-timestamp"], one.body
        )


def test_two_servers_over_one_folder_tell_of_each_change_once(
    tmp_path: Path, receiver: Receiver
) -> None:
    with ServerProcess(tmp_path / "home") as one, ServerProcess(tmp_path / "home") as other:
        clients = [client_of(one), client_of(other)]
        clients[0].create_webhook("hook", receiver.url, EVENTS)
        for n in range(20):
            first, second = clients[n % 2], clients[(n + 1) % 2]
            first.create_registered_model(f"m{n}")
            second.create_model_version(f"m{n}", "s3://bucket/model")
        receiver.wait_for(40)
        clients[1].create_registered_model("last")
        came = receiver.wait_for(41)
        time.sleep(0.2)  # for one that would come twice
        assert len(receiver.received) == 41
    by_model: dict[str, list[str]] = {}
    for delivered in came:
        by_model.setdefault(delivered.data["name"], []).append(delivered.event)
    assert by_model.pop("last") == EVENTS[:1]
    assert set(map(tuple, by_model.values())) == {tuple(EVENTS[:2])}
    assert len(by_model) == 20


def test_a_server_that_is_killed_before_it_delivers_does_so_when_it_is_back(
    tmp_path: Path,
) -> None:
    with receiving() as gone:
        pass
    server = ServerProcess(tmp_path / "home")
    client = client_of(server)
    client.create_webhook("hook", gone.url, EVENTS)
    for n in range(5):
        client.create_registered_model(f"m{n}")
    server.kill()
    port = int(gone.url.split(":")[2].partition("/")[0])
    with receiving(port) as receiver, ServerProcess(tmp_path / "home"):
        came = receiver.wait_for(5)
    assert {one.data["name"] for one in came} == {f"m{n}" for n in range(5)}


def test_what_was_under_way_when_its_server_was_killed_comes_again_with_the_same_id(
    tmp_path: Path, receiver: Receiver
) -> None:
    server = ServerProcess(tmp_path / "home")
    client = client_of(server)
    client.create_webhook("hook", receiver.url, EVENTS)

    def kill(came: object) -> Answer:
        server.kill()
        return Answer()

    receiver.answer = kill
    client.create_registered_model("m")
    receiver.wait_for(1)
    server.process.wait()
    receiver.answer = lambda came: Answer()
    with ServerProcess(tmp_path / "home"):
        one, other = receiver.wait_for(2)
    assert (one.id, one.body) == (other.id, other.body)
    assert json.loads(one.body)["data"]["name"] == "m"
