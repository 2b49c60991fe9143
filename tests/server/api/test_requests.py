"""Transition requests over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx

from muniment.domain.access import Role
from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import ask, made, policy
from tests.server.people import house


def test_a_request_is_opened_read_listed_approved(
    api: httpx.Client, name: str, version: str
) -> None:
    policy(api, name, name, approvals=1, self_approval=True)
    answer = api.post(f"{version}/requests", json={"stage": name.upper(), "comment": "Better."})
    asked = made(answer, 201)
    assert (asked["to_stage"], asked["state"], asked["comment"]) == (name, "open", "Better.")
    assert [item["rule"] for item in asked["requirements"]] == ["ready", "approvals"]
    address = f"/requests/{asked['id']}"
    assert answer.headers["location"] == f"/api/v1{address}"
    assert made(api.get(address)) == asked
    refusal(api.post(f"{version}/requests", json={"stage": name}), 409, "conflict")

    plain = {key: value for key, value in asked.items() if key != "requirements"}
    for params in ({"model": name}, {"model": name, "version": 1, "state": "open"}):
        assert made(api.get("/requests", params=params))["items"] == [plain]
    assert made(api.get("/requests", params={"model": name, "state": "approved"}))["items"] == []

    stale = {"If-Match": '"7"'}
    refusal(api.post(f"{address}/approve", headers=stale), 412, "precondition_failed")
    done = api.post(f"{address}/approve", json={"comment": "Yes."}, headers={"If-Match": '"1"'})
    assert (made(done)["state"], done.json()["closing_comment"]) == ("approved", "Yes.")
    assert (done.json()["requirements"], done.headers["etag"]) == ([], '"2"')
    assert made(api.get(version))["stage"] == name
    refusal(api.post(f"{address}/approve"), 409, "conflict")


def test_what_blocks_is_told_and_hinders_approval_alone(
    api: httpx.Client, name: str, version: str
) -> None:
    policy(api, name, name, metrics=[{"metric": "auc", "at_least": 0.9}])
    asked = ask(api, version, name)
    problem = refusal(api.post(f"/requests/{asked['id']}/approve"), 409, "blocked")
    assert problem["details"]["blockers"] == ["auc is at least 0.9 (the version has none)"]
    assert made(api.get(f"/requests/{asked['id']}"))["state"] == "open"


def test_requests_are_rejected_and_cancelled(api: httpx.Client, name: str, version: str) -> None:
    for verb, state in (("reject", "rejected"), ("cancel", "cancelled")):
        asked = ask(api, version, "Staging")
        done = made(api.post(f"/requests/{asked['id']}/{verb}", json={"comment": "no"}))
        assert (done["state"], done["closing_comment"]) == (state, "no")


def test_a_request_whose_version_is_gone_is_shown_all_the_same(
    api: httpx.Client, name: str, version: str
) -> None:
    asked = ask(api, version, "Staging")
    made(api.delete(version))
    assert made(api.get(f"/requests/{asked['id']}"))["requirements"] == []
    refusal(api.post(f"/requests/{asked['id']}/approve"), 404, "not_found")


def test_wrong_questions_are_refused(api: httpx.Client, model: str, version: str) -> None:
    refusal(api.get("/requests/999999999"), 404, "not_found")
    refusal(api.get("/requests/x"), 400, "invalid_input")
    refusal(api.get("/requests", params={"state": "shut"}), 400, "invalid_input")
    refusal(api.get("/requests", params={"version": "0"}), 400, "invalid_input")
    refusal(api.post(f"{version}/requests", json={"stage": "nowhere"}), 400, "invalid_input")
    refusal(api.post("/requests/1/reject", json={"force": True}), 400, "invalid_input")


def test_nobody_approves_what_they_have_asked_for(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.person("root", Role.ADMIN)
        ada, grace = home.person("ada", Role.APPROVER), home.person("grace", Role.APPROVER)
        home.client.put("/api/v1/models/m/push/a", content=b"x", auth=ada)
        body = {"order": 200, "policies": [{"approvals": 1}]}
        home.client.put("/api/v1/stages/Production", json=body, auth=("root", ada[1]))
        version = "/api/v1/models/m/versions/1"
        asked = home.client.post(f"{version}/requests", json={"stage": "Production"}, auth=ada)
        address = f"/api/v1/requests/{made(asked, 201)['id']}"
        refusal(home.client.post(f"{address}/approve", auth=ada), 403, "permission_denied")
        assert made(home.client.post(f"{address}/approve", auth=grace))["state"] == "approved"
        assert made(home.client.get(version, auth=ada))["stage"] == "Production"
