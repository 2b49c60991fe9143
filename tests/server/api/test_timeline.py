"""The past over HTTP, and the way back to it."""

from __future__ import annotations

import httpx
import pytest

from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import made


@pytest.fixture
def replaced(api: httpx.Client, name: str, version: str) -> str:
    """A model whose version 2 took the place of version 1, in Production and as champion."""
    made(api.put(f"/models/{name}/push/model.pkl", content=b"another"), 201)
    for number in (1, 2):
        made(api.put(f"/models/{name}/aliases/champion", json={"version": number}))
        move = {"stage": "Production", "archive_existing": True, "comment": str(number)}
        made(api.post(f"/models/{name}/versions/{number}/stage", json=move))
    return name


def test_who_held_what_is_read_off_the_history(api: httpx.Client, replaced: str) -> None:
    address = f"/models/{replaced}/tenures"
    held = made(api.get(address, params={"post": "stage", "name": "production"}))["items"]
    assert [(t["version"], t["comment"], t["until"] is None) for t in held] == [
        (1, "1", False),
        (2, "2", True),
    ]
    assert {t["post"] for t in made(api.get(address))["items"]} == {"stage", "alias"}
    refusal(api.get(address, params={"post": "chair"}), 400, "invalid_input")


def test_a_reference_is_resolved_as_of_a_time(api: httpx.Client, replaced: str) -> None:
    for post, ref in (("stage", f"{replaced}/Production"), ("alias", f"{replaced}@champion")):
        held = made(api.get(f"/models/{replaced}/tenures", params={"post": post}))["items"]
        first = next(t for t in held if t["version"] == 1 and t["name"] != "Archived")
        then = made(api.get("/resolve", params={"ref": ref, "as_of": first["since"]}))
        assert then["version"] == 1
        assert made(api.get("/resolve", params={"ref": ref}))["version"] == 2
    early = {"ref": f"{replaced}@champion", "as_of": "2001-01-01T00:00:00Z"}
    refusal(api.get("/resolve", params=early), 404, "not_found")
    for as_of in ("yesterday", "", "9999-01-01T00:00:00Z"):
        wrong = {"ref": f"{replaced}@champion", "as_of": as_of}
        refusal(api.get("/resolve", params=wrong), 400, "invalid_input")
    pinned = {"ref": f"{replaced}/1", "as_of": "2001-01-01T00:00:00Z"}
    refusal(api.get("/resolve", params=pinned), 400, "invalid_input")


def test_the_last_change_is_undone(api: httpx.Client, replaced: str) -> None:
    address = f"/models/{replaced}/rollback"
    undone = made(api.post(address, json={"of": "production", "comment": "Too slow."}))
    assert undone == {"post": "stage", "name": "Production", "versions": [1], "instead_of": [2]}
    assert made(api.post(address, json={"of": "@champion"}))["versions"] == [1]
    assert made(api.get("/resolve", params={"ref": f"{replaced}@champion"}))["version"] == 1
    newest = made(api.get(f"/models/{replaced}/activities", params={"kind": "stage.changed"}))
    assert newest["items"][0]["comment"] == "Too slow."
    refusal(api.post(address, json={"of": "Staging"}), 409, "conflict")
    refusal(api.post(address, json={"of": "@no-such"}), 409, "conflict")
    refusal(api.post(address, json={}), 400, "invalid_input")
