"""Every route of every face: who may use it, and that nobody else can.

A route that has no entry here fails the tests: whoever adds one decides who may use it.
"""

from __future__ import annotations

from typing import Final

import httpx
import pytest

from muniment.domain.access import Grant, Role
from muniment.server.app import create_app
from muniment.server.settings import Settings
from muniment.services import Access
from tests.security.conftest import (
    NARROWED,
    PASSWORD,
    ROLES,
    World,
    basic,
    cookie_of,
    form_of,
)
from tests.security.routes import APART, API, APPROVALS, EVERY, FORM, NO_RUNS, TABLE, UPLOADS, Ask
from tests.server.conftest import serving

KNOWN: Final = sorted(set(EVERY) & TABLE.keys())
GUARDED: Final = [route for route in KNOWN if TABLE[route].least != "public"]
OF_MODELS: Final = [route for route in KNOWN if TABLE[route].of_model]


def send(client: httpx.Client, world: World, route: str, ask: Ask, who: str | None) -> int:
    method = route.partition(" ")[0]
    answer = client.request(
        method,
        ask.path,
        json=ask.json,
        content=ask.content,
        files=ask.files,
        headers={**world.headers(who), **ask.headers},
    )
    assert answer.status_code < 500 or answer.status_code == NO_RUNS, (route, who, answer.text)
    if who is None and answer.status_code == 401:
        assert "Basic" in answer.headers["www-authenticate"]
    return answer.status_code


def test_every_route_has_an_entry() -> None:
    assert not set(EVERY) - TABLE.keys() - APART
    assert len(EVERY) == len(set(EVERY)), "a route stands twice, so one of the two is hidden"


def test_every_entry_has_a_route() -> None:
    assert not TABLE.keys() - set(EVERY)
    assert not APART - set(EVERY)


@pytest.mark.parametrize("route", EVERY)
def test_nobody_uses_a_route_without_signing_in(
    client: httpx.Client, world: World, route: str
) -> None:
    known = TABLE.get(route)
    if known is None:
        status = send(client, world, route, Ask(f"{API}/uploads/{'0' * 32}"), None)
    else:
        status = send(client, world, route, known.prepare(world, world.name()), None)
    if known is not None and known.least == "public":
        assert status in known.answers
    else:
        assert status == 401


@pytest.mark.parametrize("route", GUARDED)
def test_wrong_credentials_are_refused_on_every_route(
    client: httpx.Client, world: World, route: str
) -> None:
    ask = TABLE[route].prepare(world, world.name())
    unknown = f"Bearer mun_{world.name('x')}_x"  # another each time: else guesses are throttled
    for authorization in (unknown, "Bearer a.b.c", "Basic", "Digest x"):
        ask.headers = {**ask.headers, "Authorization": authorization}
        assert send(client, world, route, ask, None) == 401, authorization
    world.forgive()


@pytest.mark.parametrize("route", GUARDED)
def test_a_route_is_for_those_roles_that_may_and_for_no_other(
    client: httpx.Client, world: World, route: str
) -> None:
    known = TABLE[route]
    may = ROLES if known.least == "signed in" else ROLES[ROLES.index(known.least) :]
    for role in ROLES:
        status = send(client, world, route, known.prepare(world, world.name()), role)
        assert status in (known.answers if role in may else (403,)), role
    for role, allowed in (
        ("outsider", known.least == "signed in"),
        ("scoped", known.least in ("signed in", "viewer")),
    ):
        status = send(client, world, route, known.prepare(world, world.name()), role)
        hidden = role == "outsider" and (known.of_model or known.hides)
        refused = (403, 404) if hidden else (403,)
        assert status in (known.answers if allowed else refused), role


@pytest.mark.parametrize("route", OF_MODELS)
def test_a_grant_for_some_models_opens_no_other(
    client: httpx.Client, world: World, route: str
) -> None:
    known = TABLE[route]
    status = send(client, world, route, known.prepare(world, world.name("credit")), "narrow")
    assert status in known.hidden
    status = send(client, world, route, known.prepare(world, world.name("fraud")), "narrow")
    assert status in known.answers


