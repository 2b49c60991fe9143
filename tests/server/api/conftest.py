"""A real server over a real folder, in a process of its own; each test has a model of its own."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from tests.client import servers

Json = dict[str, Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    running = servers.start(tmp_path_factory.mktemp("home"))
    yield running
    running.end()


@pytest.fixture(scope="session")
def http(server: servers.Server) -> Iterator[httpx.Client]:
    """The whole server; paths are sent as they stand."""
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def api(server: servers.Server) -> Iterator[httpx.Client]:
    """The native API."""
    base_url = f"{server.url}/api/v1"
    with httpx.Client(base_url=base_url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A name that no model has."""
    return f"m-{uuid.uuid4().hex}"


@pytest.fixture
def model(api: httpx.Client, name: str) -> str:
    """The name of a registered model."""
    assert api.post("/models", json={"name": name}).status_code == 201
    return name


@pytest.fixture
def version(api: httpx.Client, name: str) -> str:
    """The address of version 1 of a model, with the file `model.pkl`: ten times `0123456789`."""
    answer = api.put(f"/models/{name}/push/model.pkl", content=b"0123456789" * 10)
    assert answer.status_code == 201
    return f"/models/{name}/versions/1"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stored(api: httpx.Client, content: bytes) -> str:
    """Store a blob; return its digest."""
    digest = sha256(content)
    assert api.put(f"/blobs/{digest}", content=content).status_code in (200, 201)
    return digest


def file_of(api: httpx.Client, path: str, content: bytes) -> Json:
    """Store a blob; return it as a file of a version."""
    return {"path": path, "sha256": stored(api, content), "size": len(content)}


def refusal(answer: httpx.Response, status: int, code: str) -> Json:
    """Check that an answer is a problem with this status and code; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: Json = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    return problem


def as_it_stands(
    server: servers.Server, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """Send a path as it stands (most clients would normalise it); return status and content."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
