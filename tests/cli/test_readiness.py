"""`muniment ready`, the health check of containers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from muniment.cli.readiness import _host
from tests.cli.conftest import Command
from tests.client import servers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Server]:
    started = servers.start(tmp_path / "home")
    yield started
    started.end()


def test_a_server_whose_stores_answer_is_ready(muniment: Command, server: servers.Server) -> None:
    assert muniment("ready", "--port", server.port).out == f"{server.url} is ready.\n"
    assert muniment("ready", "--port", server.port, "-q").out == "ready\n"


def test_the_settings_of_the_server_say_where_it_is(
    muniment: Command, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_HOST", "0.0.0.0")  # noqa: S104 - nobody listens there
    monkeypatch.setenv("MUNIMENT_PORT", str(server.port))
    assert muniment("ready", "-o", "json").json == {"url": server.url, "status": "ready"}


def test_a_server_without_its_files_is_not_ready(muniment: Command, server: servers.Server) -> None:
    rmtree(server.home / "blobs")
    refused = muniment("ready", "--port", server.port, code=6)
    assert "is not ready: it answers 503" in refused.err


def test_where_nobody_serves_nothing_is_ready(muniment: Command, server: servers.Server) -> None:
    server.process.kill()
    server.process.wait()
    refused = muniment("ready", "--port", server.port, code=6)
    assert f"No server answers at {server.url}" in refused.err
    assert "muniment serve" in refused.err


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::", "::1"),
        ("[::]", "::1"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_server_is_asked_where_it_listens(host: str, asked: str) -> None:
    assert _host(host) == asked
