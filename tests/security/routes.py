"""Every route of every face, and who may use it: one entry for each, with a request to try."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.routing import BaseRoute, Host, Mount, Route

from muniment.domain.access import Grant, Role
from muniment.domain.changes import NewVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.server.app import create_app
from muniment.server.dispatch import RouteTree
from muniment.server.settings import Settings
from tests.security.conftest import PASSWORD, World

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

    @property
    def hidden(self) -> tuple[int, ...]:
        """What somebody is told who may not know of the model."""
        # To seal needs bytes that one may name, and nobody may name those of a hidden model.
        return (409,) if self is TABLE[f"POST {VERSION}/seal"] else (403, 404)


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
