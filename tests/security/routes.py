"""Every route of every face, and who may use it: one entry for each, with a request to try."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from starlette.routing import BaseRoute, Host, Mount, Route

from muniment.domain.access import Grant, Role, Verb
from muniment.domain.changes import NewVersion
from muniment.domain.events import Event
from muniment.domain.lineage import Node, NodeKind
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.stages import Stage
from muniment.domain.webhooks import WebhookChanges
from muniment.server.app import create_app
from muniment.server.dispatch import RouteTree
from muniment.server.mlflow.artifacts import PREFIXES as FILE_PREFIXES
from muniment.server.mlflow.wire import LIFECYCLE_PREFIXES
from muniment.server.mlflow.wire import PREFIXES as MLFLOW_PREFIXES
from muniment.server.settings import Settings
from muniment.server.tracking.surface import operations
from muniment.signing.judging import sign
from muniment.signing.keys import generate_key_pair, public_pem, read_signing_key
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

    `of_model`: it is about one model, whose name `prepare` is given, and for who may do that to
    this model. `hides`: it is not for them, but a model stands behind it, which others can't see.
    `page`: its workspace stands in its path.
    """

    least: str
    prepare: Prepare
    answers: tuple[int, ...] = (200,)
    of_model: bool = True
    hides: bool = False
    page: bool = False

    @property
    def hidden(self) -> tuple[int, ...]:
        """What somebody is told who may not know of the model."""
        # To seal needs bytes that one may name, and nobody may name those of a hidden model.
        return (409,) if self is TABLE[f"POST {VERSION}/seal"] else (403, 404)


TABLE: Final[dict[str, Entry]] = {}


def entry(
    route: str,
    least: str,
    *answers: int,
    of_model: bool = True,
    hides: bool = False,
    page: bool = False,
) -> Callable[[Prepare], Prepare]:
    """Say who may use a route, and how."""

    def note(prepare: Prepare) -> Prepare:
        assert route not in TABLE
        TABLE[route] = Entry(least, prepare, answers or (200,), of_model, hides, page)
        return prepare

    return note


def static(route: str, least: str, *answers: int, to: str = "", **ask: Any) -> None:
    """Say who may use a route that needs nothing prepared; `to` is what its path may be."""
    path = to or route.partition(" ")[2]
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


# -- MLflow's registry ---------------------------------------------------------------------------


def about_mlflow(call: str, least: str, *answers: int, **fields: str) -> None:
    """Say who may make a call about the model with one READY version, under both prefixes."""
    method, _, path = call.partition(" ")

    def of(prefix: str) -> Prepare:
        def prepare(world: World, name: str) -> Ask:
            world.version(name)
            asked = {"name": name, **fields}
            if method == "GET":
                return Ask(f"{prefix}/{path}?{urlencode(asked)}")
            return Ask(f"{prefix}/{path}", asked)

        return prepare

    for prefix in MLFLOW_PREFIXES:
        for each in (method, "HEAD") if method == "GET" else (method,):
            entry(f"{each} {prefix}/{path}", least, *answers)(of(prefix))


about_mlflow("GET registered-models/get", "viewer")
about_mlflow("PATCH registered-models/update", "contributor", description="x")
about_mlflow("DELETE registered-models/delete", "approver")
about_mlflow("GET registered-models/get-latest-versions", "viewer")
about_mlflow("POST registered-models/get-latest-versions", "viewer")
about_mlflow("POST registered-models/set-tag", "contributor", key="k", value="v")
about_mlflow("DELETE registered-models/delete-tag", "contributor", key="k")
about_mlflow("POST registered-models/alias", "contributor", alias="a", version="1")
about_mlflow("GET registered-models/alias", "viewer", alias="latest")
about_mlflow("DELETE registered-models/alias", "contributor", alias="a")
about_mlflow("POST model-versions/create", "contributor", source="s3://bucket/model")
about_mlflow("GET model-versions/get", "viewer", version="1")
about_mlflow("GET model-versions/get-download-uri", "viewer", version="1")
about_mlflow("PATCH model-versions/update", "contributor", version="1", description="x")
about_mlflow("DELETE model-versions/delete", "contributor", version="1")
about_mlflow("POST model-versions/transition-stage", "approver", version="1", stage="Staging")
about_mlflow("POST model-versions/set-tag", "contributor", version="1", key="k", value="v")
about_mlflow("DELETE model-versions/delete-tag", "contributor", version="1", key="k")

