"""The calls with which MLflow's registry was first proposed, without MLflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import muniment
from muniment.errors import NotFound
from muniment.ml import registry as proposed
from tests.client import servers

CAMPAIGN = "EmailMarketingCampaign"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = str(tmp_path / "registry")
    with muniment.connect(address) as registry:
        for weights in (b"one", b"two", b"three"):
            registry.push(CAMPAIGN, weights)
        registry.move_to_stage(f"{CAMPAIGN}/2", "Production", comment="Reduces error rate by 3.2%.")
    monkeypatch.setenv("MUNIMENT_REGISTRY", address)
    return address


def test_a_version_is_found_by_its_number(home: str) -> None:
    version = proposed.get_model_version(registered_model=CAMPAIGN, version=2)
    assert (version.registered_model.name, version.version) == (CAMPAIGN, 2)
    assert version.stage == "Production"
    assert version.read("model.bin") == b"two"


def test_the_newest_version_of_a_stage_is_found(home: str) -> None:
    none = proposed.get_latest_version(registered_model=CAMPAIGN, stage="None")
    production = proposed.get_latest_version(registered_model=CAMPAIGN, stage="Production")
    assert (none.version, production.version) == (3, 2)
    assert proposed.get_latest_version(registered_model=CAMPAIGN).version == 3


def test_a_version_tells_what_was_done_to_it(home: str) -> None:
    version = proposed.get_model_version(registered_model=CAMPAIGN, version=2)
    assert [activity.kind for activity in version.activities] == [
        "version.created",
        "stage.changed",
    ]
    assert version.activities[-1].comment == "Reduces error rate by 3.2%."


def test_what_is_not_there_is_not_found(home: str) -> None:
    with pytest.raises(NotFound):
        proposed.get_model_version(registered_model=CAMPAIGN, version=12)
    with pytest.raises(NotFound):
        proposed.get_latest_version(registered_model=CAMPAIGN, stage="Staging")


def test_the_registry_may_be_named_as_mlflow_names_it(
    server: servers.Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with muniment.connect(server.url) as registry:
        registry.push(name, b"weights")
    monkeypatch.delenv("MUNIMENT_REGISTRY", raising=False)
    uri = f"muniment+{server.url}"
    assert proposed.get_latest_version(registered_model=name, registry=uri).version == 1
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    assert proposed.get_latest_version(registered_model=name).version == 1


@pytest.mark.parametrize("module", ["muniment.ml", "muniment.ml.registry", "muniment.ml.doctor"])
def test_no_mlflow_is_imported(module: str) -> None:
    script = f"import sys, {module}; print('mlflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.stdout == "False\n", run.stderr
