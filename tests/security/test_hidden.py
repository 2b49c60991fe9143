"""Who somebody is, and what they may not even know of."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from muniment.domain.access import Grant, Verb
from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.lineage import Node, NodeKind
from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.security.conftest import World, basic
from tests.server.conftest import serving

API: Final = "/api/v1"


def test_somebody_twice_is_nobody(client: httpx.Client, world: World) -> None:
    one, other = world.headers("root")["Authorization"], world.headers("viewer")["Authorization"]
    answer = client.get(f"{API}/models", headers=[("Authorization", one), ("Authorization", other)])
    assert answer.status_code == 400


def test_a_fresh_home_knows_no_user_and_no_password(tmp_path: Path) -> None:
    with serving(create_app(Settings(home=tmp_path / "home"))) as client:
        assert client.get(f"{API}/users").json()["items"] == []
        assert client.get(f"{API}/grants").json()["items"] == []
        for name in ("admin", "root", "muniment", "anonymous", "owner", ""):
            for password in ("", "admin", "password", "muniment", "changeme", "owner"):
                answer = client.get(f"{API}/models", headers=basic(name, password))
                assert answer.status_code == 401


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(
    client: httpx.Client, world: World
) -> None:
    known = world.person()
    answers = set()
    for name in (known, "nobody", "", "no body", "x" * 500, "\u202e"):
        for answer in (
            client.get(f"{API}/models", headers=basic(name, "wrong password")),
            client.post(f"{API}/sessions", json={"name": name, "password": "wrong password"}),
        ):
            problem = answer.json()
            problem.pop("request_id")
            answers.add((answer.status_code, json.dumps(problem)))
        world.forgive()
    assert len(answers) == 1


def test_scopes_of_a_token_are_never_widened(client: httpx.Client, world: World) -> None:
    root, scoped = world.headers("root"), world.headers("scoped")
    me = client.get(f"{API}/me", headers=scoped).json()
    for method, path, body in (
        ("POST", "/tokens", {}),
        ("POST", "/tokens", {"scopes": None}),
        ("POST", "/tokens", {"user": me["name"]}),
        ("POST", "/grants", {"subject": f"user:{me['name']}", "role": "admin"}),
        ("POST", "/users", {"name": world.name(), "role": "admin"}),
        ("POST", f"/users/{me['name']}/reset-password", None),
        ("GET", "/storage", None),
        ("POST", "/models", {"name": world.name()}),
    ):
        answer = client.request(method, API + path, json=body, headers=scoped)
        assert answer.status_code == 403, (path, body)
    for headers in ({"X-Muniment-Workspace": "other"}, {"X-Forwarded-User": "root"}):
        status = client.post(
            f"{API}/models", json={"name": world.name()}, headers={**scoped, **headers}
        ).status_code
        assert status in (403, 404)
    assert client.get(f"{API}/storage", headers=root).status_code == 200


def test_what_a_proxy_says_counts_from_a_proxy_alone(client: httpx.Client) -> None:
    for header in ("X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User"):
        assert client.get(f"{API}/models", headers={header: "root"}).status_code == 401


def told(answer: httpx.Response, but: str) -> tuple[int, str, list[str]]:
    text = answer.text.replace(but, "…")
    with suppress(ValueError):
        problem = json.loads(text)
        problem.pop("request_id")
        text = json.dumps(problem)
    return answer.status_code, text, sorted(answer.headers)


def test_a_digest_of_another_is_no_way_to_the_bytes(client: httpx.Client, world: World) -> None:
    content = world.content()
    world.version(world.name("credit"), content)
    digest, narrow = hashlib.sha256(content).hexdigest(), world.headers("narrow")
    for method in ("GET", "HEAD"):
        answer = client.request(method, f"{API}/blobs/{digest}", headers=narrow)
        assert answer.status_code == 404
        absent = client.request(method, f"{API}/blobs/{'0' * 64}", headers=narrow)
        assert told(absent, "0" * 64) == told(answer, digest)
    missing = client.post(f"{API}/blobs/missing", json={"digests": [digest]}, headers=narrow)
    assert missing.json() == {"missing": [digest]}
    name = world.name("fraud")
    file = {"path": "a", "sha256": digest, "size": len(content)}
    new = {"files": [file]}
    stolen = f"{API}/models/{name}/versions?create_model=true"
    answer = client.post(stolen, json=new, headers=narrow)
    assert (answer.status_code, answer.json()["code"]) == (409, "missing_blobs")
    begun = client.post(f"{API}/uploads", json={"digest": digest}, headers=narrow)
    assert begun.status_code == 201
    upload = f"{API}/uploads/{begun.json()['id']}"
    assert client.post(f"{upload}/finish", json={}, headers=narrow).status_code == 422
    for look in (client.get, client.post):
        assert look(upload + ("/finish" if look == client.post else ""), headers=narrow).is_error
    # Who has the bytes has lost nothing.
    put = client.put(f"{API}/blobs/{digest}", content=content, headers=narrow)
    assert put.status_code in (200, 201)
    assert client.post(stolen, json=new, headers=narrow).status_code == 201


def test_storing_bytes_that_are_here_is_answered_as_storing_new_ones(
    client: httpx.Client, world: World
) -> None:
    """Else the answer would tell whether somebody has stored a guess."""
    there, new = world.content(), world.content()
    world.version(world.name("credit"), there)
    said = []
    for content in (there, new):
        path = f"{API}/blobs/{hashlib.sha256(content).hexdigest()}"
        said.append(client.put(path, content=content, headers=world.headers("narrow")).status_code)
    assert said == [201, 201]


def test_hidden_models_leave_no_trace_in_any_answer(client: httpx.Client, world: World) -> None:
    secret, content = "zz-hidden", world.content()
    world.version(secret, content)
    world.owner.catalog.update_model(secret, ModelChanges(description="zz-words", tags={"k": "zz"}))
    world.owner.catalog.set_alias(secret, "zz-alias", 1)
    asked = world.owner.lifecycle.request_transition(secret, 1, "Staging", comment="zz-why")
    said = world.owner.comments.add(secret, "zz-said @ada")
    edge = world.owner.lineage.link(secret, 1, Node(NodeKind.RUN, "r1"))
    world.owner.deployments.declare(secret, "prod", "zz-scoring", version=1)
    deleted = world.owner.catalog.create_model("zz-deleted")
    world.owner.catalog.delete_model("zz-deleted")
    digest = hashlib.sha256(content).hexdigest()
    uuid = world.owner.catalog.version(secret, 1).uuid
    asks = [
        "/models?page_size=1000", "/models?deleted=true", "/models?filter=name LIKE '%25zz%25'",
        "/models?order_by=name DESC&page_size=1", "/versions?page_size=1000",
        "/versions?order_by=id",
        "/models?filter=tags.k = 'zz'", f"/models/{secret}", f"/models/{secret}/versions",
        f"/models/{secret}/versions/1/manifest", f"/models/{secret}/activities",
        f"/resolve?ref={secret}/1", f"/resolve?ref={secret}@sha256:{digest}", "/me", "/server",
        "/../../metrics", "/../classic/models", "/../classic/search", f"/blobs/{digest}",
        f"/../classic/metadata/{uuid}", f"/can?user=x&verb=read&model={secret}",
        "/storage", "/audit", "/activities?page_size=1000", "/activities?format=csv",
        f"/activities?model={secret}", f"/models/{secret}/activities?format=jsonl", "/requests",
        f"/requests/{asked.id}", f"/requests/{asked.id}/comments", "/comments?mention=ada",
        f"/comments/{said.id}", f"/models/{secret}/comments", f"/models/{secret}/tenures",
        f"/models/{secret}/versions/1/checks", f"/models/{secret}/versions/1/users",
        f"/models/{secret}/versions/1/lineage", f"/lineage?of={secret}/1", "/lineage?of=run:r1",
        "/deployments", "/deployments/drift", f"/models/{secret}/deployments/prod/zz-scoring",
        "/consumers", "/reviews-due",
    ]  # fmt: skip
    for who in ("outsider", "narrow"):
        for path in asks:
            answer = client.get(f"{API}{path}", headers=world.headers(who))
            text = answer.text.replace(path, "").replace(secret if answer.is_error else "\0", "")
            assert "zz-" not in text, (who, path, answer.text)
            assert uuid not in text or answer.is_error
        gone = client.delete(f"{API}/lineage/{edge.id}", headers=world.headers(who))
        absent = client.delete(f"{API}/lineage/999999", headers=world.headers(who))
        assert told(gone, str(edge.id)) == told(absent, "999999")
        page = client.get(f"{API}/models?page_size=1", headers=world.headers("outsider")).json()
        assert page == {"items": [], "next_page_token": None}
        restore = client.post(
            f"{API}/deleted-models/{deleted.id}/restore", headers=world.headers(who)
        )
        absent = client.post(f"{API}/deleted-models/999999/restore", headers=world.headers(who))
        assert told(restore, str(deleted.id)) == told(absent, "999999")


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"description": "x"}),
        ("PATCH", "", {"name": "fraud-taken"}),
        ("DELETE", "", None),
        ("GET", "/versions", None),
        ("POST", "/versions", {"pending": True}),
        ("POST", "/versions?create_model=true", {"pending": True}),
        ("GET", "/versions/1", None),
        ("DELETE", "/versions/1", None),
        ("GET", "/aliases", None),
        ("PUT", "/aliases/a", {"version": 1}),
        ("DELETE", "/aliases/champion", None),
        ("GET", "/activities", None),
        ("POST", "/activities/verify", None),
        ("GET", "/versions/1/manifest", None),
        ("GET", "/versions/1/files/model.bin", None),
        ("POST", "/versions/1/stage", {"stage": "Production"}),
        ("POST", "/versions/1/requests", {"stage": "Production"}),
        ("GET", "/versions/1/requirements?stage=Production", None),
        ("POST", "/rollback", {"of": "Production"}),
        ("GET", "/tenures", None),
        ("POST", "/comments", {"text": "x"}),
        ("GET", "/versions/1/comments", None),
        ("POST", "/versions/1/checks", {"name": "c", "verdict": "pass"}),
        ("POST", "/versions/1/lineage", {"node": {"kind": "run", "id": "r"}}),
        ("GET", "/versions/1/users", None),
        ("PUT", "/deployments/prod/x", {"version": 1}),
        ("GET", "/deployments/prod/x", None),
        ("GET", "/activities?format=csv", None),
        ("PUT", "/push/x", None),
        ("PUT", "/push/x?label=1.0", None),
    ],
)
def test_a_hidden_model_is_answered_as_an_absent_one(
    client: httpx.Client, world: World, method: str, tail: str, body: Any
) -> None:
    hidden, absent = world.name("credit"), world.name("credit")
    world.owner.catalog.create_version(
        hidden, NewVersion(pending=True, label="1.0"), create_model=True
    )
    said = [
        told(
            client.request(
                method, f"{API}/models/{name}{tail}", json=body, headers=world.headers("narrow")
            ),
            name,
        )
        for name in (hidden, absent)
    ]
    assert said[0] == said[1]
    assert said[0][0] in (403, 404)


def test_an_idempotency_key_replays_nothing_of_another(client: httpx.Client, world: World) -> None:
    name = world.name()
    key = {"Idempotency-Key": "the-same"}
    asked = {"name": name, "tags": {"k": "secret"}}
    made = client.post(f"{API}/models", json=asked, headers=key | world.headers("root"))
    assert made.status_code == 201
    blind = world.machine(
        Grant(frozenset({Verb.CREATE_MODEL, Verb.CREATE_VERSION})),
    )
    answer = client.post(
        f"{API}/models",
        json=asked,
        headers=key | {"Authorization": f"Bearer {blind}"},
    )
    assert answer.status_code == 409
    assert "uuid" not in answer.text