for prefix in MLFLOW_PREFIXES:

    @entry(f"POST {prefix}/registered-models/create", "contributor")
    def _(world: World, name: str, prefix: str = prefix) -> Ask:
        return Ask(f"{prefix}/registered-models/create", {"name": name})

    @entry(f"POST {prefix}/registered-models/rename", "approver")
    def _(world: World, name: str, prefix: str = prefix) -> Ask:
        world.version(name)
        names = {"name": name, "new_name": f"{name}-later"}
        return Ask(f"{prefix}/registered-models/rename", names)

    for each in ("GET", "HEAD"):
        static(f"{each} {prefix}/registered-models/search", "signed in")
        static(f"{each} {prefix}/model-versions/search", "signed in")
        static(f"{each} {prefix.replace('2.0', '3.0')}/server-info", "signed in")

# -- stages, requests and the past ---------------------------------------------------------------

STAGE = f"{API}/stages/{{stage}}"
static(f"GET {API}/stages", "viewer")
static(f"GET {API}/reviews-due", "viewer")
static(f"GET {API}/requests", "viewer")
static(f"GET {API}/comments", "viewer", to=f"{API}/comments?mention=ada")
static(f"GET {API}/activities", "viewer")
static(f"GET {API}/deployments", "viewer")
static(f"GET {API}/deployments/drift", "viewer")
static(f"GET {API}/consumers", "viewer")
static(f"GET {STAGE}", "viewer", to=f"{API}/stages/Staging")


@entry(f"PUT {STAGE}", "admin", of_model=False)
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/stages/Reviewed", {"order": 1, "policies": []})


@entry(f"DELETE {STAGE}", "admin", 204, of_model=False)
def _(world: World, name: str) -> Ask:
    world.owner.lifecycle.define_stage(Stage("Reviewed"))
    return Ask(f"{API}/stages/Reviewed")


about_version(f"GET {VERSION}/requirements", "viewer", tail="/requirements?stage=Production")
about_version(
    f"POST {VERSION}/requests", "contributor", 201, tail="/requests", json={"stage": "Staging"}
)
about_version(f"GET {MODEL}/tenures", "viewer", to=MODEL, tail="/tenures")


@entry(f"POST {MODEL}/rollback", "approver")
def _(world: World, name: str) -> Ask:
    for _ in range(2):
        number = world.version(name)
        world.owner.lifecycle.move_to_stage(name, number, "Staging", archive_existing=number > 1)
    return Ask(f"{MODEL}/rollback".format(name=name), {"of": "Staging"})


def of_request(tail: str = "", **ask: Any) -> Prepare:
    def prepare(world: World, name: str) -> Ask:
        asked = world.owner.lifecycle.request_transition(name, world.version(name), "Staging")
        return Ask(f"{API}/requests/{asked.id}{tail}", **ask)

    return prepare


REQUEST = f"{API}/requests/{{id}}"
entry(f"GET {REQUEST}", "viewer")(of_request())
APPROVALS: Final[dict[str, Prepare]] = {f"POST {REQUEST}/approve": of_request("/approve")}
"""People approve, and everybody here is a machine: see the tests of `APART`."""
entry(f"POST {REQUEST}/reject", "approver")(of_request("/reject"))
# Of others; one's own is everybody's to take back.
entry(f"POST {REQUEST}/cancel", "admin", of_model=False, hides=True)(of_request("/cancel"))

# -- comments, checks, lineage, deployments ------------------------------------------------------

