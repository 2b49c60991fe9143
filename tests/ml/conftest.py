"""MLflow in this process, its runs in a SQLite file of this machine, the registry a real server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import muniment
from muniment.client.registry import Registry
from tests.client import servers

X = np.linspace(0, 1, 60).reshape(20, 3)
Y = (X[:, 0] > 0.5).astype(int)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of MLflow, and of what it brings along, are its own affair."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    started = servers.start(tmp_path_factory.mktemp("ml-registry") / "home")
    yield started
    started.end()


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One for all tests of a worker: making the tables takes MLflow seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/mlflow.db"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.setenv(variable, "")  # so that it is put back, whatever MLflow sets
        monkeypatch.delenv(variable)
    monkeypatch.setenv("MUNIMENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@dataclass
class Led:
    """MLflow, led to a tracking store and to a registry of ours."""

    mlflow: Any
    registry_uri: str

    @property
    def client(self) -> Any:
        return self.mlflow.MlflowClient()


@pytest.fixture
def lead(
    tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Led]]:
    """Leads MLflow to the registry at an address; both are forgotten at the end."""
    import mlflow

    def to(url: str) -> Led:
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"muniment+{url}")
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(f"muniment+{url}")
        experiment = mlflow.create_experiment(uuid.uuid4().hex, (tmp_path / "runs").as_uri())
        mlflow.set_experiment(experiment_id=experiment)
        return Led(mlflow, f"muniment+{url}")

    yield to
    mlflow.set_registry_uri(None)
    mlflow.set_tracking_uri(None)


@pytest.fixture
def led(lead: Callable[[str], Led], server: servers.Server) -> Led:
    return lead(server.url)


@pytest.fixture
def registry(server: servers.Server) -> Iterator[Registry]:
    with muniment.connect(server.url) as connected:
        yield connected


@pytest.fixture
def name() -> str:
    """A model that no other test knows: the server is shared."""
    return f"model-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def classifier() -> LogisticRegression:
    return LogisticRegression().fit(X, Y)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a large file that no registry has, as if it were a model."""
    made = tmp_path / "model"
    (made / "data").mkdir(parents=True)
    (made / "data" / "weights.bin").write_bytes(os.urandom(12 * 1024 * 1024))
    (made / "README").write_text("Nothing but weights.")
    return made


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[servers.Server]:
    """A server that no other test uses."""
    started = servers.start(tmp_path / "home")
    yield started
    started.end()
