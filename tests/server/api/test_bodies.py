"""What bodies may hold, and how wrong ones are explained."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.server.api.conftest import refusal


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": 1}, "name"),
        ({"name": None}, "name"),
        ({"name": "n", "nmae": 1}, "nmae"),
        ({"name": "n", "tags": []}, "tags"),
        ({"name": "n", "description": None}, "description"),
        ({"name": "n", "description": ["x"]}, "description"),
    ],
)
def test_the_field_that_is_wrong_is_named(
    api: httpx.Client, body: dict[str, object], field: str
) -> None:
    problem = refusal(api.post("/models", json=body), 400, "invalid_input")
    assert problem["details"]["field"] == field


@pytest.mark.parametrize(
    "value",
    ["1e999", "-1e999", str(2**63), "9" * 10_000, "NaN", "Infinity", "[]", "{}"],
)
def test_values_that_no_tag_can_hold_are_refused(api: httpx.Client, name: str, value: str) -> None:
    for field in ("tags", "params", "metrics"):
        if field == "metrics" and value == str(2**63):
            continue  # a double
        body = f'{{"source_uri": "s3://x", "{field}": {{"k": {value}}}}}'
        headers = {"Content-Type": "application/json"}
        address = f"/models/{name}/versions?create_model=true"
        refusal(api.post(address, content=body, headers=headers), 400, "invalid_input")


@pytest.mark.parametrize("key", ["", "/a", "..", "a//b", "a\0", "a\ud83d\ude00", "k" * 251, "a@b"])
def test_keys_that_no_tag_may_have_are_refused(api: httpx.Client, name: str, key: str) -> None:
    body = json.dumps({"name": name, "tags": {key: 1}})
    answer = api.post("/models", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413), answer.text


def test_sizes_have_limits(api: httpx.Client, name: str) -> None:
    for body in (
        {"name": "n" * 2_501},
        {"name": name, "description": "d" * 100_001},
        {"name": name, "tags": {"k": "v" * 100_001}},
        {"name": name, "tags": {str(n): 1 for n in range(1_001)}},
    ):
        problem = refusal(api.post("/models", json=body), 413, "limit_exceeded")
        assert problem["details"]["limit"]


def test_a_body_beyond_the_limit_is_refused(api: httpx.Client, name: str) -> None:
    limit = api.get("/server").json()["limits"]["json_body_bytes"]
    body = b'{"name": "' + b"x" * limit + b'"}'
    headers = {"Content-Type": "application/json"}
    problem = refusal(api.post("/models", content=body, headers=headers), 413, "limit_exceeded")
    assert problem["details"]["limit"] == limit


def test_json_may_call_itself_by_a_longer_name(api: httpx.Client, name: str) -> None:
    for media_type in ("application/json; charset=utf-8", "application/merge-patch+json"):
        body = json.dumps({"name": f"{name}-{len(media_type)}"})
        answer = api.post("/models", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 201


@pytest.mark.parametrize(
    "signature",
    [
        {"input": {"variables": [{"name": "x"}]}},
        {"input": {"variables": [{"name": "x", "type": "FLOAT"}]}},
        {"input": {"variables": [{"name": "x", "type": "TEXT", "shape": [-2]}]}},
        {"inputs": {}},
        {"input": {"variables": [{"name": "x", "type": "TEXT"}] * 2}},
    ],
)
def test_a_wrong_signature_is_refused(
    api: httpx.Client, name: str, signature: dict[str, object]
) -> None:
    body = {"source_uri": "s3://x", "signature": signature}
    address = f"/models/{name}/versions?create_model=true"
    refusal(api.post(address, json=body), 400, "invalid_input")


@pytest.mark.parametrize(
    "file",
    [
        {"path": "../a", "sha256": "0" * 64, "size": 1},
        {"path": "a", "sha256": "x", "size": 1},
        {"path": "a", "sha256": "0" * 64, "size": -1},
        {"path": "a", "sha256": "0" * 64, "size": 10**40},
        {"path": "a", "sha256": "0" * 64, "size": "1"},
        {"path": "a", "sha256": "0" * 64},
        {"path": "a", "sha256": "0" * 64, "size": 1, "media_type": "x"},
        {"path": "a", "sha256": "0" * 64, "size": 1, "mode": 7},
    ],
)
def test_a_wrong_file_is_refused(api: httpx.Client, name: str, file: dict[str, object]) -> None:
    address = f"/models/{name}/versions?create_model=true"
    refusal(api.post(address, json={"files": [file]}), 400, "invalid_input")
    refusal(api.post(address, json={"files": []}), 400, "invalid_input")
