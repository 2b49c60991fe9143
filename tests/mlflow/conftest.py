"""MLflow's server and ours, started once for all tests of a run that compare them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.mlflow import servers
from tests.mlflow.servers import Server
from tests.mlflow.sharing import shared
from tests.mlflow.twin import Twin


@pytest.fixture(scope="session")
def their_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of MLflow's server."""
    with shared("official", servers.official, tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="session")
def our_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of our server, on which runs are logged."""
    with shared("ours", our_server_with_a_run, tmp_path_factory) as url:
        yield url


def our_server_with_a_run(home: Path) -> Server:
    server = servers.ours(home)
    log_a_run(server.url)
    return server


def log_a_run(url: str) -> None:
    """From then on a server knows that runs are its business, as MLflow's always does."""
    run = {"experiment_id": "0", "run_name": "first"}
    httpx.post(f"{url}/api/2.0/mlflow/runs/create", json=run, timeout=120).raise_for_status()


@pytest.fixture(scope="session")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of ours that is a registry alone: nobody logs runs there."""
    with shared("registry", servers.ours, tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="session")
def worker() -> str:
    """The name of this worker: what makes the models of a module its own."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw") + "-"


@pytest.fixture(scope="session")
def clients(
    request: pytest.FixtureRequest, worker: str
) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """A client of each server, that keeps its connections."""
    names = ["their_url", "our_url"]
    if worker.startswith("gw1"):
        names.reverse()  # two workers start both servers at the same time
    urls = {name: request.getfixturevalue(name) for name in names}
    with (
        httpx.Client(base_url=urls["their_url"], timeout=60) as theirs,
        httpx.Client(base_url=urls["our_url"], timeout=60) as ours,
    ):
        yield theirs, ours


@pytest.fixture
def twin(request: pytest.FixtureRequest, clients: tuple[httpx.Client, httpx.Client]) -> Twin:
    """Both servers, with names that no other test uses."""
    unique = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:10]
    return Twin(*clients, f"{unique}-")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test, at its end, if the servers answered differently in it."""
    result = yield
    for twin in pyfuncitem.funcargs.values():
        if isinstance(twin, Twin):
            twin.check()
    return result
