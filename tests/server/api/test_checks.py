"""Verdicts on versions over HTTP."""

from __future__ import annotations

import httpx

from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import made


def test_the_latest_verdict_of_each_check_is_listed(api: httpx.Client, version: str) -> None:
    address = f"{version}/checks"
    for name, verdict in (("bias", "fail"), ("size", "unknown"), ("bias", "pass")):
        body = {"name": name, "verdict": verdict, "findings": ["f"], "url": "https://ci/1"}
        result = made(api.post(address, json=body), 201)
        assert (result["name"], result["verdict"], result["findings"]) == (name, verdict, ["f"])
    listed = made(api.get(address))["items"]
    assert [(item["name"], item["verdict"]) for item in listed] == [
        ("bias", "pass"),
        ("size", "unknown"),
    ]


def test_a_verdict_is_one_of_three(api: httpx.Client, version: str) -> None:
    problem = refusal(
        api.post(f"{version}/checks", json={"name": "bias", "verdict": "ok"}), 400, "invalid_input"
    )
    assert problem["details"]["field"] == "verdict"
    refusal(api.post(f"{version}9/checks", json={"name": "b", "verdict": "pass"}), 404, "not_found")
