"""A MongoDB for tests. The first of these that there is, one for all processes of a test run:

1. the server that MUNIMENT_TEST_MONGODB_URL names; tests use databases named `muniment-test-…`,
   and drop them;
2. `mongod` on the PATH, started standalone, in a temporary folder;
3. FerretDB 1.24 over SQLite files, built from the Go module in `ferretdb/`. It speaks MongoDB's
   protocol with the operators of its time: no transactions, no partial indexes, no pipelines in
   updates, no `$expr`; searches other than by a single text `_id` read the whole collection. A
   unique index that an update runs into is reported as code 1 instead of 11000. Its updates are
   made atomic by `ferretdb/gate.go`.

    url = database_at(tmp_path / "store")      the same path, the same database; see the fixtures
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.parts.built import built
from tests.parts.shared import keep, shared

if TYPE_CHECKING:
    from pymongo import MongoClient

SETTING = "MUNIMENT_TEST_MONGODB_URL"
_READY_SECONDS = 60.0
_made: list[str] = []


@pytest.fixture(scope="session")
def mongodb_client() -> Iterator[MongoClient[dict[str, Any]]]:
    """Yield a client of the server. Without a server the test is skipped."""
    from pymongo import MongoClient

    with MongoClient[dict[str, Any]](server()) as client:
        yield client
        _drop(client, 0)


@pytest.fixture
def mongodb(mongodb_client: MongoClient[dict[str, Any]]) -> Iterator[None]:
    """Let the test make databases with `database_at`, and drop them after it.

    Those that fixtures of wider scope have made before stay until the session ends.
    """
    made_before = len(_made)
    yield
    _drop(mongodb_client, made_before)


def _drop(client: MongoClient[dict[str, Any]], made_before: int) -> None:
    while len(_made) > made_before:
        client.drop_database(_made.pop())


@pytest.fixture
def mongodb_url(mongodb: None, tmp_path: Path) -> str:
    """Return the URL of a new database."""
    return database_at(tmp_path / "mongodb")


def database_at(path: Path) -> str:
    """Return the URL of the database that stands for `path`, a new one if there is none.

    Other processes are told by a file at that path.
    """
    if not path.exists():
        name = f"muniment-test-{uuid4().hex[:20]}"
        _made.append(name)
        path.write_text(urlsplit(server())._replace(path=f"/{name}").geturl())
    return path.read_text()


@cache
def server() -> str:
    """Return the URL of the server, started if need be; else skip the test that asks."""
    if given := os.environ.get(SETTING):
        return given
    try:
        if not shutil.which("mongod"):
            built("ferretdb")
    except LookupError as error:
        pytest.skip(f"no MongoDB: {SETTING} is not set, no `mongod` on the PATH, and {error}")
    return shared("mongodb", [__name__])


def is_ferretdb() -> bool:
    """Say whether the server is FerretDB over SQLite, which reads all for every search."""
    return not os.environ.get(SETTING) and shutil.which("mongod") is None


# -- run by the keeper of `shared` ---------------------------------------------------------------


def start(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server with its data in the new folder `data`; return it and its URL."""
    data.mkdir()
    mongod = shutil.which("mongod")
    return _start_ferretdb(data) if mongod is None else _start_mongod(mongod, data)


def _start_ferretdb(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    process = subprocess.Popen(
        [built("ferretdb"), "-folder", data], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    ready, _, url = process.stdout.readline().decode().strip().partition(" ")
    if ready != "ready":
        raise RuntimeError("FerretDB ended before it was ready.")
    return process, url


def _start_mongod(mongod: str, data: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(data), "--quiet"]
    process = subprocess.Popen([mongod, *options, "--unixSocketPrefix", str(data)])
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return process, f"mongodb://127.0.0.1:{port}/"
    process.kill()
    raise RuntimeError("mongod was not ready in time.")


if __name__ == "__main__":
    keep(Path(sys.argv[1]), start)
