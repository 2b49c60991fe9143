"""One server for all workers of a test run: the first to need it starts it, the last ends it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mlflow.servers import PATIENCE_S, Server, end


@contextmanager
def shared(
    name: str, start: Callable[[Path], Server], factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Yield the URL of a server that all workers of this run share.

    A file holds its URL and counts its users, under a lock. Who brings the count to zero ends
    the processes, whichever worker started them.
    """
    own = factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    state = common / f"{name}.json"
    server: Server | None = None
    with _locked(state):
        found = json.loads(state.read_text()) if state.exists() else {"users": 0, "starts": 0}
        if not found["users"]:
            found["starts"] += 1
            server = start(common / f"{name}-{found['starts']}")
            found |= {"url": server.url, "pid": server.process.pid}
        found["users"] += 1
        state.write_text(json.dumps(found))
    try:
        yield found["url"]
    finally:
        with _locked(state):
            found = json.loads(state.read_text())
            found["users"] -= 1
            state.write_text(json.dumps(found))
            if not found["users"]:
                end(found["pid"])
        if server is not None:  # it is a child of this worker, whoever ends it
            _wait_for(server)


def _wait_for(server: Server) -> None:
    """Wait until the last user has ended a server; end it if that user never comes to it."""
    try:
        server.process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.stop()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
