"""Grants over the API, and the answer to "may they?"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from muniment.domain.access import Grant, Role, Verb
from tests.server.api.conftest import refusal
from tests.server.people import PASSWORD, House, house

GRANTS, CAN = "/api/v1/grants", "/api/v1/can"
ADA, ROOT = ("ada", PASSWORD), ("root", PASSWORD)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    """A registry with `root`, an admin, and `ada`, who holds nothing."""
    with house(tmp_path) as served:
        served.person("root", Role.ADMIN)
        served.person("ada")
        yield served


@pytest.fixture
def api(served: House) -> httpx.Client:
    return served.client


def test_a_grant_takes_effect_at_once_and_is_taken_away_at_once(api: httpx.Client) -> None:
    create = {"auth": ADA, "json": {"name": "fraud-cards"}}
    refusal(api.post("/api/v1/models", **create), 403, "permission_denied")
    answer = api.post(
        GRANTS,
        auth=ROOT,
        json={"subject": "user:ada", "role": "contributor", "models": "fraud-*"},
    )
    assert answer.status_code == 201
    held = answer.json()
    assert (held["workspace"], held["subject"], held["created_by"]) == (
        "default",
        "user:ada",
        "root",
    )
    assert (held["role"], held["models"], held["alias"]) == ("contributor", "fraud-*", "*")
    assert api.post("/api/v1/models", **create).status_code == 201
    other = api.post("/api/v1/models", auth=ADA, json={"name": "churn"})
    refusal(other, 403, "permission_denied")
    assert api.delete(f"{GRANTS}/{held['id']}", auth=ROOT).status_code == 204
    refusal(api.delete(f"{GRANTS}/{held['id']}", auth=ROOT), 404, "not_found")
    refusal(api.get("/api/v1/models/fraud-cards", auth=ADA), 404, "not_found")


def test_grants_of_a_workspace_are_listed_with_those_of_all(
    served: House, api: httpx.Client
) -> None:
    served.ports.metadata.ensure_workspace("risk", served.clock())
    for workspace in (None, "risk", "*"):
        body = {"subject": "group:science", "verbs": ["read"], "workspace": workspace}
        assert api.post(GRANTS, auth=ROOT, json=body).status_code == 201
    listed = api.get(GRANTS, auth=ROOT, headers={"X-Muniment-Workspace": "risk"}).json()["items"]
    assert [grant["workspace"] for grant in listed] == ["*", "risk", "*"]
    body = {"subject": "group:other", "verbs": ["read"]}
    answer = api.post(GRANTS, auth=ROOT, json=body, headers={"X-Muniment-Workspace": "risk"})
    assert answer.json()["workspace"] == "risk"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"subject": "ada"}, 400),
        ({"subject": "user:"}, 400),
        ({"subject": "user:nobody"}, 404),
        ({"verbs": ["fly"]}, 400),
        ({"verbs": []}, 400),
        ({"role": "admin"}, 400),
        ({"models": ""}, 400),
        ({"models": None}, 400),
        ({"tag": "x"}, 400),
        ({"workspace": "No!"}, 400),
        ({"more": 1}, 400),
    ],
    ids=str,
)
def test_what_can_not_be_a_grant_is_refused(
    api: httpx.Client, change: dict[str, Any], status: int
) -> None:
    body = {"subject": "user:ada", "verbs": ["read"], **change}
    assert api.post(GRANTS, auth=ROOT, json=body).status_code == status
    assert len(api.get(GRANTS, auth=ROOT).json()["items"]) == 1


def test_nobody_gives_more_than_they_hold(served: House, api: httpx.Client) -> None:
    grant = Grant(frozenset({Verb.GRANT, Verb.READ}))
    held = served.owner.administration.add_grant("default", "user:ada", grant)
    mine = {"subject": "user:ada", "verbs": ["read"]}
    assert api.post(GRANTS, auth=ADA, json=mine).status_code == 201
    for more in ({"role": "admin"}, {"verbs": ["model.create"]}, {"workspace": "*"}):
        body = {**mine, **more}
        if "role" in more:
            body.pop("verbs")
        refusal(api.post(GRANTS, auth=ADA, json=body), 403, "permission_denied")
    assert api.delete(f"{GRANTS}/{held.id}", auth=ADA).status_code == 204
    refusal(api.get(GRANTS, auth=ADA), 403, "permission_denied")


def test_can_explains_a_decision(served: House, api: httpx.Client) -> None:
    narrow = Grant.from_json({"verbs": ["alias.move"], "models": "fraud-*", "alias": "champion"})
    served.owner.administration.add_grant("*", "user:ada", narrow)

    def can(auth: tuple[str, str], **asked: str) -> tuple[bool, str]:
        answer = api.get(CAN, auth=auth, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["allowed"], answer.json()["because"]

    asked = {"verb": "alias.move", "model": "fraud-cards", "alias": "champion"}
    because = "ada holds: alias.move on models fraud-*, alias champion"
    assert can(ROOT, user="ada", **asked) == can(ADA, **asked) == (True, because)
    assert not can(ADA, **{**asked, "alias": "latest"})[0]
    assert not can(ADA, **{**asked, "model": "churn"})[0]
    assert not can(ADA, verb="users.manage")[0]
    assert can(ROOT, verb="stage.move", stage="Production")[0]


def test_can_is_about_oneself_unless_one_manages_grants(api: httpx.Client) -> None:
    for user in ("root", "nobody"):
        answer = api.get(CAN, auth=ADA, params={"user": user, "verb": "read"})
        refusal(answer, 403, "permission_denied")
    answer = api.get(CAN, auth=ROOT, params={"user": "nobody", "verb": "read"})
    refusal(answer, 404, "not_found")
    for params in ({}, {"verb": "fly"}, {"verb": "read", "model": "a/b"}):
        refusal(api.get(CAN, auth=ROOT, params=params), 400, "invalid_input")


def test_without_users_the_owner_can_do_everything(tmp_path: Path) -> None:
    with house(tmp_path) as empty:
        assert empty.client.get(CAN, params={"verb": "users.manage"}).json()["allowed"] is True