SAID: Final = {"text": "x"}
for least, ask in (("viewer", {}), ("contributor", {"json": SAID})):
    way = f"{'POST' if ask else 'GET'}"
    status = (201,) if ask else ()
    about_version(f"{way} {MODEL}/comments", least, *status, to=MODEL, tail="/comments", **ask)
    about_version(f"{way} {VERSION}/comments", least, *status, tail="/comments", **ask)
    entry(f"{way} {REQUEST}/comments", least, *status)(of_request("/comments", **ask))


def of_comment(**ask: Any) -> Prepare:
    def prepare(world: World, name: str) -> Ask:
        world.version(name)
        return Ask(f"{API}/comments/{world.owner.comments.add(name, 'x').id}", **ask)

    return prepare


COMMENT = f"{API}/comments/{{id}}"
entry(f"GET {COMMENT}", "viewer")(of_comment())
# Of others; one's own is everybody's to change.
entry(f"PATCH {COMMENT}", "admin", of_model=False, hides=True)(of_comment(json={"text": "y"}))
entry(f"DELETE {COMMENT}", "admin", of_model=False, hides=True)(of_comment())

about_version(f"GET {VERSION}/checks", "viewer", tail="/checks")
about_version(
    f"POST {VERSION}/checks",
    "contributor",
    201,
    tail="/checks",
    json={"name": "bias", "verdict": "pass"},
)
about_version(f"POST {VERSION}/checks/run", "contributor", 202, tail="/checks/run", json={})
about_version(f"GET {VERSION}/checks/waiting", "viewer", tail="/checks/waiting")
static(f"GET {API}/checks", "viewer")
static(f"GET {API}/checks/configuration", "viewer")
static(f"PUT {API}/checks/configuration", "admin", json={"checks": ["card"]})
RUN: Final = {"kind": "run", "id": "r1"}
about_version(f"GET {VERSION}/lineage", "viewer", tail="/lineage")
about_version(f"POST {VERSION}/lineage", "contributor", 201, tail="/lineage", json={"node": RUN})


@entry(f"GET {API}/lineage", "viewer")
def _(world: World, name: str) -> Ask:
    return Ask(f"{API}/lineage?of={name}/{world.version(name)}")


@entry(f"DELETE {API}/lineage/{{id}}", "contributor", 204)
def _(world: World, name: str) -> Ask:
    node = Node(NodeKind.RUN, "r1")
    edge = world.owner.lineage.link(name, world.version(name), node)
    return Ask(f"{API}/lineage/{edge.id}")


SIGNER: Final = read_signing_key(generate_key_pair()[0])
TRUSTED: Final = {"pem": public_pem(SIGNER.private.public_key()).decode()}


def bundle_of(world: World, name: str) -> tuple[str, str]:
    """Return the address of a new version's signatures, and a bundle that signs it."""
    number = world.version(name)
    manifest = world.owner.artifacts.manifest(name, number)
    return f"{API}/models/{name}/versions/{number}/signatures", sign(manifest, name, SIGNER)


def of_signature(world: World, name: str) -> Ask:
    address, bundle = bundle_of(world, name)
    filed = world.owner.provenance.add_signature(name, int(address.split("/")[-2]), bundle)
    return Ask(f"{address}/{filed.signature.id}")


@entry(f"POST {VERSION}/signatures", "contributor", 201)
def _(world: World, name: str) -> Ask:
    address, bundle = bundle_of(world, name)
    return Ask(address, json={"bundle": bundle})


about_version(f"GET {VERSION}/signatures", "viewer", tail="/signatures")
entry(f"GET {VERSION}/signatures/{{signature}}", "viewer")(of_signature)
entry(f"DELETE {VERSION}/signatures/{{signature}}", "contributor", 204)(of_signature)
for export in ("card", "bom", "evidence"):
    about_version(f"GET {VERSION}/{export}", "viewer", tail=f"/{export}")
static(f"GET {API}/keys", "viewer")
static(f"PUT {API}/keys/{{key}}", "admin", to=f"{API}/keys/release", json=TRUSTED)


@entry(f"DELETE {API}/keys/{{key}}", "admin", 204, of_model=False)
def _(world: World, name: str) -> Ask:
    world.owner.provenance.trust_key("gone", TRUSTED["pem"])
    return Ask(f"{API}/keys/gone")


