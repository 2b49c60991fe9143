"""MLflow's pages behind our frame: whole, strict, and talking to nobody else."""

from __future__ import annotations

import re

import httpx
import pytest

from .conftest import Tracked


@pytest.fixture
def index(tracker: httpx.Client) -> httpx.Response:
    return tracker.get("/mlflow/")


def test_the_page_loads_from_here_and_nowhere_else(
    tracker: httpx.Client, index: httpx.Response
) -> None:
    assert index.headers["content-type"].startswith("text/html")
    policy = index.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    addresses = re.findall(r'(?:src|href)="([^"]+)"', index.text)
    assert addresses
    for address in addresses:
        got = tracker.get(f"/mlflow/{address.removeprefix('./')}")
        assert got.status_code == 200, address
        assert got.headers["x-content-type-options"] == "nosniff"
    script = next(address for address in addresses if address.endswith(".js"))
    assert "immutable" in tracker.get(f"/mlflow/{script}").headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "asset-manifest.json",
        "lib/notebook-trace-renderer/index.html",
        "static/",
        "static/js",
        "static/../index.html",
        "static/%2e%2e/index.html",
        "static/..%2f..%2f..%2fhandlers.py",
        "static//etc/passwd",
    ],
)
def test_nothing_but_its_own_files_is_served(tracker: httpx.Client, path: str) -> None:
    assert tracker.get(f"/mlflow/static-files/{path}").status_code == 404


def test_it_reports_nothing(tracker: httpx.Client) -> None:
    told = tracker.get("/mlflow/ajax-api/3.0/mlflow/ui-telemetry").json()
    assert told["disable_ui_telemetry"] is True
    sent = tracker.post("/mlflow/ajax-api/3.0/mlflow/ui-telemetry", json={"records": []})
    assert sent.status_code == 405
    worker = "TelemetryLogger.telemetry-worker.d0f8ea2c83c08b63528f.worker.js"
    assert tracker.get(f"/mlflow/static-files/{worker}").status_code == 404


def test_what_it_asks_for_is_answered_as_without_its_prefix(
    tracked: Tracked, run: dict[str, str]
) -> None:
    path = f"/ajax-api/2.0/mlflow/runs/get?run_id={run['run_id']}"
    with tracked.client("viewer") as client:
        assert client.get(f"/mlflow{path}").json() == client.get(path).json()
        made = {"name": "by a viewer"}
        refused = client.post("/mlflow/ajax-api/2.0/mlflow/experiments/create", json=made)
        assert refused.status_code == 403
        asked = {"query": '{mlflowGetExperiment(input: {experimentId: "0"}) {experiment {name}}}'}
        answer = client.post("/mlflow/graphql", json=asked).json()
        assert answer["data"]["mlflowGetExperiment"]["experiment"] == {"name": "Default"}
        models = client.get("/mlflow/ajax-api/2.0/mlflow/registered-models/search")
        assert models.status_code == 200
    for path in ("/mlflow/api/v1/models", "/mlflow/mlflow/", "/mlflow/ajax-api/../api/v1/models"):
        with tracked.client("admin") as client:
            assert client.get(path).status_code in (200, 404)


def test_a_page_of_another_site_changes_nothing_through_it(tracker: httpx.Client) -> None:
    path = "/mlflow/ajax-api/2.0/mlflow/experiments/create"
    evil = {"Origin": "http://evil.example"}
    assert tracker.post(path, json={"name": "evil"}, headers=evil).status_code == 403


def test_a_browser_is_asked_to_sign_in(tracked: Tracked) -> None:
    with tracked.client(None) as client:
        answer = client.get("/mlflow/", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fmlflow%2F"


def test_addresses_that_clients_print_lead_on_to_it(tracker: httpx.Client) -> None:
    page = tracker.get("/")
    assert "/mlflow/" in page.text
    (script,) = re.findall(r'src="(/assets/\w+/page\.js)"', page.text)
    assert "location.replace" in tracker.get(script).text
    assert tracker.get("/mlflow").headers["location"] == "/mlflow/"
