"""A model's history over HTTP."""

from __future__ import annotations

import httpx

from muniment.domain.activities import Activity, verify_chain
from tests.server.api.conftest import refusal


def test_every_change_is_in_the_history(api: httpx.Client, model: str, version: str) -> None:
    api.patch(f"/models/{model}", json={"description": "x"})
    address = f"/models/{model}/activities"

    newest = api.get(address).json()["items"]
    oldest = api.get(address, params={"order": "oldest"}).json()["items"]

    kinds = ["model.created", "version.created", "model.updated"]
    assert [entry["kind"] for entry in oldest] == kinds
    assert newest == oldest[::-1]
    entries = [Activity.from_json(entry) for entry in oldest]
    verify_chain(entries, count=3, head=entries[-1].hash)
    assert api.post(f"{address}/verify").json() == {"activities": 3}


def test_the_history_is_paged(api: httpx.Client, model: str) -> None:
    for n in range(3):
        api.patch(f"/models/{model}", json={"description": str(n)})
    first = api.get(f"/models/{model}/activities", params={"page_size": 3}).json()
    token = {"page_size": 3, "page_token": first["next_page_token"]}
    second = api.get(f"/models/{model}/activities", params=token).json()

    sequences = [entry["sequence"] for page in (first, second) for entry in page["items"]]
    assert sequences == [4, 3, 2, 1]
    assert second["next_page_token"] is None


def test_wrong_questions_are_refused(api: httpx.Client, model: str) -> None:
    address = f"/models/{model}/activities"
    refusal(api.get(address, params={"order": "sideways"}), 400, "invalid_input")
    refusal(api.get(f"/models/{model}-x/activities"), 404, "not_found")
    refusal(api.post(f"/models/{model}-x/activities/verify"), 404, "not_found")
