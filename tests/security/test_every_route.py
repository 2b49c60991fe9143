"""Every route of every face: who may use it, and that nobody else can.

A route that has no entry here fails the tests: whoever adds one decides who may use it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest
from starlette.routing import BaseRoute, Host, Mount, Route

from muniment.domain.access import Grant, Role
from muniment.domain.changes import NewVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.server.app import create_app
from muniment.server.dispatch import RouteTree
from muniment.server.settings import Settings
from muniment.services import Access
from tests.security.conftest import PASSWORD, ROLES, World, basic, cookie_of
from tests.server.conftest import serving

API: Final = "/api/v1"


@dataclass
class Ask:
    """A request that makes sense to whoever may send it; `headers` win over the caller's."""

    path: str
    json: Any = None
    content: bytes | None = None
    files: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Prepare = Callable[[World, str], Ask]


@dataclass(frozen=True)
class Entry:
    """Who may use a route, from `least` on; `prepare` makes what a request needs, each time anew.

    `of_model`: it is about one model, whose name `prepare` is given.
    """

    least: str
    prepare: Prepare
    answers: tuple[int, ...] = (200,)
    of_model: bool = True


TABLE: Final[dict[str, Entry]] = {}


def entry(
    route: str, least: str, *answers: int, of_model: bool = True
) -> Callable[[Prepare], Prepare]:
    """Say who may use a route, and how."""

    def note(prepare: Prepare) -> Prepare:
        assert route not in TABLE
        TABLE[route] = Entry(least, prepare, answers or (200,), of_model)
        return prepare

    return note


def static(route: str, least: str, *answers: int, **ask: Any) -> None:
    """Say who may use a route that needs nothing prepared."""
    path = route.partition(" ")[2]
    entry(route, least, *answers, of_model=False)(lambda world, name: Ask(path, **ask))


# -- models --------------------------------------------------------------------------------------

MODEL = f"{API}/models/{{name}}"
static(f"GET {API}/models", "signed in")


@entry(f"POST {API}/models", "contributor", 201)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/models", {"name": name})


def about_version(
    route: str,
    least: str,
    *answers: int,
    tail: str = "",
    to: str = f"{MODEL}/versions/1",
    **ask: Any,
) -> None:
    """Say who may use a route about a model with one READY version."""

    def prepare(world: World, name: str) -> Ask:
        world.version(name)
        return Ask(to.format(name=name) + tail, **ask)

    entry(route, least, *answers)(prepare)


about_version(f"GET {MODEL}", "viewer", to=MODEL)
about_version(f"PATCH {MODEL}", "contributor", to=MODEL, json={"description": "x"})
about_version(f"DELETE {MODEL}", "approver", to=MODEL)
about_version(f"GET {MODEL}/versions", "viewer", to=MODEL, tail="/versions")
about_version(f"GET {MODEL}/activities", "viewer", to=MODEL, tail="/activities")
about_version(f"POST {MODEL}/activities/verify", "viewer", to=MODEL, tail="/activities/verify")
about_version(f"GET {MODEL}/aliases", "viewer", to=MODEL, tail="/aliases")


@entry(f"POST {API}/deleted-models/{{id}}/restore", "approver")
def _(world: World, name: str) -> Ask:
    made = world.owner.catalog.create_model(name)
    world.owner.catalog.delete_model(name)
    return Ask(f"{API}/deleted-models/{made.id}/restore")


# -- versions ------------------------------------------------------------------------------------

VERSION = f"{MODEL}/versions/{{number}}"
about_version(
    f"POST {MODEL}/versions",
    "contributor",
    201,
    to=f"{MODEL}/versions",
    json={"source_uri": "s3://x/y"},
)
about_version(f"GET {VERSION}", "viewer")
about_version(f"PATCH {VERSION}", "contributor", json={"description": "x"})
about_version(f"DELETE {VERSION}", "contributor")
about_version(f"POST {VERSION}/stage", "approver", tail="/stage", json={"stage": "Production"})
about_version(f"GET {VERSION}/manifest", "viewer", tail="/manifest")
about_version(f"GET {VERSION}/files/{{path}}", "viewer", tail="/files/model.bin")
about_version(f"HEAD {VERSION}/files/{{path}}", "viewer", tail="/files/model.bin")
static(f"GET {API}/versions", "signed in")


