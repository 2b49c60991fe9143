"""The audit log over the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from muniment.domain.access import Role
from muniment.domain.activities import Activity, verify_chain
from tests.server.api.conftest import refusal
from tests.server.people import PASSWORD, House, house

AUDIT = "/api/v1/audit"
DAY = 86_400


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    """A registry with `root`, an admin, and `ada`, a viewer."""
    with house(tmp_path) as served:
        served.person("root", Role.ADMIN)
        served.person("ada", Role.VIEWER)
        yield served


@pytest.fixture
def api(served: House) -> httpx.Client:
    """What `root` sends."""
    served.client.auth = ("root", PASSWORD)
    return served.client


def test_what_happened_is_in_the_log(served: House, api: httpx.Client) -> None:
    ada = ("ada", PASSWORD)
    api.put("/api/v1/models/fraud/push/model.pkl", content=b"bytes")
    api.get("/api/v1/me", auth=("ada", "wrong password"))
    api.post("/api/v1/models", auth=ada, json={"name": "x"}, headers={"X-Request-Id": "r1"})
    api.get("/api/v1/models/fraud/versions/1/files/model.pkl", auth=ada)
    served.sign_in("ada")
    entries = api.get(AUDIT, params={"order": "oldest"}).json()["items"]
    told = [(entry["kind"], entry["actor"]) for entry in entries][2:]
    assert set(told) == {
        ("artifact.read", "ada"),
        ("refused", "ada"),
        ("sign_in", "ada"),
        ("sign_in.failed", "ada"),
    }
    by_kind = {entry["kind"]: entry["details"] for entry in entries}
    assert by_kind["sign_in.failed"]["address"] == "127.0.0.1"
    assert by_kind["refused"]["verb"] == "model.create"
    assert by_kind["refused"]["request"] == "r1"


def test_the_log_is_read_a_page_at_a_time_in_either_order(api: httpx.Client) -> None:
    for n in range(5):
        api.post("/api/v1/users", json={"name": f"robot-{n}", "service": True})

    def all_of(order: str) -> list[int]:
        sequences, token = [], None
        while True:
            params = {"page_size": "2", "order": order}
            page = api.get(AUDIT, params=params | ({"page_token": token} if token else {})).json()
            sequences += [entry["sequence"] for entry in page["items"]]
            if (token := page["next_page_token"]) is None:
                return sequences

    assert all_of("oldest") == all_of("newest")[::-1] == list(range(1, 8))


def test_the_export_is_a_chain_that_others_can_verify(served: House, api: httpx.Client) -> None:
    for n in range(3):
        api.post("/api/v1/users", json={"name": f"robot-{n}", "service": True})
    answer = api.get(f"{AUDIT}/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.ndjson"'
    entries = [Activity.from_json(json.loads(line)) for line in answer.text.splitlines()]
    head = served.accounts.audit_head()
    verify_chain(entries, count=head.count, head=head.head)
    assert api.post(f"{AUDIT}/verify").json() == {"entries": len(entries)}


def test_old_entries_are_cut_off_and_the_rest_verifies(served: House, api: httpx.Client) -> None:
    served.clock.ahead += timedelta(days=10)
    api.post("/api/v1/users", json={"name": "robot", "service": True})
    refusal(api.post(f"{AUDIT}/prune", json={"older_than": DAY - 1}), 400, "invalid_input")
    assert api.post(f"{AUDIT}/prune", json={"older_than": 9 * DAY}).json() == {"pruned": 2}
    assert api.post(f"{AUDIT}/verify").json() == {"entries": 2}
    newest = api.get(AUDIT).json()["items"][0]
    assert (newest["kind"], newest["actor"]) == ("audit.pruned", "root")


@pytest.mark.parametrize("older_than", [-1, 1e300, "old", None, True])
def test_an_age_must_be_a_number_of_seconds(api: httpx.Client, older_than: object) -> None:
    refusal(api.post(f"{AUDIT}/prune", json={"older_than": older_than}), 400, "invalid_input")


def test_only_who_may_read_the_log_does(served: House) -> None:
    served.person("eve", Role.APPROVER)
    requests = [("GET", ""), ("GET", "/export"), ("POST", "/verify"), ("POST", "/prune")]
    for method, path in requests:
        body = {"older_than": 9 * DAY} if path == "/prune" else None
        for auth in (("ada", PASSWORD), ("eve", PASSWORD)):
            answer = served.client.request(method, AUDIT + path, auth=auth, json=body)
            refusal(answer, 403, "permission_denied")