@pytest.mark.parametrize("route", OF_MODELS)
def test_a_grant_in_one_workspace_opens_no_other(
    client: httpx.Client, world: World, route: str
) -> None:
    ask = TABLE[route].prepare(world, world.name())
    ask.headers = {**ask.headers, "X-Muniment-Workspace": "other"}
    if TABLE[route].page:
        ask.path = "/w/other" + ask.path.removeprefix("/w/default")
    assert send(client, world, route, ask, "admin") in (403, 404)


@pytest.mark.parametrize("method", UPLOADS)
def test_an_upload_is_for_who_began_it(client: httpx.Client, world: World, method: str) -> None:
    tail, good, more = UPLOADS[method]
    for role in ROLES[1:]:
        begun = client.post(
            f"{API}/uploads", json={"size": 9, "fresh": True}, headers=world.headers(role)
        ).json()
        ask = Ask(f"{API}/uploads/{begun['id']}{tail}", **more)
        assert send(client, world, method, ask, None) == 401
        assert send(client, world, method, ask, "viewer") == 403
        assert send(client, world, method, ask, "outsider") == 403
        for other in {"contributor", "admin", "root", "narrow"} - {role}:
            assert send(client, world, method, ask, other) == 404
        assert send(client, world, method, ask, role) == good


@pytest.mark.parametrize("route", APPROVALS)
def test_a_request_is_approved_by_people_who_may_and_by_no_machine(
    client: httpx.Client, world: World, route: str
) -> None:
    prepare = APPROVALS[route]
    ask = prepare(world, world.name("credit"))
    for role in (*ROLES, "scoped"):
        assert send(client, world, route, ask, role) == 403, role
    for hidden in ("outsider", "narrow"):
        assert send(client, world, route, ask, hidden) == 404
    may = {Role.VIEWER: 403, Role.CONTRIBUTOR: 403, Role.APPROVER: 200, Role.ADMIN: 200}
    for role, status in may.items():
        ask = prepare(world, world.name("credit"))
        ask.headers = basic(world.person(Grant.of_role(role)), PASSWORD)
        assert send(client, world, route, ask, None) == status, role
    ask = prepare(world, world.name("credit"))
    ask.headers = basic(world.person(NARROWED), PASSWORD)
    assert send(client, world, route, ask, None) == 404


def test_a_password_is_chosen_by_who_knows_the_present_one(
    client: httpx.Client, world: World
) -> None:
    name, new = world.person(), "another good password"
    change = {"old": PASSWORD, "new": new}
    path = f"{API}/me/password"
    assert client.post(path, json=change).status_code == 401
    for role in ROLES:  # machines have none
        status = client.post(path, json=change, headers=world.headers(role)).status_code
        assert status in (400, 401, 403)
    wrong = {"old": "not the password", "new": new}
    answer = client.post(path, json=wrong, headers=basic(name, PASSWORD))
    assert answer.status_code in (400, 401, 403)
    assert client.post(path, json=change, headers=basic(name, PASSWORD)).status_code == 204
    assert client.get(f"{API}/me", headers=basic(name, PASSWORD)).status_code == 401
    assert client.get(f"{API}/me", headers=basic(name, new)).status_code == 200


def test_a_one_time_password_opens_nothing_but_the_choice_of_another(
    client: httpx.Client, world: World
) -> None:
    name = world.name("user")
    _, once = world.owner.administration.create_user(name, role=Role.ADMIN)
    assert once is not None
    for route in GUARDED:
        ask = TABLE[route].prepare(world, world.name())
        ask.headers = ask.headers | basic(name, once)
        opened = route in (f"GET {API}/me", "GET /password", "HEAD /password")
        assert send(client, world, route, ask, None) == (200 if opened else 403), route


def test_a_session_is_a_way_in_until_it_is_closed(client: httpx.Client, world: World) -> None:
    name = world.person(Grant.of_role(Role.VIEWER))
    opened = client.post(f"{API}/sessions", json={"name": name, "password": PASSWORD})
    assert opened.status_code == 204
    cookie = cookie_of(opened)
    client.cookies.clear()
    flags = opened.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert client.get(f"{API}/models", headers=cookie).status_code == 200
    assert client.get(f"{API}/storage", headers=cookie).status_code == 403
    own = {**cookie, "Origin": str(client.base_url).rstrip("/")}
    assert client.delete(f"{API}/sessions", headers=own).status_code == 204
    assert client.get(f"{API}/models", headers=cookie).status_code == 401


