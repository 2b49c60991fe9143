"""Registering through the plugin: the bytes go up, and the version is sealed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from muniment.client.registry import Registry
from muniment.domain.entities import VariableType
from tests.client import servers
from tests.ml.conftest import Led, X

LOAD = """
import sys, mlflow, numpy
mlflow.set_registry_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
print(model.predict(numpy.load(sys.argv[3])).tolist())
"""


def log(led: Led, classifier: LogisticRegression, name: str | None = None) -> Any:
    """Log a model in a run, with params, metrics and a signature."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    with led.mlflow.start_run() as run:
        led.mlflow.log_params({"C": 1.0, "solver": "lbfgs"})
        led.mlflow.log_metrics({"auc": 0.93, "loss": float("nan")})
        mlflow.sklearn.log_model(
            classifier,
            name="model",
            registered_model_name=name,
            signature=infer_signature(X, classifier.predict(X)),
        )
    return run


def test_a_logged_model_becomes_a_sealed_version_that_knows_its_run(
    led: Led, registry: Registry, classifier: LogisticRegression, name: str
) -> None:
    run = log(led, classifier, name)

    version = registry.version(f"{name}/1")
    assert {"MLmodel", "conda.yaml"} <= {file.path for file in version.manifest().files}
    assert version.verify().ok
    assert version.run_id == run.info.run_id
    assert version.source_uri.startswith("models:/m-")
    assert dict(version.params) == {"C": "1.0", "solver": "lbfgs"}
    assert dict(version.metrics) == {"auc": 0.93}  # what is no number is left out
    assert version.framework == "sklearn"
    assert version.signature is not None
    assert [v.type for v in version.signature.inputs] == [VariableType.NUMERIC]

    entity = led.client.get_model_version(name, "1")
    assert (entity.status, entity.run_id) == ("READY", run.info.run_id)
    assert entity.source == version.source_uri


def test_what_the_run_came_from_becomes_the_version_s_lineage(
    led: Led, registry: Registry, classifier: LogisticRegression, name: str
) -> None:
    import mlflow.sklearn

    data = led.mlflow.data.from_numpy(X, name="bookings", source="s3://lake/bookings.npy")
    held_out = led.mlflow.data.from_numpy(X[:3], name="held out")
    with led.mlflow.start_run(tags={"mlflow.source.git.commit": "a" * 40}) as run:
        led.mlflow.log_input(data, context="training")
        led.mlflow.log_input(held_out, context="validation")
        mlflow.sklearn.log_model(classifier, name="model", registered_model_name=name)

    edges = {
        (edge.relation.value, edge.node.kind.value): edge
        for edge in registry.backend.lineage.edges(name, 1)
    }
    assert set(edges) == {
        ("produced_by", "run"),
        ("part_of", "experiment"),
        ("built_from", "commit"),
        ("trained_on", "dataset"),
        ("evaluated_on", "dataset"),
    }
    used = edges["trained_on", "dataset"]
    assert (used.node.name, used.node.digest) == ("bookings", data.digest)
    assert used.node.uri == "s3://lake/bookings.npy"
    assert used.source == "mlflow"
    assert edges["part_of", "experiment"].node.id.startswith(f"{run.info.experiment_id}@")


def test_it_predicts_the_same_in_a_fresh_process(
    led: Led, classifier: LogisticRegression, name: str, tmp_path: Path
) -> None:
    log(led, classifier, name)
    led.client.set_registered_model_alias(name, "champion", "1")
    np.save(tmp_path / "x.npy", X)

    loaded = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c", LOAD),
            *(led.registry_uri, f"models:/{name}@champion", str(tmp_path / "x.npy")),
        ],
        capture_output=True,
        text=True,
    )

    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.splitlines()[-1] == str(classifier.predict(X).tolist())


def test_a_stock_client_reads_what_the_plugin_has_sealed(
    led: Led, server: servers.Server, classifier: LogisticRegression, name: str
) -> None:
    log(led, classifier, name)
    led.mlflow.set_registry_uri(server.url)
    led.mlflow.set_tracking_uri(server.url)
    loaded = led.mlflow.pyfunc.load_model(f"models:/{name}/1")
    assert loaded.predict(X).tolist() == classifier.predict(X).tolist()


def test_every_kind_of_source_is_found_by_the_client(
    led: Led, registry: Registry, classifier: LogisticRegression, name: str
) -> None:
    run = log(led, classifier)
    model_id = led.client.get_run(run.info.run_id).outputs.model_outputs[0].model_id
    path = led.client.get_logged_model(model_id).artifact_location
    led.client.create_registered_model(name)
    for source in (f"runs:/{run.info.run_id}/model", f"models:/{model_id}", path):
        led.client.create_model_version(name, source, run.info.run_id)
    led.mlflow.register_model(f"models:/{model_id}", name)
    versions = registry.versions(model=name).all()
    assert len(versions) == 4
    assert [registry.diff(versions[0], version).files for version in versions] == [()] * 4
    assert {version.run_id for version in versions} == {run.info.run_id}


def test_a_local_folder_is_sent_from_where_it_stands(
    led: Led, registry: Registry, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    led.client.create_registered_model(name)
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "there-is-no-such-folder"))
    version = led.client.create_model_version(
        name, str(folder), tags={"team": "risk"}, run_link="https://runs/1", description="Large."
    )
    found = registry.version(f"{name}/{version.version}")
    assert found.size == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert (dict(found.tags), found.run_link) == ({"team": "risk"}, "https://runs/1")
    assert version.description == found.description == "Large."


