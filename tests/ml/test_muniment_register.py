"""A MunimentRegister turns a saved folder into a sealed version; a MunimentLoader loads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muniment.client.registry import Registry
from muniment.errors import (
    Corrupt,
    InvalidInput,
    NotFound,
    NotImplementedHere,
    NotReady,
    Unreachable,
)
from muniment.ml import MunimentLoader, MunimentRegister, MunimentSaver, infer_signature
from muniment.ml.savers import SavedModel
from tests.client import servers
from tests.ml.models import rows

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def saved(tmp_path: Path) -> SavedModel:
    return MunimentSaver(path=str(tmp_path / "saved")).save({"limit": 2.5})


def booster(tmp_path: Path) -> SavedModel:
    import xgboost

    data = xgboost.DMatrix(rows(), label=rows().age)
    model = xgboost.train({"max_depth": 3}, data, 3)
    return MunimentSaver(path=str(tmp_path / "booster")).save(model, None, rows(4))


def test_each_file_is_pushed_and_the_version_knows_tags_and_signature(
    server: servers.Server, registry: Registry, name: str, tmp_path: Path
) -> None:
    saved = booster(tmp_path)
    (saved.folder / "README.md").write_text("What else lies there comes along.")
    register = MunimentRegister(registry=server.url, tags={"team": "risk"})

    version = register.register(name, saved.model_uri)

    assert version.ref == f"{name}/1"
    assert {file.path for file in registry.manifest(version).files} == {
        "README.md",
        "input_example.json",
        "model.ubj",
        "muniment.json",
    }
    assert dict(version.tags) == {"team": "risk"}
    assert version.framework == "xgboost"
    assert version.signature == saved.signature
    assert register.register(name, str(saved.folder)).version == 2


def test_it_works_in_a_folder_without_a_server(saved: SavedModel, tmp_path: Path) -> None:
    home = str(tmp_path / "registry")
    MunimentRegister(registry=home).register("limits", saved.model_uri)
    assert MunimentLoader(registry=home).load("limits").model == {"limit": 2.5}


def test_the_environment_says_where_the_registry_is(
    saved: SavedModel, server: servers.Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", server.url)
    MunimentRegister().register(name, saved.model_uri)
    assert MunimentLoader().load(f"models:/{name}/1").model == {"limit": 2.5}


@pytest.mark.parametrize(
    ("name", "uri", "error", "said"),
    [
        ("fraud", "nowhere", NotFound, "Save one there"),
        ("fraud", "file:///nowhere", NotFound, "Save one there"),
        ("fraud", "models:/other/1", InvalidInput, "no folder that a MunimentSaver made"),
        ("fraud", "s3://bucket/model", InvalidInput, "no folder"),
        ("fraud", "", InvalidInput, "not the address of a model"),
        ("fr/aud", "saved", InvalidInput, "can't be a model name"),
        ("", "saved", InvalidInput, "must not be empty"),
    ],
)
def test_what_is_no_saved_model_or_no_name_is_refused_before_any_registry_is_asked(
    name: str, uri: str, error: type[Exception], said: str, saved: SavedModel
) -> None:
    with pytest.raises(error, match=said):
        MunimentRegister(registry=NOBODY).register(name, uri)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "model.json").unlink(), "lacks 'model.json'"),
        (lambda folder: (folder / "muniment.json").write_text("{"), "can't be read"),
        (lambda folder: change(folder, files=["../x"]), "can't be read"),
        (lambda folder: change(folder, files=[]), "names no files"),
        (lambda folder: change(folder, environment=None), "can't be read"),
        (lambda folder: change(folder, flavor=7), "should be text"),
    ],
)
def test_a_damaged_folder_is_not_registered(damage: Any, said: str, saved: SavedModel) -> None:
    damage(saved.folder)
    with pytest.raises(Corrupt, match=said):
        MunimentRegister(registry=NOBODY).register("fraud", saved.model_uri)


def change(folder: Path, **fields: Any) -> None:
    """Write other values into the descriptor of a saved model."""
    file = folder / "muniment.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_nobody_answers(saved: SavedModel) -> None:
    with pytest.raises(Unreachable):
        MunimentRegister(registry=NOBODY).register("fraud", saved.model_uri)
    with pytest.raises(Unreachable):
        MunimentLoader(registry=NOBODY).load("models:/fraud/1")


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("models:/no-such-model/1", NotFound),
        ("models:/no-such-model@champion", NotFound),
        ("no-such-model", NotFound),
        ("/nowhere", NotFound),
        ("file:///nowhere", NotFound),
        ("models:/", InvalidInput),
        ("", InvalidInput),
        ("runs:/0123/model", InvalidInput),
        ("s3://bucket/model", InvalidInput),
    ],
)
def test_an_address_that_leads_nowhere(
    uri: str, error: type[Exception], server: servers.Server
) -> None:
    with pytest.raises(error):
        MunimentLoader(registry=server.url).load(uri)


def test_an_alias_and_a_stage_lead_to_a_version(
    saved: SavedModel, server: servers.Server, registry: Registry, name: str
) -> None:
    MunimentRegister(registry=server.url).register(name, saved.model_uri)
    registry.set_alias(f"{name}/1", "champion")
    registry.version(name).move_to_stage("Staging")
    loader = MunimentLoader(registry=server.url)
    for uri in (f"models:/{name}@champion", f"models:/{name}/Staging", f"{name}@champion", name):
        assert loader.load(uri).model == {"limit": 2.5}


def test_predictions_are_checked_on_the_way_in_and_on_the_way_out(
    server: servers.Server, registry: Registry, name: str, tmp_path: Path
) -> None:
    MunimentRegister(registry=server.url).register(name, booster(tmp_path).model_uri)
    adapter = MunimentLoader(registry=server.url).load(f"models:/{name}/1")
    assert adapter.predict(rows(4)).shape == (4,)
    assert adapter.predict(rows(4)[["age", "amount"]]).shape == (4,)
    assert adapter.input_example.equals(rows(4))
    with pytest.raises(InvalidInput, match=r"The input 'age', row 1 is 'old', not a number"):
        adapter.predict({"amount": [1.0, 2.0], "age": [1, "old"]})

    registry.update_version(f"{name}/1", signature=infer_signature(rows(4), np.array(["x"])))
    adapter = MunimentLoader(registry=server.url).load(f"models:/{name}/1")
    with pytest.raises(InvalidInput, match=r"The output 'output', row 0 is .*, not text"):
        adapter.predict(rows(4))


def test_what_was_pushed_without_a_saver_is_loaded_too(
    server: servers.Server, registry: Registry, name: str
) -> None:
    registry.push(name, np.arange(3.0))
    adapter = MunimentLoader(registry=server.url).load(f"models:/{name}/1")
    assert adapter.model.tolist() == [0, 1, 2]
    with pytest.raises(InvalidInput, match="can't predict by itself"):
        adapter.predict([1])


def test_the_client_says_who_loads_what_a_saver_saved(
    saved: SavedModel, server: servers.Server, registry: Registry, name: str
) -> None:
    MunimentRegister(registry=server.url).register(name, saved.model_uri)
    with pytest.raises(NotImplementedHere, match=r"muniment\.ml\.MunimentLoader"):
        registry.load(f"{name}/1")


def test_a_version_without_files_can_not_be_loaded(
    server: servers.Server, registry: Registry, name: str
) -> None:
    registry.push(name, source_uri="s3://elsewhere/model")
    with pytest.raises(NotReady):
        MunimentLoader(registry=server.url).load(f"models:/{name}/1")


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"flavor": "cobol"}, InvalidInput, "not known here"),
        ({"schema": "muniment.model/9"}, NotImplementedHere, "not known"),
        ({"flavor": "xgboost", "details": {"class": "os.system"}}, Corrupt, "no class 'os.system'"),
        ({"flavor": "safetensors"}, Corrupt, "can't be read as safetensors"),
    ],
)
def test_a_descriptor_can_only_choose_what_is_known(
    fields: dict[str, Any], error: type[Exception], said: str, saved: SavedModel
) -> None:
    change(saved.folder, **fields)
    with pytest.raises(error, match=said):
        MunimentLoader().load(saved.model_uri)


def test_a_second_load_reads_the_same_folder_of_the_cache(
    server: servers.Server, name: str, tmp_path: Path
) -> None:
    MunimentRegister(registry=server.url).register(name, booster(tmp_path).model_uri)
    loader = MunimentLoader(registry=server.url)
    first = loader.load(f"models:/{name}/1")
    second = loader.load(f"models:/{name}/1")
    assert first.folder == second.folder
    assert first.predict(rows(4)).tolist() == second.predict(rows(4)).tolist()


def test_without_mlflow_nothing_of_it_is_imported(saved: SavedModel) -> None:
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from muniment.ml import MunimentLoader, MunimentRegister, MunimentSaver\n"
        "MunimentSaver(path='again').save([1])\n"
        "MunimentRegister(registry='registry').register('again', 'again')\n"
        "assert MunimentLoader(registry='registry').load('again').model == [1]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_importing_muniment_ml_is_light() -> None:
    code = (
        "import sys, muniment.ml\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'mlflow', 'pydantic', 'httpx'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
