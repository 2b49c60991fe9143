"""Comments over HTTP."""

from __future__ import annotations

import httpx

from tests.server.api.conftest import Json, refusal
from tests.server.api.lifecycle import ask, made


def said(api: httpx.Client, address: str, text: str) -> Json:
    answer = api.post(f"{address}/comments", json={"text": text})
    comment = made(answer, 201)
    assert answer.headers["location"] == f"/api/v1/comments/{comment['id']}"
    return comment


def texts(api: httpx.Client, address: str, **params: str | int) -> list[str]:
    page = made(api.get(f"{address}/comments", params=params))
    return [comment["text"] for comment in page["items"]]


def test_models_versions_and_requests_are_commented_on(
    api: httpx.Client, name: str, version: str
) -> None:
    asked = ask(api, version, "Staging")
    request = f"/requests/{asked['id']}"
    for address, text in ((f"/models/{name}", "m"), (version, "v"), (request, "r")):
        said(api, address, text)
    assert texts(api, f"/models/{name}") == ["m"]
    assert texts(api, version) == ["v"]
    assert texts(api, request) == ["r"]
    assert texts(api, f"/models/{name}", everything="true") == ["m", "v", "r"]
    assert texts(api, version, everything="true", order="newest") == ["r", "v"]
    first = made(api.get(f"/models/{name}/comments?everything=true&page_size=2"))
    rest = texts(api, f"/models/{name}", everything="true", page_token=first["next_page_token"])
    assert rest == ["r"]


def test_a_comment_is_edited_and_taken_back_by_its_revision(
    api: httpx.Client, model: str, name: str
) -> None:
    comment = said(api, f"/models/{model}", f"see @{name}")
    address = f"/comments/{comment['id']}"
    assert comment["mentions"] == [name]
    (found,) = made(api.get("/comments", params={"mention": name}))["items"]
    assert found == comment == made(api.get(address))
    assert api.get(address, headers={"If-None-Match": '"1"'}).status_code == 304

    edited = api.patch(address, json={"text": "never mind"}, headers={"If-Match": '"1"'})
    assert (made(edited)["text"], edited.headers["etag"]) == ("never mind", '"2"')
    stale = {"If-Match": '"1"'}
    refusal(api.patch(address, json={"text": "x"}, headers=stale), 412, "precondition_failed")
    refusal(api.delete(address, headers=stale), 412, "precondition_failed")
    gone = made(api.delete(address))
    assert (gone["text"], gone["deleted"]) == ("", True)
    assert made(api.delete(address)) == gone
    refusal(api.patch(address, json={"text": "x"}), 409, "conflict")


def test_wrong_comments_are_refused(api: httpx.Client, model: str) -> None:
    for body in ({"text": " "}, {"text": 1}, {}, {"text": "x", "author": "eve"}):
        refusal(api.post(f"/models/{model}/comments", json=body), 400, "invalid_input")
    refusal(api.post(f"/models/{model}-x/comments", json={"text": "x"}), 404, "not_found")
    refusal(api.post(f"/models/{model}/versions/9/comments", json={"text": "x"}), 404, "not_found")
    refusal(api.post("/requests/999999999/comments", json={"text": "x"}), 404, "not_found")
    refusal(api.get("/requests/999999999/comments"), 404, "not_found")
    refusal(api.get("/comments/999999999"), 404, "not_found")
    refusal(api.get("/comments"), 400, "invalid_input")
