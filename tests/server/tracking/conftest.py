"""Servers that keep runs, in processes of their own: MLflow, once loaded, stays in a process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from muniment.server.settings import Settings
from tests.security.conftest import World

SERVE = """
import sys
from muniment.server.run import serve
from muniment.server.settings import Settings
sys.exit(serve(Settings.model_validate_json(sys.argv[1])))
"""
PATIENCE = 120.0  # seconds: the first request imports MLflow, and the machine may be busy


@contextmanager
def started(home: Path, **settings: object) -> Iterator[str]:
    """Serve `home`; yield the URL."""
    told = Settings.model_validate({"home": home, "port": 0, **settings})
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, told.model_dump_json(exclude_unset=True)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://[\w.:]+", process.stdout.readline())
        assert found is not None, "it ended before it was ready"
        yield found[0]
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


@dataclass
class Tracked:
    """A server with users and runs."""

    url: str
    home: Path
    world: World

    def client(self, who: str | None) -> httpx.Client:
        """Return a client that `who` has signed in with."""
        return httpx.Client(
            base_url=self.url, headers=self.world.headers(who), timeout=PATIENCE, trust_env=False
        )


@pytest.fixture(scope="session")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    home = tmp_path_factory.mktemp("tracked") / "home"
    world = World.made_in(home)
    with started(home) as url:
        yield Tracked(url, home, world)
    world.ports.close()


@pytest.fixture
def tracker(tracked: Tracked) -> Iterator[httpx.Client]:
    """Somebody who logs runs, and may do nothing else."""
    with tracked.client("tracker") as client:
        yield client


@pytest.fixture
def run(tracker: httpx.Client) -> dict[str, str]:
    """A run that has just begun: what MLflow says of it."""
    made = tracker.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    assert made.status_code == 200, made.text
    info: dict[str, str] = made.json()["run"]["info"]
    return info


@pytest.fixture
def python() -> Callable[..., str]:
    """Run a program in a process of its own; return what it prints."""

    def call(program: str, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **variables},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4_000:]
        return done.stdout

    return call
