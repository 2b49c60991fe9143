"""Savers, register and loaders of MLflow: in a local store, on an MLflow server, on Muniment."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from muniment.client.registry import Registry
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.errors import (
    ConfigurationError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    Unreachable,
)
from muniment.ml import (
    BuiltinLoader,
    BuiltinSaver,
    CustomLoader,
    CustomSaver,
    MlflowRegister,
    infer_signature,
    uri_for_model_alias,
    uri_for_model_version,
)
from tests.client import servers
from tests.ml.estimators import Own
from tests.ml.models import Threshold, Wrapped, labels, rows
from tests.ml.test_flavors import (
    lightgbm_booster,
    onnx_model,
    sklearn_model,
    xgboost_classifier,
)
from tests.ml.test_trust import Canary
from tests.mlflow.servers import official

PINNED: dict[str, Any] = {"pip_requirements": ["scikit-learn"]}  # else MLflow looks for seconds
LOAD = """
import json, sys
from muniment.ml.loaders import LOADERS
from tests.ml.models import rows
out = {}
for kind, uri in (one.split("=", 1) for one in sys.argv[1:]):
    adapter = LOADERS.validate_python({"KIND": kind, "trust": kind == "CustomLoader"}).load(uri)
    found = adapter.predict(rows(5))
    out[uri] = found.risky.tolist() if hasattr(found, "risky") else found.tolist()