DEPLOYMENT = f"{MODEL}/deployments/{{environment}}/{{deployment}}"
about_version(f"GET {VERSION}/users", "viewer", tail="/users")
about_version(
    f"PUT {DEPLOYMENT}", "contributor", to=MODEL, tail="/deployments/prod/x", json={"version": 1}
)


def with_deployment(world: World, name: str) -> Ask:
    world.owner.deployments.declare(name, "prod", "x", version=world.version(name))
    return Ask(f"{MODEL}/deployments/prod/x".format(name=name))


entry(f"GET {DEPLOYMENT}", "viewer")(with_deployment)
entry(f"DELETE {DEPLOYMENT}", "contributor")(with_deployment)

# -- webhooks ------------------------------------------------------------------------------------

RECEIVER: Final = "https://no-such-host.invalid/hook"


def to_webhook(prefix: str, tail: str = "", **ask: Any) -> Prepare:
    def prepare(world: World, name: str) -> Ask:
        changes = WebhookChanges("hook", RECEIVER, [Event("prompt", "created")])
        made = world.owner.webhooks.create(changes)
        return Ask(f"{prefix}/webhooks/{made.uuid}{tail}", **ask)

    return prepare


for prefix in MLFLOW_PREFIXES:
    hook = f"{prefix}/webhooks/{{webhook_id}}"
    event = {"entity": "PROMPT", "action": "CREATED"}
    asked = {"name": "hook", "url": RECEIVER, "events": [event]}
    static(f"GET {prefix}/webhooks", "admin")
    static(f"HEAD {prefix}/webhooks", "admin")
    static(f"POST {prefix}/webhooks", "admin", json=asked)
    entry(f"GET {hook}", "admin", of_model=False)(to_webhook(prefix))
    entry(f"HEAD {hook}", "admin", of_model=False)(to_webhook(prefix))
    entry(f"PATCH {hook}", "admin", of_model=False)(to_webhook(prefix, json={"name": "other"}))
    entry(f"DELETE {hook}", "admin", of_model=False)(to_webhook(prefix))
    entry(f"POST {hook}/test", "admin", of_model=False)(to_webhook(prefix, "/test", json={}))


# -- the lifecycle, in MLflow's protocol ---------------------------------------------------------


Fields = Callable[[World, str], dict[str, Any]]


def with_fields(method: str, url: str, of: Fields) -> Prepare:
    """Return what prepares a call whose fields `of` returns."""

    def prepare(world: World, name: str) -> Ask:
        fields = of(world, name)
        return Ask(f"{url}?{urlencode(fields)}") if method == "GET" else Ask(url, fields)

    return prepare


def about_lifecycle(
    call: str, least: str, of: Fields, *, of_model: bool = True, hides: bool = False
) -> None:
    """Say who may make a call whose fields `of` returns, under all prefixes."""
    method, _, path = call.partition(" ")
    for prefix in LIFECYCLE_PREFIXES:
        prepare = with_fields(method, f"{prefix}/{path}", of)
        for each in (method, "HEAD") if method == "GET" else (method,):
            entry(f"{each} {prefix}/{path}", least, of_model=of_model, hides=hides)(prepare)


def a_version(world: World, name: str) -> dict[str, Any]:
    number = world.version(name)
    return {"name": name, "version": str(number), "stage": "Staging", "comment": "x"}


def a_request(world: World, name: str) -> dict[str, Any]:
    fields = a_version(world, name)
    world.owner.lifecycle.request_transition(name, int(fields["version"]), "Staging")
    return {**fields, "creator": "setup"}


def a_proposal(world: World, name: str) -> dict[str, Any]:
    number = a_request(world, name)["version"]
    version = {"registered_model": {"name": name}, "version": number}
    to_stage = {"model_registry_data": {"transition": {"to_stage": "Staging"}}}
    asked = {"model_version": version, "request_activity": to_stage}
    return {"action": 2, "transition_request": asked}


