"""What happened, over HTTP: a model's history, and that of all models."""

from __future__ import annotations

import csv
import io
import json

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


def test_a_history_is_narrowed_by_kind_and_version(
    api: httpx.Client, model: str, version: str
) -> None:
    api.patch(version, json={"description": "x"})
    address = f"/models/{model}/activities"

    def kinds(**params: object) -> list[str]:
        items = api.get(address, params=params).json()["items"]  # type: ignore[arg-type]
        return [entry["kind"] for entry in items]

    assert kinds(version=1) == ["version.updated", "version.created"]
    both = ["model.created", "version.updated"]
    assert kinds(kind=both, order="oldest") == both
    assert kinds(kind="version.created", version=2) == []
    for wrong in ({"kind": "sign_in"}, {"kind": ""}, {"version": "x"}, {"format": "xml"}):
        refusal(api.get(address, params=wrong), 400, "invalid_input")


def test_the_feed_tells_of_all_models(api: httpx.Client, model: str, version: str) -> None:
    (newest,) = api.get("/activities", params={"page_size": 1, "model": model}).json()["items"]
    assert (newest["model"], newest["kind"]) == (model, "version.created")
    first = api.get("/activities", params={"page_size": 1, "kind": "model.created"}).json()
    rest = {"kind": "model.created", "page_token": first["next_page_token"], "page_size": 1000}
    models = [entry["model"] for entry in api.get("/activities", params=rest).json()["items"]]
    assert first["items"][0]["model"] not in models
    other = {"page_token": first["next_page_token"]}
    refusal(api.get("/activities", params=other), 400, "invalid_page_token")
    assert api.get("/activities", params={"actor": "nobody-at-all"}).json()["items"] == []
    refusal(api.get("/activities", params={"model": f"{model}-x"}), 404, "not_found")


def test_exports_hold_everything_as_lines_or_as_a_sheet(
    api: httpx.Client, model: str, version: str
) -> None:
    comment = '=HYPERLINK("https://evil.example")'
    api.post(f"{version}/stage", json={"stage": "Staging", "comment": comment})
    address = f"/models/{model}/activities"
    page = api.get(address).json()["items"]

    lines = api.get(address, params={"format": "jsonl"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert lines.headers["content-disposition"] == 'attachment; filename="history.ndjson"'
    read = [json.loads(line) for line in lines.text.splitlines()]
    assert read == [{"model": model, **entry} for entry in page]

    sheet = api.get("/activities", params={"model": model}, headers={"Accept": "text/csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(sheet.text, newline="")))
    assert [row["kind"] for row in rows] == [entry["kind"] for entry in page]
    assert rows[0]["comment"] == f"'{comment}"
    assert json.loads(rows[0]["details"]) == page[0]["details"]
    assert (rows[0]["version"], rows[-1]["version"]) == ("1", "")

    oldest = api.get(address, params={"format": "csv", "order": "oldest", "kind": "model.created"})
    assert [row["sequence"] for row in csv.DictReader(io.StringIO(oldest.text))] == ["1"]
    for paged in ({"format": "csv", "page_size": 1}, {"format": "jsonl", "page_token": "x"}):
        refusal(api.get(address, params=paged), 400, "invalid_input")


def test_no_cell_of_a_sheet_is_a_formula(api: httpx.Client, model: str, version: str) -> None:
    hostile = ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", 'a"b,c\r\nd']
    for n, comment in enumerate(hostile):
        stage = ("Staging", "Production")[n % 2]
        moved = api.post(f"{version}/stage", json={"stage": stage, "comment": comment})
        assert moved.status_code == 200, moved.text
    asked = {"format": "csv", "kind": "stage.changed", "order": "oldest"}
    text = api.get(f"/models/{model}/activities", params=asked).text
    cells = [row["comment"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert cells == [f"'{comment}" for comment in hostile[:-1]] + hostile[-1:]
