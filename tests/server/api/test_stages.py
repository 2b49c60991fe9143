"""Stages over HTTP, and what they demand."""

from __future__ import annotations

import httpx

from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import made, policy


def test_a_stage_is_defined_read_replaced_and_removed(api: httpx.Client, name: str) -> None:
    address = f"/stages/{name}"
    rule = {"models": name, "approvals": 1, "metrics": [{"metric": "auc", "at_least": 0.9}]}
    body = {"order": 250, "colour": "#1f77b4", "description": "d", "policies": [rule]}

    new = api.put(address, json=body, headers={"If-None-Match": "*"})
    assert made(new) == {"name": name, "predefined": False, "revision": 1, **body}
    assert new.headers["etag"] == '"1"'
    refusal(api.put(address, json=body, headers={"If-None-Match": "*"}), 412, "precondition_failed")

    again = api.put(
        f"/stages/{name.upper()}", json={"order": 1, "policies": []}, headers={"If-Match": '"1"'}
    )
    assert (made(again)["name"], again.json()["description"], again.json()["revision"]) == (
        *(name, ""),
        2,
    )
    stale = {"If-Match": '"1"'}
    refusal(api.put(address, json=body, headers=stale), 412, "precondition_failed")
    assert api.get(address, headers={"If-None-Match": '"2"'}).status_code == 304

    listed = [stage["name"] for stage in made(api.get("/stages"))["items"]]
    assert listed.index("None") < listed.index(name) < listed.index("Staging")
    assert api.delete(address).status_code == 204
    refusal(api.get(address), 404, "not_found")


def test_what_a_policy_may_not_say_is_refused_with_the_field(api: httpx.Client, name: str) -> None:
    for body, field in (
        ({"policies": []}, "order"),
        ({"order": 1}, "policies"),
        ({"order": "1", "policies": []}, "order"),
        ({"order": 1, "policies": [{"approval": 1}]}, "policies.0.approval"),
    ):
        problem = refusal(api.put(f"/stages/{name}", json=body), 400, "invalid_input")
        assert problem["details"]["field"] == field
    for rule in ({"approvals": 21}, {"approver": "emperor"}, {"metrics": [{"metric": "auc"}]}):
        body = {"order": 1, "policies": [rule]}
        refusal(api.put(f"/stages/{name}", json=body), 400, "invalid_input")
    refusal(api.put("/stages/12", json={"order": 1, "policies": []}), 400, "invalid_input")


def test_a_stage_with_versions_stays(api: httpx.Client, name: str, version: str) -> None:
    policy(api, name, name)
    made(api.post(f"{version}/stage", json={"stage": name}))
    refusal(api.delete(f"/stages/{name}"), 409, "in_use")


def test_demands_are_listed_with_their_evidence(api: httpx.Client, name: str, version: str) -> None:
    policy(api, name, name, checks=["bias"], metrics=[{"metric": "auc", "at_least": 0.9}])
    address = f"{version}/requirements"
    told = made(api.get(address, params={"stage": name.upper()}))
    assert (told["stage"], told["met"]) == (name, False)
    assert [(item["rule"], item["met"]) for item in told["items"]] == [
        ("ready", True),
        ("metric", False),
        ("check", False),
    ]
    api.patch(version, json={"metrics": {"auc": 0.95}})
    api.post(f"{version}/checks", json={"name": "bias", "verdict": "pass"})
    assert made(api.get(address, params={"stage": name}))["met"] is True
    refusal(api.get(address, params={"stage": f"{name}-x"}), 404, "not_found")
    refusal(api.get(address), 400, "invalid_input")


def test_a_move_that_the_stage_forbids_says_why(api: httpx.Client, name: str, version: str) -> None:
    policy(api, name, name, checks=["bias"])
    problem = refusal(api.post(f"{version}/stage", json={"stage": name}), 409, "blocked")
    assert problem["details"]["blockers"] == ["the check 'bias' passes (unknown)"]


def test_reviews_fall_due(api: httpx.Client, name: str, version: str) -> None:
    policy(api, name, name, review_days=1e-9)
    made(api.post(f"{version}/stage", json={"stage": name}))
    (due,) = made(api.get("/reviews-due", params={"model": name}))["items"]
    assert (due["version"]["model"], due["version"]["stage"]) == (name, name)
    assert due["due"] >= due["version"]["stage_since"]
