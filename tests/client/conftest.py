"""A registry in a folder and one behind a real server; each test has a cache of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import muniment
from muniment.client import progress
from muniment.client.registry import Registry
from tests.client import servers


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("MUNIMENT_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    started = servers.start(tmp_path_factory.mktemp("registry") / "home")
    yield started
    started.end()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[servers.Server]:
    """A server that the test may break."""
    started = servers.start(tmp_path / "home")
    yield started
    if started.process.poll() is None:
        started.end()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Registry]:
    with muniment.connect(tmp_path / "registry", actor="ana") as registry:
        yield registry


@pytest.fixture
def remote(server: servers.Server) -> Iterator[Registry]:
    with muniment.connect(server.url) as registry:
        yield registry


@pytest.fixture(params=["folder", "server"])
def registry(request: pytest.FixtureRequest) -> Registry:
    found: Registry = request.getfixturevalue(
        {"folder": "local", "server": "remote"}[request.param]
    )
    return found


@pytest.fixture
def name() -> str:
    """A model that no other test knows: the server is shared."""
    return f"model-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def events() -> list[progress.ProgressEvent]:
    return []