def test_files_that_are_there_already_are_not_sent_again(
    lead: Callable[[str], Led], server: servers.Server, folder: Path, name: str
) -> None:
    wire = servers.Wire(server.port)
    with wire.listening() as url:
        led = lead(url)
        led.client.create_registered_model(name)
        led.client.create_model_version(name, str(folder))
        sent = wire.up
        (folder / "README").write_text("The same weights.")
        led.client.create_model_version(name, str(folder))
    assert sent > 12 * 1024 * 1024
    assert wire.up - sent < 100_000


def test_an_upload_that_breaks_off_goes_on_where_it_stopped(
    lead: Callable[[str], Led], own_server: servers.Server, folder: Path, name: str
) -> None:
    wire = servers.Wire(own_server.port)
    with wire.listening() as url:
        led = lead(url)
        led.client.create_registered_model(name)
        wire.cut_up = [8 * 1024 * 1024]
        version = led.client.create_model_version(name, str(folder))
    assert not wire.cut_up
    assert version.status == "READY"
    assert wire.up < 16 * 1024 * 1024  # of 12 MiB: not twice


def test_a_second_load_transfers_nothing(
    lead: Callable[[str], Led], server: servers.Server, folder: Path, name: str
) -> None:
    wire = servers.Wire(server.port)
    with wire.listening() as url:
        led = lead(url)
        led.client.create_registered_model(name)
        led.client.create_model_version(name, str(folder))
        first = Path(led.mlflow.artifacts.download_artifacts(f"models:/{name}/1"))
        came = wire.down
        second = Path(led.mlflow.artifacts.download_artifacts(f"models:/{name}/1"))
    assert came > 12 * 1024 * 1024
    assert wire.down - came < 100_000
    weights = Path("data", "weights.bin")
    assert (second / weights).samefile(first / weights)
    assert (second / weights).read_bytes() == (folder / weights).read_bytes()


def test_a_copy_of_a_version_moves_no_bytes(
    lead: Callable[[str], Led], server: servers.Server, registry: Registry, folder: Path, name: str
) -> None:
    wire = servers.Wire(server.port)
    with wire.listening() as url:
        led = lead(url)
        led.client.create_registered_model(name)
        led.client.create_model_version(name, str(folder))
        led.client.set_registered_model_alias(name, "best", "1")
        moved = wire.up + wire.down
        copy = led.client.copy_model_version(f"models:/{name}@best", f"{name}-2")
        assert wire.up + wire.down - moved < 100_000
    assert copy.source == f"models:/{name}/1"
    assert registry.version(f"{name}-2/1").digest == registry.version(f"{name}/1").digest


def test_a_copy_of_a_pointer_holds_the_bytes_that_it_points_at(
    led: Led, registry: Registry, folder: Path, name: str
) -> None:
    registry.push(name, source_uri=folder.as_uri())
    led.client.copy_model_version(f"models:/{name}/1", f"{name}-2")
    assert registry.version(f"{name}-2/1").file_count == 2
    assert registry.version(f"{name}-2/1").source_uri == f"models:/{name}/1"


def test_a_source_that_mlflow_cannot_read_stays_a_pointer(
    led: Led, registry: Registry, name: str
) -> None:
    led.client.create_registered_model(name)
    led.client.create_model_version(name, "elsewhere://shelf/7")
    assert registry.version(f"{name}/1").digest is None
    assert led.client.get_model_version_download_uri(name, "1") == "elsewhere://shelf/7"


def test_prompts_go_the_plain_way(led: Led, registry: Registry, name: str) -> None:
    led.mlflow.genai.register_prompt(name=name, template="Hello {{who}}")
    assert registry.version(f"{name}/1").digest is None
    assert led.mlflow.genai.load_prompt(f"prompts:/{name}/1").template == "Hello {{who}}"


def test_nothing_is_registered_under_a_name_that_is_not_there(
    led: Led, folder: Path, name: str
) -> None:
    with pytest.raises(led.mlflow.MlflowException) as refused:
        led.client.create_model_version(name, str(folder))
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_folder_that_is_not_there_is_refused(led: Led, name: str, tmp_path: Path) -> None:
    led.client.create_registered_model(name)
    with pytest.raises(led.mlflow.MlflowException) as refused:
        led.client.create_model_version(name, str(tmp_path / "missing"))
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_password_in_the_address_is_refused(led: Led) -> None:
    client = led.mlflow.MlflowClient(registry_uri="muniment+http://ada:secret@127.0.0.1:1")
    with pytest.raises(led.mlflow.MlflowException, match="holds no user") as refused:
        client.get_registered_model("fraud")
    assert "secret" not in str(refused.value)


def test_every_call_of_mlflow_says_which_job_makes_it(
    led: Led,
    registry: Registry,
    classifier: LogisticRegression,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log(led, classifier, name)
    monkeypatch.setenv("MUNIMENT_CONSUMER", "nightly-scoring")
    led.client.set_registered_model_alias(name, "champion", "1")
    led.client.get_model_version_by_alias(name, "champion")
    deadline = time.monotonic() + 60  # the server writes what it has observed now and then
    while not (uses := registry.consumers(name)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "nightly-scoring" in {use.consumer for use in uses}
