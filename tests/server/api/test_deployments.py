"""Where versions run, over HTTP."""

from __future__ import annotations

import httpx

from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import made


def test_a_deployment_is_declared_changed_listed_and_retired(
    api: httpx.Client, name: str, version: str
) -> None:
    address = f"/models/{name}/deployments/prod/eu%2Fscoring"
    new = api.put(address, json={"version": 1}, headers={"If-None-Match": "*"})
    assert (made(new)["name"], new.json()["target"], new.headers["etag"]) == (
        *("eu/scoring", f"{name}/1"),
        '"1"',
    )
    refusal(
        api.put(address, json={"version": 1}, headers={"If-None-Match": "*"}),
        412,
        "precondition_failed",
    )
    changed = api.put(address, json={"status": "failed"}, headers={"If-Match": '"1"'})
    assert (made(changed)["status"], changed.json()["version"]) == ("failed", 1)
    assert made(api.get(address)) == changed.json()
    assert api.get(address, headers={"If-None-Match": '"2"'}).status_code == 304

    listing = {"model": name, "environment": "prod", "name": "eu/scoring"}
    assert made(api.get("/deployments", params=listing))["items"] == [changed.json()]
    assert made(api.get("/deployments", params=listing | {"status": "running"}))["items"] == []
    used = made(api.get(f"{version}/users"))
    assert [deployment["id"] for deployment in used["deployments"]] == [changed.json()["id"]]
    refusal(api.delete(version), 409, "in_use")

    gone = made(api.delete(address, params={"comment": "Replaced."}))
    assert (gone["status"], gone["comment"]) == ("retired", "Replaced.")
    refusal(api.get(address), 404, "not_found")
    refusal(api.delete(address), 404, "not_found")
    retired = made(api.get("/deployments", params={"model": name, "status": "retired"}))
    assert retired["items"] == [gone]


def test_what_runs_something_else_is_found(api: httpx.Client, name: str, version: str) -> None:
    made(api.put(f"/models/{name}/aliases/champion", json={"version": 1}))
    for deployment, running in (("right", 1), ("wrong", None)):
        body = {"alias": "champion", "running": running}
        made(api.put(f"/models/{name}/deployments/prod/{deployment}", json=body))
    made(api.put(f"/models/{name}/push/model.pkl", content=b"newer"), 201)
    made(api.put(f"/models/{name}/aliases/champion", json={"version": 2}))
    params: dict[str, str] = {"model": name, "drifted_only": "true"}
    (drift,) = made(api.get("/deployments/drift", params=params))["items"]
    assert (drift["deployment"]["name"], drift["runs"], drift["expected"]) == ("right", 1, 2)
    both = made(api.get("/deployments/drift", params={"model": name}))["items"]
    assert [item["drifted"] for item in both] == [True, False]
    unknown = made(api.put(f"/models/{name}/deployments/prod/right", json={"forget_running": True}))
    assert (unknown["running"], unknown["alias"]) == (None, "champion")
    assert made(api.get("/deployments/drift", params=params))["items"] == []


def test_wrong_deployments_are_refused(api: httpx.Client, name: str, version: str) -> None:
    address = f"/models/{name}/deployments/prod/x"
    for body in (
        {},
        {"version": 1, "alias": "a"},
        {"stage": "nowhere"},
        {"version": 1, "status": "retired"},
    ):
        refusal(api.put(address, json=body), 400, "invalid_input")
    refusal(api.put(address, json={"version": 9}), 404, "not_found")
    refusal(api.put(address, json={"alias": "no-such"}), 404, "not_found")
    refusal(
        api.put(f"/models/{name}/deployments/a%2Fb/x", json={"version": 1}), 400, "invalid_input"
    )
    refusal(api.get("/deployments", params={"status": "happy"}), 400, "invalid_input")
    refusal(api.get("/deployments", params={"model": f"{name}-x"}), 404, "not_found")
    refusal(api.get(f"{version}9/users"), 404, "not_found")
