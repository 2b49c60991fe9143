"""Users over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from muniment.domain.access import Role
from tests.server.api.conftest import refusal
from tests.server.people import PASSWORD, House, house

USERS = "/api/v1/users"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    """A registry with `root`, an admin."""
    with house(tmp_path) as served:
        served.person("root", Role.ADMIN)
        yield served


@pytest.fixture
def api(served: House) -> httpx.Client:
    """What `root` sends."""
    served.client.auth = ("root", PASSWORD)
    return served.client


def test_a_person_gets_a_password_to_be_used_once(api: httpx.Client) -> None:
    body = {"name": "ada", "display_name": "Ada Lovelace", "role": "approver"}
    answer = api.post(USERS, json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{USERS}/ada"
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    user, once = made["user"], made["one_time_password"]
    assert (user["name"], user["kind"], user["must_change"]) == ("ada", "person", True)
    me = api.get("/api/v1/me", auth=("ada", once)).json()
    assert (me["must_change"], me["grants"][0]["role"]) == (True, "approver")
    assert once not in api.get(f"{USERS}/ada").text


def test_a_service_account_gets_none(api: httpx.Client) -> None:
    made = api.post(USERS, json={"name": "robot", "service": True}).json()
    assert (made["user"]["kind"], made["one_time_password"]) == ("service", None)
    refusal(api.post(f"{USERS}/robot/reset-password"), 400, "invalid_input")


def test_users_are_listed_by_name_a_page_at_a_time(api: httpx.Client) -> None:
    for name in ("eve", "ada", "bob"):
        api.post(USERS, json={"name": name, "service": True})
    names, token = [], None
    while True:
        params = {"page_size": "3"} | ({"page_token": token} if token else {})
        page = api.get(USERS, params=params).json()
        names += [user["name"] for user in page["items"]]
        if (token := page["next_page_token"]) is None:
            break
    assert names == ["ada", "bob", "eve", "root"]
    assert "argon2" not in api.get(USERS).text


def test_a_user_is_deactivated_at_once_and_let_in_again(api: httpx.Client, served: House) -> None:
    served.person("ada", Role.VIEWER)
    token, browser = served.token("ada"), served.sign_in("ada")

    def statuses() -> list[int]:
        ways = (
            {"auth": ("ada", PASSWORD)},
            *({"headers": h, "auth": None} for h in (token, browser)),
        )
        return [api.get("/api/v1/models", **way).status_code for way in ways]

    assert statuses() == statuses() == [200, 200, 200]
    answer = api.post(f"{USERS}/ada/deactivate")
    assert (answer.json()["active"], answer.headers["etag"]) == (False, '"2"')
    assert statuses() == [401, 401, 401]
    assert api.post(f"{USERS}/ada/activate").json()["active"] is True
    assert statuses() == [200, 200, 401]
    assert [kind for kind, _ in served.audited()].count("user.changed") == 2


def test_nobody_deactivates_themselves(api: httpx.Client) -> None:
    refusal(api.post(f"{USERS}/root/deactivate"), 409, "conflict")


def test_a_reset_password_is_a_new_one_time_password(api: httpx.Client, served: House) -> None:
    served.person("ada")
    once = api.post(f"{USERS}/ada/reset-password").json()["one_time_password"]
    assert api.get("/api/v1/me", auth=("ada", PASSWORD)).status_code == 401
    assert api.get("/api/v1/me", auth=("ada", once)).json()["must_change"] is True


def test_a_user_has_an_etag(api: httpx.Client) -> None:
    tag = api.get(f"{USERS}/root").headers["etag"]
    assert api.get(f"{USERS}/root", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "root"}, 409, "already_exists"),
        ({"name": "a b"}, 400, "invalid_input"),
        ({"name": ""}, 400, "invalid_input"),
        ({"name": "x", "role": "king"}, 400, "invalid_input"),
        ({"name": "x", "role": "admin", "workspace": "No!"}, 400, "invalid_input"),
        ({"name": "x", "password": "mine"}, 400, "invalid_input"),
        ({}, 400, "invalid_input"),
    ],
)
def test_what_can_not_be_a_user_is_refused(
    api: httpx.Client, body: dict[str, str], status: int, code: str
) -> None:
    refusal(api.post(USERS, json=body), status, code)
    assert len(api.get(USERS).json()["items"]) == 1


def test_only_who_manages_users_sees_or_changes_others(served: House) -> None:
    served.person("ada", Role.APPROVER)
    api, auth = served.client, ("ada", PASSWORD)
    assert api.get(f"{USERS}/ada", auth=auth).json()["name"] == "ada"
    answers = [
        api.get(USERS, auth=auth),
        api.post(USERS, auth=auth, json={"name": "eve"}),
        api.get(f"{USERS}/root", auth=auth),
        api.get(f"{USERS}/nobody", auth=auth),
        api.post(f"{USERS}/root/deactivate", auth=auth),
        api.post(f"{USERS}/nobody/activate", auth=auth),
        api.post(f"{USERS}/root/reset-password", auth=auth),
    ]
    for answer in answers:
        refusal(answer, 403, "permission_denied")


def test_the_first_user_must_be_an_admin(tmp_path: Path) -> None:
    with house(tmp_path) as empty:
        for body in (
            {"name": "ada"},
            {"name": "ada", "role": "viewer"},
            {"name": "ada", "role": "admin", "workspace": "default"},
            {"name": "ada", "role": "admin", "service": True},
        ):
            problem = refusal(empty.client.post(USERS, json=body), 409, "conflict")
            assert "muniment init" in problem["hint"]
        first = {"name": "ada", "role": "admin"}
        assert empty.client.post(USERS, json=first).status_code == 201
        assert empty.client.get(USERS).status_code == 401
