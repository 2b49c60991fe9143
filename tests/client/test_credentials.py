"""Who calls: where credentials come from, where they go, and where they never show."""

from __future__ import annotations

import asyncio
import io
import logging
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import muniment
from muniment import InvalidInput, NotFound, PermissionDenied, Unauthenticated
from muniment.client import ModelRegistryClient
from muniment.client.credentials import Credentials, credentials_for, without_secrets
from muniment.domain.access import Grant, Narrowing, Role, Verb
from muniment.local import open_local
from muniment.schemas import ModelMetadata
from tests.client import servers
from tests.client.servers import Answer, scripted

VARIABLES = ("MUNIMENT_REGISTRY", "MUNIMENT_TOKEN", "MUNIMENT_USERNAME", "MUNIMENT_PASSWORD")
EMPTY = Answer.of({"items": [], "next_page_token": None})
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def sent(url: str = "http://127.0.0.1:8000", **arguments: str) -> str | None:
    found = credentials_for(url, **arguments)
    return None if found is None else found.header


# -- where they come from ----------------------------------------------------------------------


def test_arguments_count_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent() is None
    monkeypatch.setenv("MUNIMENT_USERNAME", "ada")
    assert sent() is None
    monkeypatch.setenv("MUNIMENT_PASSWORD", "päss: word")
    header = sent()
    assert header is not None
    assert b64decode(header.removeprefix("Basic ")).decode() == "ada:päss: word"
    monkeypatch.setenv("MUNIMENT_TOKEN", "mun_env")
    assert sent() == "Bearer mun_env"
    assert sent(token="mun_mine") == "Bearer mun_mine"
    mine = sent(username="bob", password="pw")
    assert mine is not None
    assert b64decode(mine.removeprefix("Basic ")) == b"bob:pw"
    completed = sent(username="bob")
    assert completed is not None
    assert b64decode(completed.removeprefix("Basic ")).startswith(b"bob:p")


@pytest.mark.parametrize(
    "arguments",
    [
        {"token": ""},
        {"token": "two\nlines"},
        {"token": "two words"},
        {"token": "ü"},
        {"token": "mun_a", "username": "ada"},
        {"token": "mun_a", "password": "pw"},
        {"username": "ada"},
        {"password": "s3cret"},
        {"username": "a:b", "password": "s3cret"},
        {"username": "a\nb", "password": "s3cret"},
        {"username": "ada", "password": "s3cret\ud800"},
    ],
)
def test_what_can_not_be_sent_is_refused_and_not_repeated(arguments: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        muniment.connect("http://127.0.0.1:1", **arguments)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)
    assert "lines" not in str(caught.value)


@pytest.mark.parametrize("name", ["token", "username", "password"])
def test_a_folder_takes_none(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match=f"`{name}` is for a server; a folder needs none"):
        muniment.connect(tmp_path / "registry", **{name: "x"})  # type: ignore[arg-type]
    monkeypatch.setenv("MUNIMENT_TOKEN", "mun_for_a_server")
    with muniment.connect(tmp_path / "registry") as registry:
        assert registry.whoami().by == "none"


