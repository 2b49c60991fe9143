"""Tokens over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from muniment.domain.access import Grant, Role
from tests.server.api.conftest import refusal
from tests.server.people import PASSWORD, House, bearer, house

TOKENS = "/api/v1/tokens"
ADA, ROOT = ("ada", PASSWORD), ("root", PASSWORD)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    """A registry with `root`, an admin, and `ada`, a contributor."""
    with house(tmp_path) as served:
        served.person("root", Role.ADMIN)
        served.person("ada", Role.CONTRIBUTOR)
        yield served


@pytest.fixture
def api(served: House) -> httpx.Client:
    return served.client


def test_a_token_is_shown_once_and_works_until_it_is_revoked(api: httpx.Client) -> None:
    scope = {"role": "viewer", "models": "fraud-*"}
    body = {"description": "CI", "expires_in": 3600, "automation": True, "scopes": [scope]}
    answer = api.post(TOKENS, auth=ADA, json=body)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    token, secret = answer.json()["token"], answer.json()["secret"]
    assert secret.startswith(f"mun_{token['id']}_")
    assert (token["user"], token["description"], token["automation"]) == ("ada", "CI", True)
    assert token["scopes"] == [{**scope, "alias": "*", "stage": "*", "tag": ""}]

    assert api.get("/api/v1/me", headers=bearer(secret)).json()["automation"] is True
    listed = api.get(TOKENS, auth=ADA)
    assert [item["id"] for item in listed.json()["items"]] == [token["id"]]
    assert listed.json()["items"][0]["last_used_at"] is not None
    assert secret.rpartition("_")[2] not in listed.text

    for _ in range(2):
        assert api.delete(f"{TOKENS}/{token['id']}", auth=ADA).status_code == 204
    assert api.get("/api/v1/me", headers=bearer(secret)).status_code == 401
    assert api.get(TOKENS, auth=ADA).json()["items"][0]["revoked_at"] is not None


def test_an_admin_makes_lists_and_revokes_tokens_of_others(
    served: House, api: httpx.Client
) -> None:
    served.owner.administration.create_user("robot", service=True)
    made = api.post(TOKENS, auth=ROOT, json={"user": "robot"}).json()
    assert (made["token"]["user"], made["token"]["automation"]) == ("robot", True)
    api.post(TOKENS, auth=ADA, json={})
    everybodys = api.get(TOKENS, auth=ROOT, params={"user": "*"}).json()["items"]
    assert {token["user"] for token in everybodys} == {"robot", "ada"}
    assert len(api.get(TOKENS, auth=ROOT, params={"user": "robot"}).json()["items"]) == 1
    assert api.get(TOKENS, auth=ROOT).json()["items"] == []
    assert api.delete(f"{TOKENS}/{made['token']['id']}", auth=ROOT).status_code == 204


def test_others_tokens_are_nobody_s_business(served: House, api: httpx.Client) -> None:
    theirs = api.post(TOKENS, auth=ROOT, json={}).json()["token"]["id"]
    answers = [
        api.get(TOKENS, auth=ADA, params={"user": "root"}),
        api.get(TOKENS, auth=ADA, params={"user": "*"}),
        api.post(TOKENS, auth=ADA, json={"user": "root"}),
        api.post(TOKENS, auth=ADA, json={"user": "nobody"}),
        api.delete(f"{TOKENS}/{theirs}", auth=ADA),
        api.delete(f"{TOKENS}/{'0' * 16}", auth=ADA),
    ]
    for answer in answers:
        refusal(answer, 403, "permission_denied")


def test_a_narrowed_token_makes_no_other(served: House, api: httpx.Client) -> None:
    narrow = served.token("ada", scopes=[Grant.of_role(Role.VIEWER)])
    refusal(api.post(TOKENS, headers=narrow, json={}), 403, "permission_denied")


@pytest.mark.parametrize(
    "body",
    [
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": 1e300},
        {"expires_in": "soon"},
        {"scopes": [{}]},
        {"scopes": [{"role": "king"}]},
        {"scopes": [{"verbs": ["fly"]}]},
        {"scopes": [{"role": "viewer", "verbs": ["read"]}]},
        {"scopes": [{"role": "viewer", "models": ""}]},
        {"scopes": [{"role": "viewer", "tag": "no-equals-sign"}]},
        {"scopes": "all"},
        {"secret": "mine"},
    ],
    ids=str,
)
def test_what_can_not_be_a_token_is_refused(api: httpx.Client, body: dict[str, Any]) -> None:
    refusal(api.post(TOKENS, auth=ADA, json=body), 400, "invalid_input")
    assert api.get(TOKENS, auth=ADA).json()["items"] == []


def test_a_token_without_any_scope_may_do_nothing(api: httpx.Client) -> None:
    secret = api.post(TOKENS, auth=ADA, json={"scopes": []}).json()["secret"]
    assert api.get("/api/v1/me", headers=bearer(secret)).json()["scopes"] == []
    body = {"name": "x"}
    answer = api.post("/api/v1/models", headers=bearer(secret), json=body)
    refusal(answer, 403, "permission_denied")


@pytest.mark.parametrize("token_id", ["0" * 15, "0" * 17, "A" * 16, "%00" * 16, "..%2f..", "é"])
def test_what_is_no_id_of_a_token_is_refused(api: httpx.Client, token_id: str) -> None:
    refusal(api.delete(f"{TOKENS}/{token_id}", auth=ROOT), 400, "invalid_input")


def test_a_token_that_is_not_there_is_not_found(api: httpx.Client) -> None:
    refusal(api.delete(f"{TOKENS}/{'0' * 16}", auth=ROOT), 404, "not_found")
    refusal(api.post(TOKENS, auth=ROOT, json={"user": "nobody"}), 404, "not_found")