def a_comment(world: World, name: str) -> dict[str, Any]:
    world.version(name)
    return {"id": str(world.owner.comments.add(name, "x", version=1).id), "comment": "y"}


def a_hook(world: World, name: str) -> dict[str, Any]:
    changes = WebhookChanges("hook", RECEIVER, [Event("comment", "added")])
    return {"id": world.owner.webhooks.create(changes).uuid}


def a_receiver(world: World, name: str) -> dict[str, Any]:
    return {"events": ["COMMENT_CREATED"], "http_url_spec": {"url": RECEIVER}}


about_lifecycle("POST transition-requests/create", "contributor", a_version)
about_lifecycle("GET transition-requests/list", "viewer", a_version)
about_lifecycle("POST transition-requests/reject", "approver", a_request)
about_lifecycle("PATCH transition-requests/update", "approver", a_proposal)
about_lifecycle("POST comments/create", "contributor", a_version)
about_lifecycle("GET databricks/registered-models/get", "viewer", a_version)
about_lifecycle("POST databricks/model-versions/transition-stage", "approver", a_version)
# Of others, as above.
for call, fields in (
    ("DELETE transition-requests/delete", a_request),
    ("PATCH comments/update", a_comment),
    ("DELETE comments/delete", a_comment),
):
    about_lifecycle(call, "admin", fields, of_model=False, hides=True)
for prefix in LIFECYCLE_PREFIXES:
    url = f"{prefix}/transition-requests/approve"
    APPROVALS[f"POST {url}"] = with_fields("POST", url, a_request)
about_lifecycle("POST registry-webhooks/create", "admin", a_receiver, of_model=False)
about_lifecycle("GET registry-webhooks/list", "admin", lambda world, name: {}, of_model=False)
for call in ("PATCH {}/update", "DELETE {}/delete", "POST {}/test"):
    about_lifecycle(call.format("registry-webhooks"), "admin", a_hook, of_model=False)

HOOK = f"{API}/webhooks/{{id}}"
static(f"GET {API}/webhooks", "admin")
static(
    f"POST {API}/webhooks",
    "admin",
    201,
    json={"name": "hook", "url": RECEIVER, "events": ["stage.changed"]},
)
entry(f"GET {HOOK}", "admin", of_model=False)(to_webhook(API))
entry(f"PATCH {HOOK}", "admin", of_model=False)(to_webhook(API, json={"name": "other"}))
entry(f"DELETE {HOOK}", "admin", 204, of_model=False)(to_webhook(API))
entry(f"POST {HOOK}/test", "admin", of_model=False)(to_webhook(API, "/test"))
entry(f"POST {HOOK}/secret", "admin", of_model=False)(to_webhook(API, "/secret"))
entry(f"GET {HOOK}/deliveries", "admin", of_model=False)(to_webhook(API, "/deliveries"))
NO_DELIVERY: Final = "/deliveries/0b9d6d0f-1a2c-4e5f-8a7b-6c5d4e3f2a1b/replay"
entry(f"POST {HOOK}/deliveries/{{delivery}}/replay", "admin", 404, of_model=False)(
    to_webhook(API, NO_DELIVERY)
)


# -- runs ----------------------------------------------------------------------------------------
# This server keeps none (tests/server/tracking has one that does): who may ask is told so.

NO_RUNS: Final = 501
CHANGING: Final = ("POST", "PUT", "PATCH", "DELETE")


def about_runs(method: str, path: str, verb: Verb) -> None:
    least = "viewer" if verb is Verb.READ_RUNS else "contributor"
    for each in (method, "HEAD") if method == "GET" else (method,):
        static(f"{each} {path}", least, NO_RUNS)


for operation in operations():
    about_runs(operation.method, operation.path, operation.verb)
