"""Registered models over HTTP."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest

from tests.server.api.conftest import refusal


def test_a_new_model_is_answered_with_its_address_and_etag(api: httpx.Client, name: str) -> None:
    created = api.post("/models", json={"name": name, "description": "d", "tags": {"n": 1}})

    assert created.status_code == 201
    assert created.headers["etag"] == '"1"'
    assert created.headers["location"] == f"/api/v1/models/{name}"
    assert created.json()["tags"] == {"n": 1}
    assert api.get(f"/models/{name}").json() == created.json()


def test_tags_keep_their_types(api: httpx.Client, name: str) -> None:
    tags = {"text": "1", "whole": 1, "broken": 1.0, "flag": True, "big": 2**63 - 1}
    api.post("/models", json={"name": name, "tags": tags})

    came = api.get(f"/models/{name}").json()["tags"]

    assert came == tags
    assert [type(came[key]) for key in tags] == [str, int, float, bool, int]


@pytest.mark.parametrize(
    "odd",
    ["a b", "modèle", "名前", "100%", "a%2Eb", "a@b", "it's", 'say "hi"', "a;b", "a#b", "a?b"],
)
def test_a_name_may_hold_nearly_anything(api: httpx.Client, name: str, odd: str) -> None:
    odd = f"{odd} {name}"
    created = api.post("/models", json={"name": odd})

    assert created.json()["name"] == odd
    assert created.headers["location"] == "/api/v1/models/" + quote(odd, safe="")
    assert api.get("/models/" + quote(odd, safe="")).json()["name"] == odd
    assert api.delete("/models/" + quote(odd, safe="")).status_code == 200


def test_a_taken_name_is_refused(api: httpx.Client, model: str) -> None:
    refusal(api.post("/models", json={"name": model}), 409, "already_exists")


def test_the_same_idempotency_key_makes_one_model(api: httpx.Client, name: str) -> None:
    body, key = {"name": name, "tags": {"a": 1}}, {"Idempotency-Key": "k 1"}
    first = api.post("/models", json=body, headers=key)
    again = api.post("/models", json=body, headers=key)
    other = api.post("/models", json={"name": name, "tags": {"a": 2}}, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    refusal(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "ä"])
def test_an_odd_idempotency_key_is_refused(api: httpx.Client, name: str, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    refusal(api.post("/models", json={"name": name}, headers=headers), 400, "invalid_input")


def test_a_patch_merges(api: httpx.Client, name: str) -> None:
    api.post("/models", json={"name": name, "description": "old", "tags": {"a": 1, "b": 2}})

    changed = api.patch(f"/models/{name}", json={"tags": {"a": None, "c": 3}})

    assert changed.status_code == 200
    assert changed.headers["etag"] == '"2"'
    assert changed.json()["tags"] == {"b": 2, "c": 3}
    assert changed.json()["description"] == "old"


def test_if_match_keeps_two_writers_apart(api: httpx.Client, model: str) -> None:
    etag = api.get(f"/models/{model}").headers["etag"]
    body, headers = {"description": "mine"}, {"If-Match": etag}

    assert api.patch(f"/models/{model}", json=body, headers=headers).status_code == 200
    late = api.patch(f"/models/{model}", json={"description": "yours"}, headers=headers)

    assert refusal(late, 412, "precondition_failed")["details"] == {"revision": 2}
    assert api.get(f"/models/{model}").json()["description"] == "mine"
    assert api.delete(f"/models/{model}", headers=headers).status_code == 412
    assert api.delete(f"/models/{model}", headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"x"', '"1", "2"', ""])
def test_a_malformed_if_match_is_refused(api: httpx.Client, model: str, tag: str) -> None:
    headers = {"If-Match": tag}
    answer = api.patch(f"/models/{model}", json={"description": "x"}, headers=headers)
    refusal(answer, 400, "invalid_input")


def test_what_the_caller_holds_is_not_sent_again(api: httpx.Client, model: str) -> None:
    for held in ('"1"', 'W/"1"', '"7", "1"', "*"):
        answer = api.get(f"/models/{model}", headers={"If-None-Match": held})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == '"1"'
    assert api.get(f"/models/{model}", headers={"If-None-Match": '"7"'}).status_code == 200


def test_a_rename_stands_alone(api: httpx.Client, model: str) -> None:
    both = api.patch(f"/models/{model}", json={"name": f"{model}-2", "description": "x"})
    assert refusal(both, 400, "invalid_input")["details"] == {"field": "name"}

    renamed = api.patch(f"/models/{model}", json={"name": f"{model}-2"})

    assert renamed.json()["name"] == f"{model}-2"
    refusal(api.get(f"/models/{model}"), 404, "not_found")


def test_a_deleted_model_can_be_found_and_restored(api: httpx.Client, model: str) -> None:
    deleted = api.delete(f"/models/{model}").json()
    where = {"filter": f"name = '{model}'"}

    assert deleted["deleted_at"]
    assert api.get("/models", params=where).json()["items"] == []
    found = api.get("/models", params={**where, "deleted": True}).json()["items"]
    assert [m["id"] for m in found] == [deleted["id"]]
    restored = api.post(f"/deleted-models/{deleted['id']}/restore")
    assert restored.json()["deleted_at"] is None
    refusal(api.post(f"/deleted-models/{deleted['id']}/restore"), 409, "conflict")
    refusal(api.post("/deleted-models/999999999/restore"), 404, "not_found")


def test_a_search_is_paged_and_ordered(api: httpx.Client, name: str) -> None:
    for n in range(5):
        api.post("/models", json={"name": f"{name}-{n}"})
    asked = {"filter": f"name LIKE '{name}%'", "order_by": "name DESC", "page_size": 2}

    pages, token = [], None
    while True:
        page = api.get("/models", params=asked | ({"page_token": token} if token else {})).json()
        pages.append([model["name"][-1] for model in page["items"]])
        if (token := page["next_page_token"]) is None:
            break

    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_a_wrong_filter_is_pointed_at(api: httpx.Client) -> None:
    problem = refusal(api.get("/models", params={"filter": "name ~ 'x'"}), 400, "invalid_filter")
    assert problem["details"]["column"] == 6


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"page_size": 0}, "invalid_input"),
        ({"page_size": 1001}, "invalid_input"),
        ({"page_size": "x"}, "invalid_input"),
        ({"page_size": "9" * 5000}, "invalid_input"),
        ({"page_token": "x"}, "invalid_page_token"),
        ({"deleted": "perhaps"}, "invalid_input"),
        ({"order_by": "nothing"}, "invalid_filter"),
        ({"filter": "name = '\0'"}, "invalid_filter"),
    ],
)
def test_wrong_query_parameters_are_explained(
    api: httpx.Client, params: dict[str, str | int], code: str
) -> None:
    refusal(api.get("/models", params=params), 400, code)


def test_sixteen_creates_of_one_name_make_one_model(api: httpx.Client, name: str) -> None:
    start = threading.Barrier(16)

    def create(_: int) -> int:
        start.wait()
        return api.post("/models", json={"name": name}).status_code

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(create, range(16))) == [201] + [409] * 15


def test_workspaces_do_not_see_each_other(api: httpx.Client, model: str) -> None:
    elsewhere = {"X-Muniment-Workspace": "elsewhere"}
    refusal(api.get(f"/models/{model}", headers=elsewhere), 404, "not_found")
    refusal(api.post("/models", json={"name": model}, headers=elsewhere), 404, "not_found")
    odd = {"X-Muniment-Workspace": "No!"}
    refusal(api.get(f"/models/{model}", headers=odd), 400, "invalid_input")


def test_a_model_is_restored_only_if_it_matches(api: httpx.Client, model: str) -> None:
    deleted = api.delete(f"/models/{model}")
    address = f"/deleted-models/{deleted.json()['id']}/restore"
    refusal(api.post(address, headers={"If-Match": '"99"'}), 412, "precondition_failed")
    held = {"If-Match": deleted.headers["etag"]}
    assert api.post(address, headers=held).status_code == 200
