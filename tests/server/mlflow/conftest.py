from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.mlflow.people import Team, team
from tests.server.mlflow.registry import Registry


@pytest.fixture
def registry(client: httpx.Client) -> Registry:
    """MLflow's protocol at a new, empty server."""
    return Registry(client, {})


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Team]:
    """Three people at a new server, and a model with three versions."""
    with team(tmp_path / "home") as served:
        yield served


@pytest.fixture(scope="module")
def bystanders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The same, for all tests of a module that change nothing."""
    with team(tmp_path_factory.mktemp("shared") / "home") as served:
        yield served
