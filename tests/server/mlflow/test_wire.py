"""How calls are read, and how errors are told of, whatever the call is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from muniment.domain.access import Role
from muniment.server.mlflow.about import SPOKEN
from tests.server.mlflow.registry import API, INVALID, MISSING, TAKEN, Registry, refusal
from tests.server.people import house

CREATE = f"{API}/registered-models/create"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow"])
def test_every_call_stands_under_both_prefixes(client: httpx.Client, prefix: str) -> None:
    made = client.post(f"{prefix}/registered-models/create", json={"name": "m"})
    assert made.json()["registered_model"]["name"] == "m"
    assert client.get(f"{prefix}/registered-models/get?name=m").status_code == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "application/vnd.api+json"])
def test_a_post_is_json_by_its_content_type(client: httpx.Client, kind: str) -> None:
    headers = {"Content-Type": kind}
    assert refusal(client.post(CREATE, content=b'{"name": "m"}', headers=headers)) == INVALID


def test_only_a_post_has_to_say_that_it_is_json(registry: Registry) -> None:
    registry.model("m")
    for method, path in (("PATCH", "update"), ("DELETE", "delete")):
        url = f"{API}/registered-models/{path}"
        answer = registry.client.request(method, url, content=b'{"name": "m"}')
        assert answer.status_code == 200, answer.text


def test_a_delete_without_a_body_has_its_fields_in_the_query_string(registry: Registry) -> None:
    for name in ("m", "n"):
        registry.model(name)
    url = f"{API}/registered-models/delete"
    assert registry.client.delete(f"{url}?name=m").status_code == 200
    both = registry.client.request("DELETE", f"{url}?name=x", content=b'{"name": "n"}')
    assert both.status_code == 200  # the body counts
    assert refusal(registry.client.delete(url)) == INVALID


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b"null", b"{}", b'"{}"', b'{"Name": "m"}']
)
def test_what_is_no_object_lacks_what_is_required(client: httpx.Client, body: bytes) -> None:
    answer = client.post(CREATE, content=body, headers=JSON)
    assert refusal(answer) == INVALID
    assert "'name'" in answer.json()["message"]


def test_a_body_may_be_encoded_twice_and_hold_fields_unknown_here(client: httpx.Client) -> None:
    twice = client.post(CREATE, content=b'"{\\"name\\": \\"a\\"}"', headers=JSON)
    assert twice.json()["registered_model"]["name"] == "a"
    assert client.post(CREATE, json={"name": "b", "colour": 3, "tags": None}).status_code == 200


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_a_body_may_have_a_byte_order_mark_or_be_in_a_wider_encoding(
    client: httpx.Client, encoding: str
) -> None:
    body = '{"name": "größe"}'.encode(encoding)
    made = client.post(CREATE, content=body, headers=JSON)
    assert made.json()["registered_model"]["name"] == "größe"
    broken = client.post(CREATE, content=body[:-4], headers=JSON)
    assert refusal(broken) == INVALID


@pytest.mark.parametrize(
    "fields",
    [
        {"name": 3},
        {"name": ["m"]},
        {"name": ""},
        {"name": "m", "description": 3},
        {"name": "m", "tags": "x"},
        {"name": "m", "tags": {"k": "v"}},
        {"name": "m", "tags": ["k"]},
        {"name": "m", "tags": [{"key": 3, "value": "v"}]},
        {"name": "m", "tags": [{"key": "k", "value": 3}]},
        {"name": "m", "tags": [{"value": "v"}]},
    ],
)
def test_wrong_types_are_refused_and_change_nothing(
    registry: Registry, fields: dict[str, Any]
) -> None:
    assert registry.refused("POST", "registered-models/create", **fields) == INVALID
    assert registry.models() == []


def test_an_absent_field_and_null_are_the_same(registry: Registry) -> None:
    assert "description" not in registry.model("m", description=None, tags=None)
    assert registry.refused("POST", "registered-models/create", name=None) == INVALID


def test_optional_fields_may_be_written_in_camel_case(registry: Registry) -> None:
    registry.model("m")
    assert registry.version("m", runId="r", runLink="l")["run_id"] == "r"
    both = {"name": "m", "source": "s3://b/x", "run_id": "r", "runId": "r"}
    assert registry.refused("POST", "model-versions/create", **both) == INVALID
    required = {"name": "m", "newName": "n"}
    assert registry.refused("POST", "registered-models/rename", **required) == INVALID


def test_a_get_reads_its_query_string_or_else_its_body(registry: Registry) -> None:
    for name in ("a", "b"):
        registry.model(name)
    get = f"{API}/registered-models/get"
    assert registry.do("GET", "registered-models/get", name=["b", "a"]) == {
        "registered_model": registry.get_model("b")
    }
    body = b'{"name": "a"}'
    assert registry.client.request("GET", get, content=body).status_code == 200
    beside = registry.client.request("GET", f"{get}?x=y", content=body)
    assert refusal(beside) == INVALID
    assert registry.models(maxResults="1") == ["a", "b"]  # unknown, so ignored


@pytest.mark.parametrize(
    ("given", "found"), [("1", 1), ("01", 1), ("+1", 1), (1, 1), (2, 2), ("2", 2)]
)
def test_an_integer_may_be_written_as_text(registry: Registry, given: object, found: int) -> None:
    for name in ("a", "b", "c"):
        registry.model(name)
    assert len(registry.models(max_results=given)) == found


@pytest.mark.parametrize("given", ["", "x", "1.5", "0", "-1", "1001", "9" * 30])
def test_what_is_no_page_size_is_refused(registry: Registry, given: str) -> None:
    search = "registered-models/search"
    assert registry.refused("GET", search, max_results=given) == INVALID


def test_a_flag_is_true_or_false_and_no_text(registry: Registry) -> None:
    registry.model("m")
    registry.version("m")
    to = {"name": "m", "version": "1", "stage": "Staging"}
    for wrong in ("true", 1, "x", []):
        fields = {**to, "archive_existing_versions": wrong}
        assert registry.refused("POST", "model-versions/transition-stage", **fields) == INVALID


def test_what_is_not_here_is_told_of_in_the_protocols_words(registry: Registry) -> None:
    assert registry.refused("GET", "registered-models/nothing") == MISSING
    assert registry.refused("GET", "registered-models/get/", name="m") == MISSING
    answer = registry.ask("POST", "registered-models/get", name="m")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_what_the_frame_refuses_is_told_of_in_the_protocols_words(registry: Registry) -> None:
    elsewhere = registry.client.post(
        CREATE, json={"name": "m"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert refusal(elsewhere) == (403, "PERMISSION_DENIED")
    rebound = registry.client.get(
        f"{API}/registered-models/get?name=m", headers={"Host": "elsewhere.example"}
    )
    assert refusal(rebound) == (403, "PERMISSION_DENIED")
    assert rebound.headers["x-request-id"]
    long = registry.client.get(f"{API}/registered-models/get?name={'x' * 50_000}")
    assert refusal(long) == (414, "INVALID_PARAMETER_VALUE")


def test_other_faces_keep_their_own_words(client: httpx.Client) -> None:
    answer = client.get("/api/v1/models/m")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_an_accident_is_told_of_in_the_protocols_words(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("muniment.services.Catalog.model", broken)
    answer = registry.ask("GET", "registered-models/get", name="m")
    assert refusal(answer) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.text


def test_who_is_not_signed_in_is_challenged_and_who_may_not_is_told(tmp_path: Path) -> None:
    with house(tmp_path) as people:
        viewer = people.person("vera", Role.VIEWER)
        asked = people.client.get(f"{API}/registered-models/get?name=m")
        assert refusal(asked) == (401, "UNAUTHENTICATED")
        assert "Basic" in asked.headers["www-authenticate"]
        asked = people.client.post(CREATE, json={"name": "m"}, auth=viewer)
        assert refusal(asked) == (403, "PERMISSION_DENIED")
        assert asked.headers["cache-control"] == "no-store"


def test_too_many_requests_say_when_to_come_back(tmp_path: Path) -> None:
    with house(tmp_path, rate_limit=1) as people:
        answers = [people.client.get(f"{API}/registered-models/search") for _ in range(20)]
    slowed = next(answer for answer in answers if answer.status_code != 200)
    assert refusal(slowed) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert int(slowed.headers["retry-after"]) >= 1


def test_a_server_tells_which_protocol_it_speaks(client: httpx.Client) -> None:
    for prefix in ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow"):
        told = client.get(f"{prefix}/server-info").json()
        assert told["workspaces_enabled"] is False
    assert client.get("/version", headers={"Accept": "*/*"}).text == SPOKEN


def test_taken_names_are_400_here(registry: Registry) -> None:
    registry.model("m")
    assert registry.refused("POST", "registered-models/create", name="m") == TAKEN
