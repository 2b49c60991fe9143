"""Garbage collection, totals and limits over HTTP."""

from __future__ import annotations

import httpx

from muniment._version import __version__
from muniment.domain import names
from tests.server.api.conftest import refusal, stored


def test_a_dry_run_only_counts(api: httpx.Client) -> None:
    digest = stored(api, b"needed by nobody")
    report = api.post("/garbage/collect", json={"dry_run": True, "grace": 0}).json()
    assert report["dry_run"] is True
    assert report["blobs"] >= 1
    assert api.head(f"/blobs/{digest}").status_code == 200


def test_a_collection_without_a_body_keeps_what_is_young(api: httpx.Client) -> None:
    digest = stored(api, b"needed soon")
    report = api.post("/garbage/collect")
    assert (report.status_code, report.json()["dry_run"]) == (200, False)
    assert api.head(f"/blobs/{digest}").status_code == 200


def test_wrong_times_are_refused(api: httpx.Client) -> None:
    for wrong in (-1, 1e300, "1", True):
        body = {"dry_run": True, "grace": wrong}
        refusal(api.post("/garbage/collect", json=body), 400, "invalid_input")


def test_totals_count_what_is_stored(api: httpx.Client, version: str) -> None:
    totals = api.get("/storage").json()
    assert totals["versions"] >= 1
    assert totals["stored_bytes"] >= 100


def test_the_server_tells_its_version_and_limits(api: httpx.Client) -> None:
    server = api.get("/server").json()
    assert (server["name"], server["version"]) == ("muniment", __version__)
    assert server["limits"]["files"] == names.MAX_FILES