about_runs("POST", "/v1/traces", Verb.WRITE_RUNS)
about_runs("GET", "/get-artifact", Verb.READ_RUNS)
about_runs(
    "GET",
    "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
    Verb.READ_RUNS,
)
about_runs("POST", "/mlflow/graphql", Verb.READ_RUNS)
about_runs("GET", "/mlflow/get-artifact", Verb.READ_RUNS)
for each in ("GET", "HEAD"):
    static(f"{each} /ajax-api/3.0/mlflow/ui-telemetry", "signed in")
    static(f"{each} /mlflow", "signed in", 307)
    static(f"{each} /mlflow/", "signed in", NO_RUNS)
    static(f"{each} /mlflow/static-files/{{path}}", "signed in", NO_RUNS)
    static(f"{each} /mlflow/model-versions/get-artifact", "signed in", 400)
for each, status in (("GET", 200), ("HEAD", 200), *((m, 405) for m in CHANGING)):
    # The path is answered as without /mlflow, whatever it is.
    entry(f"{each} /mlflow/ajax-api/{{path}}", "signed in", status, of_model=False)(
        lambda world, name: Ask("/mlflow/ajax-api/3.0/mlflow/ui-telemetry")
    )


# -- the files of runs, and of versions at the artifact proxy ------------------------------------


def to_file(prefix: str, **ask: Any) -> Prepare:
    def prepare(world: World, name: str) -> Ask:
        path = f"0/run/artifacts/{world.name('file')}"
        with world.owner.files.receive(path) as intake:
            intake.write(world.content())
            intake.finish()
        return Ask(f"{prefix}/artifacts/{path}", **ask)

    return prepare


for prefix in FILE_PREFIXES:
    for each, least in (("GET", "viewer"), ("HEAD", "viewer"), ("DELETE", "contributor")):
        route = f"{each} {prefix}/artifacts/{{path}}"
        entry(route, least, of_model=False)(to_file(prefix))
    route = f"PUT {prefix}/artifacts/{{path}}"
    entry(route, "contributor", of_model=False)(to_file(prefix, content=b"x"))
    for each in ("GET", "HEAD"):
        static(f"{each} {prefix}/artifacts", "viewer")
        static(f"{each} {prefix}/presigned/{{path}}", "signed in", 501)
    for step in ("create", "complete", "abort"):
        asked = {"path": "x", "parts": []}
        static(f"POST {prefix}/mpu/{step}/{{path}}", "signed in", 501, json=asked)

about_version(
    "GET /model-versions/get-artifact",
    "viewer",
    to="/model-versions/get-artifact?name={name}&version=1&path=model.bin",
)
about_version(
    "HEAD /model-versions/get-artifact",
    "viewer",
    to="/model-versions/get-artifact?name={name}&version=1&path=model.bin",
)


# -- pages: each also under /w/{workspace} --------------------------------------------------------

IN_WORKSPACE: Final = "/w/{workspace}"


def page(path: str, least: str, *answers: int, of_model: bool = False, **more: Any) -> Any:
    """Say who may look at a page; decorates what prepares it, if it needs anything."""
    routes = [f"{method} {at}{path}" for at in ("", IN_WORKSPACE) for method in ("GET", "HEAD")]
    return _both(routes, least, *answers, of_model=of_model, **more)


def form(path: str, least: str, *answers: int, of_model: bool = False, **more: Any) -> Any:
    """Say who may send a form; decorates what prepares it. It leads on, unless told otherwise."""
    routes = [f"POST {at}{path}" for at in ("", IN_WORKSPACE)]
    return _both(routes, least, *(answers or (303,)), of_model=of_model, **more)


def filled(path: str, **fields: str) -> Ask:
    """Return a form as a page of ours sends it, from a browser that holds its cookie."""
    secret = "of the form"
    token = hmac.digest(secret.encode(), b"form", "sha256").hex()
    content = urlencode({**fields, "form": token}).encode()
    return Ask(path, content=content, headers={**FORM, "Cookie": f'muniment-form="{secret}"'})


def _both(routes: list[str], least: str, *answers: int, of_model: bool, **more: Any) -> Any:
    def note(prepare: Prepare) -> Prepare:
        for route in routes:
            under = "/w/default" if IN_WORKSPACE in route else ""

            def prefixed(world: World, name: str, under: str = under) -> Ask:
                ask = prepare(world, name)
                ask.path = under + ask.path
                return ask

            entry(route, least, *answers, of_model=of_model, page=True, **more)(prefixed)
        return prepare

    return note


