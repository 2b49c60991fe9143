"""MLflow's calls through our frame: they are answered, by whom they may, and nothing else is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from muniment.domain.access import Verb
from muniment.server.tracking.surface import operations

from .conftest import Tracked

API = "/api/2.0/mlflow"
READERS = {"viewer", "tracker", "contributor"}
WRITERS = READERS - {"viewer"}
NEITHER = {"outsider", "narrow"}
PAGES = "/ajax-api"

OFFICIAL = """
import json
from mlflow.server import app
from mlflow.server.fastapi_app import app as outer

def below(routes):
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            prefix = getattr(getattr(route, "include_context", None), "prefix", "") or ""
            for method, path in below(inner):
                yield method, prefix + path
        for method in getattr(route, "methods", None) or ():
            yield method, route.path

found = {(m, r.rule) for r in app.url_map.iter_rules() for m in r.methods}
print(json.dumps(sorted(found | set(below(outer.routes)))))
"""


def test_what_is_logged_is_found_again(tracker: httpx.Client, run: dict[str, str]) -> None:
    batch = {
        "run_id": run["run_id"],
        "metrics": [{"key": "auc", "value": 0.5, "timestamp": 1, "step": n} for n in range(3)],
        "params": [{"key": "depth", "value": "7"}],
    }
    assert tracker.post(f"{API}/runs/log-batch", json=batch).json() == {}
    asked = {"experiment_ids": ["0"], "filter": "params.depth = '7'"}
    (found,) = tracker.post(f"{API}/runs/search", json=asked).json()["runs"]
    assert found["info"]["run_id"] == run["run_id"]
    history = tracker.get(
        f"{API}/metrics/get-history", params={"run_id": run["run_id"], "metric_key": "auc"}
    )
    assert [metric["step"] for metric in history.json()["metrics"]] == [0, 1, 2]
    assert tracker.get("/ajax-api/2.0/mlflow/runs/get", params=run).status_code == 200


def test_errors_are_those_of_mlflow(tracker: httpx.Client) -> None:
    missing = tracker.get(f"{API}/runs/get", params={"run_id": "0" * 32})
    assert missing.status_code == 404
    assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert tracker.post(f"{API}/experiments/create", json={}).status_code == 400


def test_a_body_is_limited_as_every_json_body_is(tracker: httpx.Client) -> None:
    huge = tracker.post(f"{API}/runs/log-batch", content=b" " * (33 * 1024 * 1024))
    assert huge.status_code in (400, 413)


def test_each_call_is_for_whoever_has_its_verb(tracked: Tracked) -> None:
    clients = {who: tracked.client(who) for who in READERS | NEITHER}
    refused = {}
    every = set(operations())
    twins = {op for op in every if replace(op, path=op.path.replace(PAGES, "/api")) in every - {op}}
    for operation in every - twins:
        path = _filled(operation.path)
        may = READERS if operation.verb is Verb.READ_RUNS else WRITERS
        for who, client in clients.items():
            body = None if operation.method == "GET" else {}
            answer = client.request(operation.method, path, json=body)
            assert answer.status_code != 501, answer.text
            if (answer.status_code == 403) is not (who not in may):
                refused[operation, who] = answer.status_code
    for client in clients.values():
        client.close()
    assert not refused


def test_nobody_gets_in_without_signing_in(tracked: Tracked) -> None:
    with tracked.client(None) as client:
        answer = client.post(f"{API}/runs/search", json={})
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "UNAUTHENTICATED"


def test_a_refusal_is_told_in_mlflows_words(tracked: Tracked) -> None:
    with tracked.client("viewer") as client:
        answer = client.post(f"{API}/experiments/create", json={"name": "x"})
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "PERMISSION_DENIED"
    assert "runs.write" in answer.json()["message"]


def test_other_workspaces_have_no_runs(tracked: Tracked) -> None:
    with tracked.client("root") as client:
        elsewhere = {"X-Muniment-Workspace": "other"}
        answer = client.post(f"{API}/runs/search", json={}, headers=elsewhere)
    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert "default" in answer.json()["message"]


def test_nothing_of_mlflows_application_is_reached_but_what_is_named(
    tracked: Tracked, python: Callable[..., str]
) -> None:
    named = {(operation.method, _shape(operation.path)) for operation in operations()}
    ours = ("/registered-models/", "/model-versions/", "/webhooks", "/mlflow-artifacts/")
    also = ("/", "/health", "/version", "/get-artifact", "/v1/traces", "/graphql")
    reached, tried = [], 0
    with tracked.client("root") as client:
        for method, rule in json.loads(python(OFFICIAL)):
            path = re.sub(r"[<{](?:path:)?(\w+)(?::path)?[>}]", r"{\1}", rule)
            if path in also or any(part in path for part in ours):
                continue
            if method in ("HEAD", "OPTIONS") or (method, _shape(path)) in named:
                continue
            tried += 1
            answer = client.request(method, _filled(path), json={})
            if answer.status_code not in (404, 405):
                reached.append(path)
    assert tried > 100
    expected = {"/ajax-api/3.0/mlflow/ui-telemetry"}  # answered by us: to report nothing
    expected |= {f"/{prefix}/3.0/mlflow/server-info" for prefix in ("api", "ajax-api")}
    expected |= {"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"}
    assert set(reached) <= expected


def _shape(path: str) -> tuple[str, ...]:
    return tuple("*" if "{" in part else part for part in path.split("/"))


def _filled(path: str) -> str:
    return "/".join("0" if "{" in part else part for part in path.split("/"))


@pytest.mark.parametrize("sent", ["/%2e%2e/", "//", "%2F..%2F"])
def test_a_path_leads_nowhere_else(tracker: httpx.Client, sent: str) -> None:
    answer = tracker.get(f"{API}/runs{sent}registered-models/search")
    assert answer.status_code in (400, 404)


def test_graphql_shows_versions_that_one_may_see_and_no_other(
    tracked: Tracked, run: dict[str, str]
) -> None:
    name = tracked.world.name("graph")
    register = {"name": name, "source": "s3://bucket/model", "run_id": run["run_id"]}
    query = "query q($id: String) {mlflowGetRun(input: {runId: $id}) {run {modelVersions {name}}}}"
    asked = {"query": query, "variables": {"id": run["run_id"]}}
    with tracked.client("contributor") as client:
        made = client.post(f"{API}/registered-models/create", json={"name": name})
        assert made.status_code == 200
        made = client.post(f"{API}/model-versions/create", json=register)
        assert made.status_code == 200, made.text
    seen = {}
    for who in ("viewer", "tracker"):
        with tracked.client(who) as client:
            answer = client.post("/graphql", json=asked).json()
        assert answer["errors"] is None, answer
        seen[who] = answer["data"]["mlflowGetRun"]["run"]["modelVersions"]
    assert seen == {"viewer": [{"name": name}], "tracker": []}