@entry(f"GET {API}/resolve", "viewer")
def _(world: World, name: str) -> Ask:
    world.version(name)
    return Ask(f"{API}/resolve?ref={name}/1")


@entry(f"POST {VERSION}/seal", "contributor")
def _(world: World, name: str) -> Ask:
    content, path = world.content(), f"{MODEL}/versions/{{number}}/seal"
    world.version(name, content)  # whoever may read that may name its bytes
    file = {"path": "a", "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return Ask(path.format(name=name, number=world.pending(name)), {"files": [file]})


@entry(f"POST {VERSION}/fail", "contributor")
def _(world: World, name: str) -> Ask:
    number = world.pending(name)
    return Ask(f"{MODEL}/versions/{number}/fail".format(name=name), {"message": "x"})


@entry(f"POST {VERSION}/restore", "contributor")
def _(world: World, name: str) -> Ask:
    number = world.version(name)
    world.owner.catalog.delete_version(name, number)
    return Ask(f"{MODEL}/versions/{number}/restore".format(name=name))


# -- aliases -------------------------------------------------------------------------------------

ALIAS = f"{MODEL}/aliases/{{alias}}"


def with_alias(world: World, name: str) -> str:
    world.owner.catalog.set_alias(name, "champion", world.version(name))
    return f"{MODEL}/aliases/champion".format(name=name)


entry(f"GET {ALIAS}", "viewer")(lambda world, name: Ask(with_alias(world, name)))
entry(f"DELETE {ALIAS}", "contributor", 204)(lambda world, name: Ask(with_alias(world, name)))


@entry(f"PUT {ALIAS}", "contributor")
def _(world: World, name: str) -> Ask:
    path = with_alias(world, name)
    return Ask(path, {"version": world.version(name)})


# -- bytes ---------------------------------------------------------------------------------------

BLOB = f"{API}/blobs/{{digest}}"
static(f"POST {API}/blobs/missing", "contributor", json={"digests": ["0" * 64]})
static(f"POST {API}/uploads", "contributor", 201, json={"size": 5, "fresh": True})


@entry(f"PUT {BLOB}", "contributor", 201, of_model=False)
def _(world: World, name: str) -> Ask:
    content = world.content()
    return Ask(f"{API}/blobs/{hashlib.sha256(content).hexdigest()}", content=content)


def with_blob(world: World, name: str) -> Ask:
    content = world.content()
    world.version(name, content)
    return Ask(f"{API}/blobs/{hashlib.sha256(content).hexdigest()}")


entry(f"GET {BLOB}", "viewer")(with_blob)
entry(f"HEAD {BLOB}", "viewer")(with_blob)


@entry(f"PUT {MODEL}/push/{{path}}", "contributor", 201)
def _(world: World, name: str) -> Ask:
    return Ask(f"{MODEL}/push/model.bin".format(name=name), content=world.content())


@entry(f"POST {MODEL}/push", "contributor", 201)
def _(world: World, name: str) -> Ask:
    return Ask(f"{MODEL}/push".format(name=name), files={"model.bin": world.content()})


UPLOADS: Final = {
    "GET": ("", 200, {}),
    "PATCH": ("", 200, {"content": b"12345", "headers": {"Upload-Offset": "0"}}),
    "POST": ("/finish", 409, {"json": {}}),
    "DELETE": ("", 204, {}),
}
"""Uploads are their callers' alone, so each caller begins the one that they are tried with."""

# -- housekeeping, and what everybody may --------------------------------------------------------

static(f"POST {API}/garbage/collect", "root", json={"dry_run": True})
static(f"GET {API}/storage", "root")
static(f"GET {API}/server", "signed in")
static("GET /health", "public")
static("HEAD /health", "public")
static("GET /ready", "public")
static("HEAD /ready", "public")
static("GET /version", "public")
static("GET /metrics", "signed in")
static("GET /", "signed in")
static("HEAD /", "signed in")
static("GET /docs", "signed in")
static("HEAD /docs", "signed in")
static("GET /openapi.json", "signed in")

# -- the classic API -----------------------------------------------------------------------------

CLASSIC: Final = "/api/classic"
static(f"GET {CLASSIC}/models", "signed in")
static(f"GET {CLASSIC}/search", "signed in")


def described(name: str) -> dict[str, str]:
    more = {"version": "1.0.0", "file_extension": "pkl", "storage_group": "ml"}
    return {"id": "m1", "name": name, **more}


def uploaded(world: World, name: str) -> str:
    """Upload as classic clients do; return the metadata id."""
    from muniment.schemas import ModelMetadata
    from muniment.server.classic.records import file_name, new_version

    content = world.content()
    file = FileEntry(file_name("m1", "pkl"), world.store(content), len(content))
    new = new_version(ModelMetadata.model_validate(described(name)))
    sealed = NewVersion(
        **{key: getattr(new, key) for key in ("label", "tags", "params", "metrics", "framework")},
        files=Manifest.of([file]),
    )
    return world.owner.catalog.create_version(name, sealed, create_model=True).uuid


@entry(f"POST {CLASSIC}/upload", "contributor", 201)
def _(world: World, name: str) -> Ask:
    metadata = json.dumps(described(name)).encode()
    parts = {"metadata": (None, metadata, "application/json"), "file": ("f", world.content())}
    return Ask(f"{CLASSIC}/upload", files=parts)


entry(f"GET {CLASSIC}/metadata/{{metadata_id}}", "viewer")(
    lambda world, name: Ask(f"{CLASSIC}/metadata/{uploaded(world, name)}")
)
entry(f"DELETE {CLASSIC}/models/{{metadata_id}}", "contributor")(
    lambda world, name: Ask(f"{CLASSIC}/models/{uploaded(world, name)}")
)


@entry(f"GET {CLASSIC}/download", "viewer")
def _(world: World, name: str) -> Ask:
    from muniment.server.classic.records import Record

    uuid = uploaded(world, name)
    record = Record.of(world.owner.catalog.version_by_uuid(uuid))
    return Ask(
        f"{CLASSIC}/download?metadata_id={uuid}&file_path={record.storage_path}"
        f"&bucket_name={record.storage_group}"
    )


# -- who one is, users, tokens, grants, audit ----------------------------------------------------

static(f"GET {API}/me", "signed in")
static(f"GET {API}/tokens", "signed in")
static(f"DELETE {API}/sessions", "public", 204)
static("GET /sign-in", "public")
static("HEAD /sign-in", "public")
static("GET /oidc/start", "public", 404)
static("GET /oidc/callback", "public", 404, 400)
static("GET /password", "signed in")
static("HEAD /password", "signed in")
static(f"GET {API}/users", "root")
static(f"GET {API}/grants", "admin")
static(f"GET {API}/audit", "root")
static(f"GET {API}/audit/export", "root")
static(f"POST {API}/audit/verify", "root")
static(f"POST {API}/audit/prune", "root", json={"older_than": 86_400 * 30})


@entry(f"POST {API}/sessions", "public", 204, of_model=False)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/sessions", {"name": world.person(), "password": PASSWORD})


FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@entry("POST /sign-in", "public", 400, of_model=False)
def _(world: World, name: str) -> Ask:
    form = f"name={world.person()}&password={PASSWORD.replace(' ', '+')}"
    return Ask("/sign-in", content=form.encode(), headers=FORM)  # not from a page of ours


@entry(f"POST {API}/users", "root", 201, of_model=False)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/users", {"name": world.name("user"), "service": True})


def of_user(tail: str) -> Prepare:
    return lambda world, name: Ask(f"{API}/users/{world.person()}{tail}")


entry(f"GET {API}/users/{{name}}", "root", of_model=False)(of_user(""))
entry(f"POST {API}/users/{{name}}/activate", "root", of_model=False)(of_user("/activate"))
entry(f"POST {API}/users/{{name}}/deactivate", "root", of_model=False)(of_user("/deactivate"))
entry(f"POST {API}/users/{{name}}/reset-password", "root", of_model=False)(
    of_user("/reset-password")
)


@entry(f"POST {API}/tokens", "root", 201, of_model=False)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/tokens", {"user": world.person()})  # for another; see below for oneself


@entry(f"DELETE {API}/tokens/{{id}}", "root", 204, of_model=False)
def _(world: World, name: str) -> Ask:
    token, _ = world.owner.administration.create_token(user=world.person())
    return Ask(f"{API}/tokens/{token.id}")


@entry(f"POST {API}/grants", "admin", 201, of_model=False)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/grants", {"subject": "group:x", "role": "viewer"})


@entry(f"DELETE {API}/grants/{{id}}", "admin", 204, of_model=False)
def _(world: World, name: str) -> Ask:
    grant = Grant.of_role(Role.VIEWER)
    held = world.owner.administration.add_grant("default", "group:x", grant)
    return Ask(f"{API}/grants/{held.id}")


@entry(f"GET {API}/can", "admin", of_model=False)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/can?user={world.person()}&verb=read")


APART: Final = {
    f"POST {API}/me/password",
    "POST /password",
    "POST /sign-out",
    *(f"{method} {API}/uploads/{{id}}{tail}" for method, (tail, _, _) in UPLOADS.items()),
}
"""Routes with tests of their own below."""

# -- the tests -----------------------------------------------------------------------------------


def routes_of(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    """Yield `METHOD /path` for every route, also of what is mounted below."""
    for route in routes:
        if isinstance(route, RouteTree):
            continue  # it finds what stands behind it
        if isinstance(route, Mount | Host) and route.routes:
            below = getattr(route, "path", "")
            yield from routes_of(list(route.routes), prefix + below)
        elif isinstance(route, Route):
            for method in route.methods or {"ANY"}:
                yield f"{method} {prefix}{route.path_format}"
        else:
            yield f"ANY {prefix}{getattr(route, 'path', route)}"


EVERY: Final = sorted(routes_of(create_app(Settings()).router.routes))
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
    assert answer.status_code < 500, (route, who, answer.text)
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
        refused = (403, 404) if role == "outsider" and known.of_model else (403,)
        assert status in (known.answers if allowed else refused), role


@pytest.mark.parametrize("route", OF_MODELS)
def test_a_grant_for_some_models_opens_no_other(
    client: httpx.Client, world: World, route: str
) -> None:
    known = TABLE[route]
    status = send(client, world, route, known.prepare(world, world.name("credit")), "narrow")
    assert status in (403, 404)
    status = send(client, world, route, known.prepare(world, world.name("fraud")), "narrow")
    assert status in known.answers


@pytest.mark.parametrize("route", OF_MODELS)
def test_a_grant_in_one_workspace_opens_no_other(
    client: httpx.Client, world: World, route: str
) -> None:
    ask = TABLE[route].prepare(world, world.name())
    ask.headers = {**ask.headers, "X-Muniment-Workspace": "other"}
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


def form_of(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return what a page's form hides, and the cookie that belongs to it."""
    found = re.search(r'name="form"[^>]*value="([^"]+)"', page.text)
    assert found is not None
    return found[1], cookie_of(page) if "set-cookie" in page.headers else {}


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