print(json.dumps(out))
"""


@pytest.fixture
def local(tracking_uri: str, tmp_path: Path) -> Iterator[Any]:
    """MLflow over a SQLite file, nothing else."""
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    yield mlflow
    mlflow.set_registry_uri(None)
    mlflow.set_tracking_uri(None)


def save_and_load_fresh(name: str, mlflow: Any) -> None:
    """Save a model of each kind, register them, load them in a fresh process: all is the same."""
    custom, booster = Threshold(2.5), xgboost_classifier()
    register = MlflowRegister(tags={"team": "risk"})
    saved = CustomSaver(options=PINNED).save(custom, infer_signature(rows(3)), rows(3))
    first = register.register(f"{name}-custom", saved.model_uri)
    saved = BuiltinSaver(flavor="xgboost", options=PINNED).save(booster, None, rows(3))
    second = register.register(f"{name}-builtin", saved.model_uri)
    assert dict(first.tags) == {"team": "risk"}
    mlflow.MlflowClient().set_registered_model_alias(f"{name}-custom", "champion", first.version)

    uris = {
        "CustomLoader": uri_for_model_alias(f"{name}-custom", "champion"),
        "BuiltinLoader": uri_for_model_version(f"{name}-builtin", int(second.version)),
    }
    led = {
        "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(),
        "MLFLOW_REGISTRY_URI": mlflow.get_registry_uri(),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, *map("=".join, uris.items())],
        env=os.environ | led,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        uris["CustomLoader"]: custom.predict(rows(5)).risky.tolist(),
        uris["BuiltinLoader"]: booster.predict(rows(5)).tolist(),
    }


def test_in_a_local_store(local: Any, name: str) -> None:
    save_and_load_fresh(name, local)


def test_on_a_server_of_mlflow(local: Any, name: str, tmp_path: Path) -> None:
    with official(tmp_path / "official") as server:
        local.set_tracking_uri(server.url)
        save_and_load_fresh(name, local)


def test_with_runs_elsewhere_and_models_on_muniment(
    local: Any, name: str, server: servers.Server, registry: Registry
) -> None:
    local.set_registry_uri(f"muniment+{server.url}")
    save_and_load_fresh(name, local)
    assert registry.version(f"{name}-custom/1").digest


def test_with_everything_on_muniment(
    local: Any, name: str, server: servers.Server, registry: Registry
) -> None:
    local.set_tracking_uri(server.url)
    save_and_load_fresh(name, local)
    assert registry.version(f"{name}-builtin/1").digest


# -- savers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavor", "make"),
    [
        ("sklearn", lambda: Wrapped(sklearn_model())),
        ("lightgbm", lightgbm_booster),
        ("onnx", onnx_model),
    ],
)
def test_a_builtin_flavor_by_name(flavor: str, make: Any, local: Any) -> None:
    example = rows(3).to_numpy(dtype="float32") if flavor == "onnx" else rows(3)
    model = make()
    saved = BuiltinSaver(flavor=flavor, options=PINNED).save(model, None, example)
    assert flavor in saved.flavors
    adapter = BuiltinLoader().load(saved.model_uri)  # all of them without code
    predicted = adapter.predict(example)
    if flavor == "onnx":
        assert predicted["label"].shape == (3,)
    else:
        np.testing.assert_array_equal(predicted, getattr(model, "inside", model).predict(example))


def test_a_signature_of_ours_becomes_one_of_mlflow(local: Any) -> None:
    said = Signature(
        inputs=(
            Variable("amount", VariableType.NUMERIC, "float32"),
            Variable("age", VariableType.NUMERIC, "int64", optional=True),
        ),
        outputs=(Variable("risky", VariableType.NUMERIC, "bool"),),
    )
    example = rows(3).astype({"amount": "float32"})
    saved = CustomSaver(options=PINNED).save(Threshold(1.0), said, example)
    columns = saved.signature.inputs.to_dict()
    assert [(c["name"], c["type"], c["required"]) for c in columns] == [
        ("amount", "float", True),
        ("age", "long", False),
    ]
    assert saved.signature.outputs.to_dict()[0]["type"] == "boolean"


def test_a_signature_of_mlflow_is_kept(local: Any) -> None:
    said = local.models.infer_signature(rows(3), Threshold(1.0).predict(rows(3)))
    saved = CustomSaver(options=PINNED).save(Threshold(1.0), said, rows(3))
    assert saved.signature == said
    with pytest.raises(InvalidInput, match="The input 'age' is missing"):
        CustomSaver(options=PINNED).save(Threshold(1.0), said, rows(3)[["amount"]])


@pytest.mark.parametrize(
    ("saver", "model", "signature", "example", "said"),
    [
        (CustomSaver(), object(), None, None, r"has no predict\(inputs\)"),
        (CustomSaver(), Threshold(1.0), None, pd.DataFrame({"x": [1]}), "KeyError: 'amount'"),
        (CustomSaver(), Threshold(1.0), infer_signature([1.0]), rows(2), "input"),
        (CustomSaver(options={"speed": 1}), Threshold(1.0), None, None, "no option 'speed'"),
        (CustomSaver(options={"name": "x"}), Threshold(1.0), None, None, "no option 'name'"),
        (BuiltinSaver(flavor="cobol"), Threshold(1.0), None, None, "no flavor 'cobol'"),
        (BuiltinSaver(flavor="tracking"), Threshold(1.0), None, None, "no flavor 'tracking'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_logged(
    saver: Any, model: Any, signature: Any, example: Any, said: str, local: Any, name: str
) -> None:
    experiment = local.set_experiment(name).experiment_id
    with pytest.raises(InvalidInput, match=said):
        saver.save(model, signature, example)
    assert local.search_logged_models([experiment], output_format="list") == []


def test_a_flavor_whose_library_is_not_here_says_so(local: Any) -> None:
    with pytest.raises(ConfigurationError, match="catboost"):
        BuiltinSaver(flavor="catboost").save(Threshold(1.0))


@pytest.mark.parametrize("flavor", ["sklearn", "xgboost", "onnx"])
def test_a_model_that_a_flavor_can_not_write_is_refused(flavor: str, local: Any) -> None:
    with pytest.raises(InvalidInput, match=f"mlflow.{flavor} can't write this model"):
        BuiltinSaver(flavor=flavor, options=PINNED).save(Threshold(1.0))


# -- loaders ---------------------------------------------------------------------------------------


def test_a_custom_model_is_its_writers_code_and_needs_trust(local: Any) -> None:
    saved = CustomSaver(options=PINNED).save(Threshold(2.5), None, rows(3))
    with pytest.raises(PermissionDenied, match=r"python_model\.pkl"):
        CustomLoader().load(saved.model_uri)
    with pytest.raises(InvalidInput, match="Use CustomLoader"):
        BuiltinLoader(trust=True).load(saved.model_uri)
    adapter = CustomLoader(trust=True).load(saved.model_uri)
    assert adapter.predict(rows(2)).risky.tolist() == [False, True]
    with pytest.raises(InvalidInput, match=r"'age', row 1 is 'old', not a number"):
        adapter.predict(pd.DataFrame({"amount": [1.0, 2.0], "age": [1, "old"]}))


def test_the_custom_loader_does_not_take_a_builtin_flavor(local: Any) -> None:
    saved = BuiltinSaver(flavor="lightgbm", options=PINNED).save(lightgbm_booster())
    with pytest.raises(InvalidInput, match="Use BuiltinLoader"):
        CustomLoader(trust=True).load(saved.model_uri)


def test_a_pickle_in_a_folder_of_what_claims_to_be_skops_is_not_read(
    local: Any, tmp_path: Path
) -> None:
    nest = tmp_path / "canary-was-here"
    folder = tmp_path / "model"
    local.sklearn.save_model(sklearn_model(), folder, pip_requirements=[])
    described = yaml.safe_load((folder / "MLmodel").read_text())
    assert described["flavors"]["sklearn"]["serialization_format"] == "skops"
    BuiltinLoader().load(str(folder))

    described["flavors"]["python_function"]["data"] = "sub/model.skops"
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    (folder / "sub").mkdir()
    (folder / "sub" / "model.skops").write_bytes(pickle.dumps(Canary(nest)))
    with pytest.raises(PermissionDenied):
        BuiltinLoader().load(str(folder))
    assert not nest.exists()
    with pytest.raises(Exception, match=r"NoneType|predict"):
        BuiltinLoader(trust=True).load(str(folder)).predict(rows(2))
    assert nest.exists(), "MLflow reads such a file as a pickle"


def test_a_pickled_estimator_is_scanned(local: Any) -> None:
    options = PINNED | {"serialization_format": "cloudpickle"}
    saved = BuiltinSaver(flavor="sklearn", options=options).save(sklearn_model(), None, rows(3))
    assert BuiltinLoader().load(saved.model_uri).predict(rows(3)).shape == (3,)


def test_a_pickled_estimator_of_a_project_needs_trust(local: Any) -> None:
    options = PINNED | {"serialization_format": "cloudpickle"}
    own = Own(max_iter=500).fit(rows(), labels())
    saved = BuiltinSaver(flavor="sklearn", options=options).save(own, None, rows(3))
    with pytest.raises(PermissionDenied, match=r"model\.pkl"):
        BuiltinLoader().load(saved.model_uri)
    assert BuiltinLoader(trust=True).load(saved.model_uri).predict(rows(3)).shape == (3,)


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("models:/no-such-model/1", NotFound),
        ("models:/no-such-model@champion", NotFound),
        ("runs:/0123456789abcdef0123456789abcdef/model", NotFound),
        ("/nowhere/at/all", NotFound),
        ("models:/", InvalidInput),
        ("models:/a/b/c", InvalidInput),
        ("runs:/", InvalidInput),
        ("", InvalidInput),
    ],
)
def test_an_address_that_leads_nowhere(
    uri: str, error: type[Exception], local: Any, name: str
) -> None:
    for act in (BuiltinLoader().load, lambda uri: MlflowRegister().register(name, uri)):
        with pytest.raises(error):
            act(uri)
    assert not local.MlflowClient().search_registered_models(f"name='{name}'")


def test_nobody_answers(local: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    local.set_registry_uri("http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        BuiltinLoader().load("models:/fraud/1")
    local.sklearn.save_model(sklearn_model(), tmp_path / "model", pip_requirements=[])
    with pytest.raises(Unreachable):
        MlflowRegister().register("fraud", str(tmp_path / "model"))


# -- register --------------------------------------------------------------------------------------


def test_a_folder_is_no_model_just_because_it_is_there(
    local: Any, name: str, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="MLmodel"):
        MlflowRegister().register(name, str(tmp_path))
    assert not local.MlflowClient().search_registered_models(f"name='{name}'")


def test_a_name_that_is_none_is_refused(local: Any) -> None:
    with pytest.raises(InvalidInput, match="can't be a model name"):
        MlflowRegister().register("a/b", "models:/fraud/1")


def test_a_registration_that_fails_leaves_no_name_behind(
    local: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    local.sklearn.save_model(sklearn_model(), tmp_path / "model", pip_requirements=[])

    def fail(*_: Any, **__: Any) -> None:
        raise MlflowException("The disk is full.")

    monkeypatch.setattr(MlflowClient, "_create_model_version", fail)
    with pytest.raises(Exception, match="disk is full"):
        MlflowRegister().register(name, str(tmp_path / "model"))
    assert not local.MlflowClient().search_registered_models(f"name='{name}'")
