"""The header by which jobs name themselves, and the refusal to delete what they use."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.server.api.conftest import refusal

HEADER = "X-Muniment-Consumer"


@pytest.mark.parametrize(
    "said",
    [b"\xff\xfe", b"x" * 201, b"a\tb", b"\xe2\x80\xaeevil"],
    ids=["latin", "long", "tab", "rtl"],
)
def test_a_header_that_is_no_name_is_refused(api: httpx.Client, model: str, said: bytes) -> None:
    answer = api.get(f"/models/{model}", headers={HEADER.encode(): said})
    assert answer.status_code in (400, 413)
    assert answer.json()["code"] in ("invalid_input", "limit_exceeded")


def test_an_empty_header_says_nothing(api: httpx.Client, model: str) -> None:
    assert api.get(f"/models/{model}", headers={HEADER: ""}).status_code == 200


def test_a_version_that_a_job_has_fetched_is_deleted_only_by_force(
    api: httpx.Client, version: str
) -> None:
    fetched = api.get(f"{version}/files/model.pkl", headers={HEADER: "nightly"})
    assert fetched.status_code == 200
    problem = refusal(api.delete(version), 409, "in_use")
    assert problem["details"]["reasons"][0].startswith("nightly used it last at ")
    refusal(api.delete(version.partition("/versions")[0]), 409, "in_use")
    assert api.delete(version, params={"force": "true"}).status_code == 200


def test_a_version_that_a_job_has_just_fetched_is_not_archived(
    api: httpx.Client, name: str, version: str
) -> None:
    """Uses are written together, within a second; whoever archives waits for that."""
    for _ in range(3):
        fetched = api.get(f"{version}/files/model.pkl", headers={HEADER: "nightly"})
        assert fetched.status_code == 200
        moved = api.post(
            api.base_url.join("/api/2.0/mlflow/model-versions/transition-stage"),
            json={"name": name, "version": "1", "stage": "Archived"},
        )
        assert moved.status_code == 409, moved.text
        assert "nightly" in moved.json()["message"]


def test_the_job_that_deletes_is_no_reason(api: httpx.Client, version: str) -> None:
    mine = {HEADER: "cleaner"}
    assert api.get(f"{version}/files/model.pkl", headers=mine).status_code == 200
    assert api.delete(version, headers=mine).status_code == 200


def test_whoever_does_not_name_itself_hinders_nothing(api: httpx.Client, version: str) -> None:
    assert api.get(f"{version}/files/model.pkl").status_code == 200
    assert api.delete(version).status_code == 200


def test_uses_are_listed_by_model_version_job_and_time(
    api: httpx.Client, name: str, version: str
) -> None:
    for job in ("nightly", "hourly"):
        api.get(f"{version}/files/model.pkl", headers={HEADER: f"{job}-{name}"})

    def uses(**params: str | int) -> list[str]:
        answer = api.get("/consumers", params={"model": name, **params})
        assert answer.status_code == 200, answer.text
        return sorted(use["consumer"] for use in answer.json()["items"])

    deadline = time.monotonic() + 60
    while len(uses()) < 2:  # they are written together, within a second
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert uses(version=1, since="2001-01-01T00:00:00Z") == [f"hourly-{name}", f"nightly-{name}"]
    assert uses(consumer=f"nightly-{name}") == [f"nightly-{name}"]
    assert len(uses(limit=1)) == 1
    assert uses(version=2) == uses(since="2999-01-01T00:00:00Z") == []
    for wrong in ({"since": "lately"}, {"limit": 0}, {"version": "x"}):
        refusal(api.get("/consumers", params=wrong), 400, "invalid_input")
    refusal(api.get("/consumers", params={"model": f"{name}-x"}), 404, "not_found")