# -- where they go -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "url", "goes"),
    [
        ("", "https://a.example", True),
        ("./folder", "https://a.example", True),
        ("https://a.example", "https://a.example/", True),
        ("https://a.example", "https://A.example:443", True),
        ("https://a.example", "https://b.example", False),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "https://a.example@evil.example", False),
        ("https://a.example", "http://[::1", False),
    ],
)
def test_the_environments_go_to_the_environments_server_alone(
    registry: str, url: str, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", registry)
    monkeypatch.setenv("MUNIMENT_TOKEN", "mun_env")
    assert (sent(url) == "Bearer mun_env") is goes
    assert sent(url, token="mun_mine") == "Bearer mun_mine"


def test_they_do_not_follow_a_redirect() -> None:
    with scripted(lambda _: Answer(206, b"bytes")) as (store, asked):
        moved = Answer(307, b"", {"Location": f"{store}/key"})
        with (
            scripted(lambda _: moved) as (url, requests),
            muniment.connect(url, username="ada", password=PASSWORD) as registry,
        ):
            list(registry.backend.artifacts.read("fraud", 1, "a.bin", 3))
            with pytest.raises(muniment.MunimentError):  # whatever is no download goes nowhere
                registry.model("fraud")
    assert all(request.headers["authorization"].startswith("Basic ") for request in requests)
    assert len(asked) == 1
    assert "authorization" not in asked[0].headers


# -- where they never show ---------------------------------------------------------------------


def test_they_show_in_no_repr_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    refusal = Answer.problem(401, "unauthenticated")
    with scripted(lambda _: refusal) as (url, _):
        for arguments in ({"token": "mun_s3cret"}, {"username": "ada", "password": "mun_s3cret"}):
            with muniment.connect(url, **arguments) as registry:  # type: ignore[arg-type]
                with pytest.raises(Unauthenticated) as caught:
                    registry.models().all()
                backend = registry.backend
                shown += [str(caught.value), repr(caught.value), repr(registry), repr(backend)]
                shown += [repr(vars(part)) for part in vars(backend).values()]
    header = Credentials.of_password("ada", "mun_s3cret").header.removeprefix("Basic ")
    everything = caplog.text + "".join(shown)
    assert "httpx" in caplog.text
    assert "s3cret" not in everything
    assert header not in everything
    assert repr(Credentials.of_token("mun_s3cret")) == "<Credentials ***>"


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:s3cret@host",
        "http://ada:s3cret@host:bad",
        "ftp://ada:s3cret@host/x",
        "file://ada:s3cret@host/x",
    ],
)
def test_a_password_in_an_address_is_not_repeated(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        muniment.connect(address)
    assert "s3cret" not in str(caught.value)


def test_an_address_without_a_secret_is_shown_as_it_is() -> None:
    for address in ("http://host:1/a@b", "./folder", "me@folder"):
        assert without_secrets(address).endswith(address.rpartition("@")[2])
    assert without_secrets("http://host:1/x") == "http://host:1/x"
    assert without_secrets("https://ada:pw@host/x") == "https://***@host/x"


# -- what a refusal says -----------------------------------------------------------------------


def test_a_refusal_says_what_to_do_next() -> None:
    with scripted(lambda _: Answer.problem(401, "unauthenticated")) as (url, _):
        with muniment.connect(url) as registry, pytest.raises(Unauthenticated) as caught:
            registry.models().all()
        assert "Set MUNIMENT_TOKEN, or pass token=" in caught.value.hint
        with (
            muniment.connect(url, token="mun_wrong") as registry,
            pytest.raises(Unauthenticated) as caught,
        ):
            registry.models().all()
        assert "Set MUNIMENT_TOKEN" not in caught.value.hint  # it was sent, and is not right
    with (
        scripted(lambda _: Answer(401, b"<html>")) as (url, _),
        muniment.connect(url) as registry,
        pytest.raises(Unauthenticated, match="Set MUNIMENT_TOKEN"),
    ):
        registry.models().all()
    with (
        scripted(lambda _: Answer.problem(403, "permission_denied")) as (url, _),
        muniment.connect(url) as registry,
        pytest.raises(PermissionDenied),
    ):
        registry.models().all()


# -- a real server with users ------------------------------------------------------------------


@dataclass
class Guarded:
    """A server with an admin, and a contributor whose token is narrowed."""

    url: str
    admin: str
    narrowed: str


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    home = tmp_path_factory.mktemp("guarded") / "home"
    registry = open_local(home)
    people = registry.administration
    _, once = people.create_user("grace", role=Role.ADMIN)
    people.create_user("ada", role=Role.CONTRIBUTOR, workspace="default")
    _, admin = people.create_token(user="grace", lifetime=timedelta(days=1))
    narrow = Grant(
        frozenset({Verb.READ, Verb.MOVE_ALIAS}), Narrowing(models="fraud-*", alias="champion")
    )
    _, narrowed = people.create_token(user="ada", scopes=[narrow])
    own = open_local(home, actor="grace")
    own.change_password(str(once), PASSWORD)
    own.close()
    registry.close()
    started = servers.start(home)
    yield Guarded(started.url, admin, narrowed)
    started.end()


def test_every_way_to_sign_in_leads_in(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = (
        {"token": guarded.admin},
        {"username": "grace", "password": PASSWORD},
        {"username": "whoever", "password": guarded.admin},
    )
    for arguments in ways:
        with muniment.connect(guarded.url, **arguments) as registry:  # type: ignore[arg-type]
            assert registry.whoami().name == "grace"
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.admin)
    with muniment.connect(guarded.url) as registry:
        version = registry.push("by-token", b"model", alias="champion")
        assert version.created_by == "grace"
        assert registry.read("by-token@champion", "model.bin") == b"model"


def test_nobody_and_somebody_wrong_are_told_apart(guarded: Guarded) -> None:
    with (
        muniment.connect(guarded.url) as registry,
        pytest.raises(Unauthenticated, match="Set MUNIMENT_TOKEN"),
    ):
        registry.push("fraud", b"model")
    for arguments in ({"token": "mun_a_b"}, {"username": "grace", "password": "nope"}):
        with (
            muniment.connect(guarded.url, **arguments) as registry,  # type: ignore[arg-type]
            pytest.raises(Unauthenticated) as caught,
        ):
            registry.models().all()
        assert "Set MUNIMENT_TOKEN" not in caught.value.hint


def test_the_classic_client_signs_in_the_same_way(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = ModelMetadata(
        id="m1", name="classic", version="1", file_extension="pkl", storage_group="models"
    )
    with ModelRegistryClient(guarded.url) as client, pytest.raises(Unauthenticated):
        client.upload_model(io.BytesIO(b"model"), metadata)
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.admin)
    with ModelRegistryClient(guarded.url) as client:
        client.upload_model(io.BytesIO(b"model"), metadata)
    with ModelRegistryClient(guarded.url, username="grace", password=PASSWORD) as client:
        client.upload_model(io.BytesIO(b"model"), metadata.model_copy(update={"version": "2"}))


def test_whoami_and_can_know_the_limits_of_a_token(guarded: Guarded) -> None:
    with muniment.connect(guarded.url, token=guarded.narrowed) as registry:
        me = registry.whoami()
        assert (me.name, me.by, me.automation, me.must_change) == ("ada", "token", False, False)
        assert me.scopes is not None
        assert registry.can("alias.move", "fraud-eu@champion")
        assert not registry.can(Verb.MOVE_ALIAS, "fraud-eu@canary")
        refused = registry.can("version.create", "fraud-eu")
        assert not refused
        assert "scopes of this token" in refused.because
        with pytest.raises(PermissionDenied):
            registry.push("fraud-eu", b"model")
        with pytest.raises(InvalidInput, match=r"alias\.move"):
            registry.can("alias.mvoe", "fraud-eu")
        with pytest.raises(NotFound):
            registry.model("by-token")


def test_can_looks_at_the_tags_of_a_model(guarded: Guarded) -> None:
    with muniment.connect(guarded.url, token=guarded.admin) as registry:
        registry.push("tagged", b"model")
        people = registry.backend.administration
        people.create_user("tess", service=True)
        grant = Grant(frozenset({Verb.READ, Verb.MOVE_STAGE}), Narrowing(tag="team=risk"))
        people.add_grant("default", "user:tess", grant)
        _, token = people.create_token(user="tess")
        with muniment.connect(guarded.url, token=token) as hers:
            assert not hers.can("stage.move", "tagged/Production")
            registry.update_model("tagged", tags={"team": "risk"})
            assert hers.can("stage.move", "tagged/Production")


def test_the_asynchronous_client_signs_in_too(guarded: Guarded) -> None:
    async def ask() -> tuple[str, bool]:
        async with muniment.connect_async(
            guarded.url, username="grace", password=PASSWORD
        ) as registry:
            return (await registry.whoami()).name, bool(await registry.can("users.manage"))

    assert asyncio.run(ask()) == ("grace", True)


def test_the_owner_of_a_folder_needs_no_sign_in_even_if_it_has_users(tmp_path: Path) -> None:
    with muniment.connect(tmp_path / "registry", actor="owner") as registry:
        registry.backend.administration.create_user("ada", role=Role.VIEWER)
        assert registry.whoami().name == "owner"
        assert registry.can("users.manage")
        assert registry.can("alias.protect", "not-there-yet@champion")
        assert registry.push("fraud", b"model").created_by == "owner"