for each in ("GET", "HEAD"):
    static(f"{each} /assets/{{digest}}/{{name}}", "public", to="/assets/0/style.css")
for each in ("/", "/models"):
    page(each, "signed in")(lambda world, name, path=each: Ask(path))


# The pages of requests, activity, deployments and lineage


def in_review(world: World, name: str) -> str:
    """Return the path of an open request."""
    number = world.version(name)
    return f"/requests/{world.owner.lifecycle.request_transition(name, number, 'Staging').id}"


def deployed(world: World, name: str) -> str:
    """Return the path of a live deployment."""
    made = world.owner.deployments.declare(name, "prod", "x", version=world.version(name))
    return f"/deployments/{made.id}"


for each in ("/reviews", "/activity", "/activity/export", "/deployments"):
    page(each, "viewer")(lambda world, name, path=each: Ask(path))
page("/lineage", "viewer")(lambda world, name: Ask("/lineage?of=dataset:none"))
page("/deployments/declare", "contributor")(lambda world, name: Ask("/deployments/declare"))
page("/requests/{id}", "viewer", of_model=True)(lambda world, name: Ask(in_review(world, name)))
page("/deployments/{id}", "viewer", of_model=True)(lambda world, name: Ask(deployed(world, name)))


@form("/requests/{id}", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    return filled(in_review(world, name), action="comment", text="Good.")


@form("/deployments/{id}", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    return filled(deployed(world, name), action="retire", revision="1")


@form("/deployments/declare", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    number = str(world.version(name))
    where = {"model": name, "environment": "prod", "name": "x", "target": number}
    return filled("/deployments/declare", **where)


for each in ("lineage", "request"):

    @page(f"/models/{{name}}/{{number}}/{each}", "viewer", of_model=True)
    def _(world: World, name: str, tail: str = each) -> Ask:
        return Ask(f"/models/{name}/{world.version(name)}/{tail}")


@form("/models/{name}/{number}/request", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    path = f"/models/{name}/{world.version(name)}/request"
    return filled(path, action="ask", stage="Staging")


# Files, registering, storage, news

for each in ("/register", "/register/run"):
    page(each, "signed in")(lambda world, name, path=each: Ask(path))
page("/storage", "root")(lambda world, name: Ask("/storage"))
form("/storage", "root")(lambda world, name: filled("/storage"))


@form("/register/run", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    return filled("/register/run", model=name, source="s3://elsewhere/model")


for each, shown in (
    ("files", ""),
    ("files/{path}", "/model.bin"),
    ("download/{path}", "/model.bin"),
    ("card", ""),
    ("bom", ""),
    ("evidence", ""),
):

    @page(f"/models/{{name}}/{{number}}/{each}", "viewer", of_model=True)
    def _(world: World, name: str, tail: str = each.partition("/")[0] + shown) -> Ask:
        return Ask(f"/models/{name}/{world.version(name)}/{tail}")


def news_of(world: World, name: str) -> Ask:
    world.version(name)
    return Ask(f"/events?model={name}")


NEWS: Final = ("GET /events", f"GET {IN_WORKSPACE}/events")
"""They go on for as long as somebody listens; their tests are with the page's."""
_both([f"HEAD {at}/events" for at in ("", IN_WORKSPACE)], "viewer", of_model=True)(news_of)


# The pages of models and versions

for each in ("", "/edit", "/compare"):

    @page(f"/models/{{name}}{each}", "viewer", of_model=True)
    def _(world: World, name: str, tail: str = each) -> Ask:
        world.version(name)
        return Ask(f"/models/{name}{tail}")


for each in ("", "/edit"):

    @page(f"/models/{{name}}/{{number}}{each}", "viewer", of_model=True)
    def _(world: World, name: str, tail: str = each) -> Ask:
        return Ask(f"/models/{name}/{world.version(name)}{tail}")


for each in ("/deleted-models", "/deleted-models/{id}"):
    page(each, "signed in")(lambda world, name, path=each: Ask(path.format(id=1)))


@form("/models/{name}", "approver", of_model=True)
def _(world: World, name: str) -> Ask:
    world.version(name)
    return filled(f"/models/{name}", action="delete")


@form("/models/{name}/edit", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    world.version(name)
    revision = str(world.owner.catalog.model(name).revision)
    return filled(f"/models/{name}/edit", description="new", revision=revision)


@form("/models/{name}/{number}", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    return filled(f"/models/{name}/{world.version(name)}", action="comment", text="Good.")


@form("/models/{name}/{number}/edit", "contributor", of_model=True)
def _(world: World, name: str) -> Ask:
    path = f"/models/{name}/{world.version(name)}/edit"
    return filled(path, description="new", revision="1")


@form("/deleted-models/{id}", "approver", of_model=True)
def _(world: World, name: str) -> Ask:
    made = world.owner.catalog.create_model(name)
    world.owner.catalog.delete_model(name)
    return filled(f"/deleted-models/{made.id}")


# The pages of administration and webhooks

page("/admin", "signed in", 303)(lambda world, name: Ask("/admin"))
page("/admin/tokens", "signed in")(lambda world, name: Ask("/admin/tokens"))
page("/admin/users", "root")(lambda world, name: Ask("/admin/users"))
page("/admin/grants", "admin")(lambda world, name: Ask("/admin/grants"))
page("/admin/audit", "root")(lambda world, name: Ask("/admin/audit"))
page("/admin/stages", "viewer")(lambda world, name: Ask("/admin/stages"))
page("/admin/stages/{name}", "viewer")(lambda world, name: Ask("/admin/stages/Staging"))
page("/webhooks", "admin")(lambda world, name: Ask("/webhooks"))
form("/admin/users", "root", 200)(
    lambda world, name: filled("/admin/users", name=world.name("person"))
)
form("/admin/grants", "admin")(
    lambda world, name: filled(
        "/admin/grants", action="grant", subject=f"user:{world.person()}", role="viewer"
    )
)
form("/admin/audit", "root")(lambda world, name: filled("/admin/audit"))
form("/admin/stages", "admin")(
    lambda world, name: filled("/admin/stages", name=world.name("stage"), order="500")
)


@page("/admin/users/{name}", "root")
def _(world: World, name: str) -> Ask:
    return Ask(f"/admin/users/{world.person()}")


@form("/admin/users/{name}", "root")
def _(world: World, name: str) -> Ask:
    return filled(f"/admin/users/{world.person()}", action="deactivate")


@form("/admin/tokens", "root")  # of somebody else; one's own are tried in tests of their own
def _(world: World, name: str) -> Ask:
    token, _ = world.owner.administration.create_token(user=world.person())
    return filled("/admin/tokens", action="revoke", token=token.id)


@form("/admin/stages/{name}", "admin")
def _(world: World, name: str) -> Ask:
    present = world.owner.lifecycle.stage("Archived")
    changed = {"order": "300", "revision": str(present.revision)}
    return filled("/admin/stages/Archived", action="describe", **changed)


def hooked(world: World) -> str:
    """Return the path of a webhook."""
    event = Event.parse("stage.entered")
    changes = WebhookChanges(name="x", url="https://hooks.invalid/x", events=[event])
    return f"/webhooks/{world.owner.webhooks.create(changes).uuid}"


page("/webhooks/{uuid}", "admin")(lambda world, name: Ask(hooked(world)))
form("/webhooks/{uuid}", "admin")(lambda world, name: filled(hooked(world), action="disable"))


@form("/webhooks", "admin")
def _(world: World, name: str) -> Ask:
    hook = {"name": "x", "url": "https://hooks.invalid/x", "event stage.entered": "on"}
    return filled("/webhooks", **hook)


APART: Final = {
    *NEWS,
    f"POST {API}/me/password",
    "POST /password",
    "POST /sign-out",
    *APPROVALS,
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
