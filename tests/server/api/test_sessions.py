"""Who one is, one's password, and sessions over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.domain.access import Grant, Role
from tests.server.api.conftest import refusal
from tests.server.conftest import ORIGIN
from tests.server.people import PASSWORD, House, house

NEW = "another good password"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    """A registry with `root`, an admin, and `ada`, a viewer."""
    with house(tmp_path) as served:
        served.person("root", Role.ADMIN)
        served.person("ada", Role.VIEWER)
        yield served


def test_me_says_who_one_is_and_what_one_holds(served: House) -> None:
    scopes = [Grant.of_role(Role.VIEWER)]
    headers = served.token("ada", scopes=scopes, automation=True)
    assert served.client.get("/api/v1/me", headers=headers).json() == {
        "name": "ada",
        "kind": "person",
        "by": "token",
        "automation": True,
        "must_change": False,
        "workspace": "default",
        "grants": [{"models": "*", "alias": "*", "stage": "*", "tag": "", "role": "viewer"}],
        "scopes": [{"models": "*", "alias": "*", "stage": "*", "tag": "", "role": "viewer"}],
    }


def test_me_is_about_one_workspace_that_exists(served: House) -> None:
    served.ports.metadata.ensure_workspace("risk", served.clock())
    served.owner.administration.add_grant("risk", "user:ada", Grant.of_role(Role.CONTRIBUTOR))
    api, auth = served.client, ("ada", PASSWORD)
    me = api.get("/api/v1/me", auth=auth, headers={"X-Muniment-Workspace": "risk"}).json()
    assert [grant["role"] for grant in me["grants"]] == ["viewer", "contributor"]
    headers = {"X-Muniment-Workspace": "none"}
    refusal(api.get("/api/v1/me", auth=auth, headers=headers), 404, "not_found")


def test_a_workspace_in_which_one_holds_nothing_looks_like_none(served: House) -> None:
    served.ports.metadata.ensure_workspace("secret", served.clock())
    served.person("eve")
    served.owner.administration.add_grant("default", "user:eve", Grant.of_role(Role.VIEWER))
    answers = []
    for path in ("/api/v1/models", "/api/v1/me"):
        for name in ("secret", "nowhere"):
            headers = {"X-Muniment-Workspace": name}
            answer = served.client.get(path, auth=("eve", PASSWORD), headers=headers)
            answers.append((answer.status_code, answer.json()["detail"].replace(name, "…")))
    assert set(answers) == {(404, "There is no workspace '…'.")}
    root = {"auth": ("root", PASSWORD), "headers": {"X-Muniment-Workspace": "secret"}}
    assert served.client.get("/api/v1/models", **root).status_code == 200


def test_a_session_is_opened_and_closed(served: House) -> None:
    browser = served.sign_in("ada")
    assert served.client.get("/api/v1/me", headers=browser).json()["by"] == "session"
    closed = served.client.delete("/api/v1/sessions", headers=browser)
    assert closed.status_code == 204
    assert 'muniment=""' in closed.headers["set-cookie"]
    assert served.client.get("/api/v1/me", headers=browser).status_code == 401
    assert served.client.delete("/api/v1/sessions").status_code == 204
    assert served.audited()[-2:] == [("sign_in", "ada"), ("sign_out", "ada")]


def test_a_session_needs_the_right_password(served: House) -> None:
    body = {"name": "ada", "password": "wrong password"}
    answer = served.client.post("/api/v1/sessions", json=body)
    refusal(answer, 401, "unauthenticated")
    assert "set-cookie" not in answer.headers
    assert served.audited()[-1] == ("sign_in.failed", "ada")


def test_another_site_s_page_signs_nobody_in(served: House) -> None:
    body = {"name": "ada", "password": PASSWORD}
    headers = {"Origin": "https://evil.example"}
    answer = served.client.post("/api/v1/sessions", json=body, headers=headers)
    refusal(answer, 403, "permission_denied")


def test_one_chooses_one_s_password_knowing_the_present_one(served: House) -> None:
    api, auth = served.client, ("ada", PASSWORD)
    other = served.sign_in("ada")
    wrong = {"old": "wrong password", "new": NEW}
    refusal(api.post("/api/v1/me/password", auth=auth, json=wrong), 401, "unauthenticated")
    easy = {"old": PASSWORD, "new": "aaaaaaaaaaaa"}
    problem = refusal(api.post("/api/v1/me/password", auth=auth, json=easy), 400, "invalid_input")
    assert problem["details"] == {"field": "password"}
    change = {"old": PASSWORD, "new": NEW}
    assert api.post("/api/v1/me/password", auth=auth, json=change).status_code == 204
    assert api.get("/api/v1/me", auth=auth).status_code == 401
    assert api.get("/api/v1/me", auth=("ada", NEW)).status_code == 200
    assert api.get("/api/v1/me", headers=other).status_code == 401
    assert served.audited()[-2][0] == "password.changed"


def test_a_browser_goes_on_with_a_new_session_after_choosing_a_password(served: House) -> None:
    browser, change = served.sign_in("ada"), {"old": PASSWORD, "new": NEW}
    answer = served.client.post("/api/v1/me/password", headers=browser, json=change)
    assert answer.status_code == 204
    assert served.client.get("/api/v1/me", headers=browser).status_code == 401
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "Origin": ORIGIN}
    served.client.cookies.clear()
    assert served.client.get("/api/v1/me", headers=cookie).json()["name"] == "ada"


def test_without_users_there_is_no_password_to_choose(tmp_path: Path) -> None:
    with house(tmp_path) as empty:
        body = {"old": PASSWORD, "new": NEW}
        refusal(empty.client.post("/api/v1/me/password", json=body), 404, "not_found")