def test_everybody_makes_tokens_of_their_own_that_may_no_more(
    client: httpx.Client, world: World
) -> None:
    name = world.person(Grant.of_role(Role.VIEWER))
    made = client.post(
        f"{API}/tokens", json={"scopes": [{"role": "admin"}]}, headers=basic(name, PASSWORD)
    )
    assert made.status_code == 201
    token = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert client.get(f"{API}/models", headers=token).status_code == 200
    refused = client.post(f"{API}/models", json={"name": world.name()}, headers=token)
    assert refused.status_code == 403
    assert client.post(f"{API}/tokens", json={}, headers=token).status_code == 403
    listed = client.get(f"{API}/tokens", headers=basic(name, PASSWORD))
    assert made.json()["secret"] not in listed.text
    path = f"{API}/tokens/{made.json()['token']['id']}"
    assert client.delete(path, headers=basic(name, PASSWORD)).status_code == 204
    assert client.get(f"{API}/models", headers=token).status_code == 401


def test_a_registry_without_users_is_its_owners(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("fresh")
    with serving(create_app(Settings(home=home))) as client:
        assert client.get(f"{API}/storage").status_code == 200
        assert client.post(f"{API}/models", json={"name": "fraud"}).status_code == 201
        # A password that is right nowhere is not right here.
        assert client.get(f"{API}/models", headers=basic("admin", "admin")).status_code == 401


def test_the_first_user_ends_that_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = create_app(Settings(home=tmp_path_factory.mktemp("fresh")))
    with serving(app) as client:
        assert client.get(f"{API}/storage").status_code == 200
        world = World(app.state.context.ports)
        world.person()
        assert Access(world.ports).enabled
        assert client.get(f"{API}/storage").status_code == 401


def test_people_sign_in_choose_a_password_and_sign_out_by_forms_of_ours_alone(
    client: httpx.Client, world: World
) -> None:
    name = world.person(Grant.of_role(Role.VIEWER))
    field, cookie = form_of(client.get("/sign-in"))
    own = {**FORM, "Origin": str(client.base_url).rstrip("/")}
    fields = {"name": name, "password": PASSWORD, "form": field, "next": "/docs"}
    assert client.post("/sign-in", data=fields, headers=own).status_code == 400
    assert client.post("/sign-in", data={**fields, "form": "x"}, headers=cookie).status_code == 400
    opened = client.post("/sign-in", data=fields, headers={**own, **cookie})
    assert (opened.status_code, opened.headers["location"]) == (303, "/docs")
    session = cookie_of(opened)
    assert client.get(f"{API}/models", headers=session).status_code == 200

    field, _ = form_of(client.get("/password", headers=session))
    new = "another good password"
    change = {"old": PASSWORD, "new": new, "again": new, "form": field}
    for path, data in (("/password", change), ("/sign-out", {"form": field})):
        assert client.post(path, data=data).status_code == 401
        # From elsewhere, from who knows where, and without the field that a page of ours has.
        foreign = {**session, "Origin": "https://evil.example"}
        assert client.post(path, data=data, headers=foreign).status_code == 403
        assert client.post(path, data=data, headers=session).status_code == 403
        forged = {**data, "form": "0" * 64}
        assert client.post(path, data=forged, headers={**own, **session}).status_code == 400
    changed = client.post("/password", data=change, headers={**own, **session})
    assert changed.status_code == 303
    assert client.get(f"{API}/models", headers=session).status_code == 401
    session = cookie_of(changed)
    field, _ = form_of(client.get("/password", headers=session))
    left = client.post("/sign-out", data={"form": field}, headers={**own, **session})
    assert left.status_code == 303
    assert client.get(f"{API}/models", headers=session).status_code == 401


def test_totals_of_all_workspaces_are_for_who_looks_after_all(
    client: httpx.Client, world: World
) -> None:
    for role in ("outsider", *ROLES, "narrow", "scoped"):
        shown = "muniment_stored_bytes" in client.get("/metrics", headers=world.headers(role)).text
        assert shown is (role == "root"), role
    public = create_app(Settings(metrics_public=True), world.ports)
    with serving(public) as anybody:
        assert "muniment_stored_bytes" in anybody.get("/metrics").text
