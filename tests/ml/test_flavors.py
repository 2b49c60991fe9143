"""Each flavor: saved, registered, loaded in a fresh process, and the predictions are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import muniment
from muniment.ml.flavors import FLAVORS
from muniment.ml.registers import MunimentRegister
from muniment.ml.savers import MunimentSaver
from tests.client import servers
from tests.ml.models import Threshold, Wrapped, labels, rows

LOAD = """
import json, sys
from muniment.ml.loaders import MunimentLoader

loader = MunimentLoader(registry=sys.argv[1], trust=True)
found = {}
for name in sys.argv[2:]:
    adapter = loader.load(f"models:/{name}/1")
    if adapter.input_example is None:
        found[name] = adapter.model
        continue
    outputs = adapter.predict(adapter.input_example)
    found[name] = outputs
def plain(value):
    return value.to_dict(orient="list") if hasattr(value, "to_dict") else value.tolist()
print(json.dumps(found, default=plain))
"""


def sklearn_model() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows(), labels())


def xgboost_booster() -> Any:
    import xgboost

    data = xgboost.DMatrix(rows(), label=labels())
    return xgboost.train({"objective": "binary:logistic", "max_depth": 3}, data, 5)


def xgboost_classifier() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=5, max_depth=3).fit(rows(), labels() + (rows().age > 12))


def xgboost_that_reads_a_number_as_missing() -> Any:
    from xgboost import XGBRegressor

    return XGBRegressor(n_estimators=5, max_depth=3, missing=3).fit(rows(), rows().amount)


def lightgbm_booster() -> Any:
    import lightgbm

    data = lightgbm.Dataset(rows(), label=labels())
    return lightgbm.train({"objective": "binary", "verbose": -1}, data, 5)


def lightgbm_classifier() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=5, verbose=-1).fit(
        rows(), np.where(labels() == 1, "risky", "fine")
    )


def lightgbm_of_three_classes() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=5, verbose=-1).fit(rows(), labels() + 2 * (rows().age > 9))


def lightgbm_regressor() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=5, verbose=-1).fit(rows(), rows().amount)


def onnx_model() -> Any:
    from skl2onnx import to_onnx

    values = rows().to_numpy(dtype="float32")
    model = sklearn_model()
    return to_onnx(model, values, options={"zipmap": False})


def tensors() -> Any:
    return {"weights": np.arange(6.0).reshape(2, 3).T, "bias": np.ones(3, dtype="float32")}


MODELS: dict[str, tuple[str, Callable[[], Any], Any]] = {
    "sklearn": ("sklearn", sklearn_model, rows(5)),
    "sklearn-inside": ("sklearn", lambda: Wrapped(sklearn_model()), rows(5)),
    "xgboost-booster": ("xgboost", xgboost_booster, rows(5)),
    "xgboost-classifier": ("xgboost", xgboost_classifier, rows(20)),
    "xgboost-missing": ("xgboost", xgboost_that_reads_a_number_as_missing, rows(20)),
    "lightgbm-booster": ("lightgbm", lightgbm_booster, rows(5)),
    "lightgbm-classifier": ("lightgbm", lightgbm_classifier, rows(20)),
    "lightgbm-three": ("lightgbm", lightgbm_of_three_classes, rows(20)),
    "lightgbm-regressor": ("lightgbm", lightgbm_regressor, rows(20)),
    "onnx": ("onnx", onnx_model, rows(5)),
    "onnx-array": ("onnx", onnx_model, rows(5).to_numpy()),
    "safetensors": ("safetensors", tensors, None),
    "json": ("json", lambda: {"limits": [1, 2.5, "high", None, True]}, None),
    "pickle": ("pickle", lambda: Threshold(2.5), rows(5)),
    "joblib": ("joblib", lambda: Threshold(2.5), rows(5)),
}
"""By name: the flavor, what makes the model, its input example."""


@pytest.fixture(scope="module")
def registered(server: servers.Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All of them in the registry, as versions 1 of models of their names."""
    folder = tmp_path_factory.mktemp("saved")
    register = MunimentRegister(registry=server.url)
    models = {}
    for name, (flavor, make, example) in MODELS.items():
        models[name] = make()
        saver = MunimentSaver(
            path=str(folder / name), flavor="joblib" if name == "joblib" else "auto"
        )
        info = saver.save(models[name], input_example=example)
        assert info.descriptor.flavor == flavor
        register.register(f"flavor-{name}", info.model_uri)
    return models


@pytest.fixture(scope="module")
def reloaded(registered: dict[str, Any], server: servers.Server) -> dict[str, Any]:
    """What a fresh process makes of their examples, or the models without predictions."""
    names = [f"flavor-{name}" for name in registered]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, server.url, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: json.loads(done.stdout)[f"flavor-{name}"] for name in registered}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_predicts_in_a_fresh_process_what_it_predicts_here(
    name: str, registered: dict[str, Any], reloaded: dict[str, Any]
) -> None:
    flavor, _, example = MODELS[name]
    model = registered[name]
    if example is None:
        expected = model
    else:
        model = getattr(model, "inside", model)
        expected = FLAVORS[flavor].predict(model, example)
    assert reloaded[name] == json.loads(json.dumps(expected, default=plain))


def plain(value: Any) -> Any:
    return value.to_dict(orient="list") if hasattr(value, "to_dict") else value.tolist()


@pytest.mark.parametrize("name", MODELS)
def test_a_version_knows_signature_framework_and_what_it_was_written_with(
    name: str, registered: dict[str, Any], server: servers.Server
) -> None:
    with muniment.connect(server.url) as registry:
        version = registry.version(f"flavor-{name}/1")
        document = json.loads(registry.read(version, "muniment.json"))
        files = {file.path for file in registry.manifest(version).files}
    assert {"muniment.json", *document["files"]} <= files
    assert version.framework == FLAVORS[document["flavor"]].framework
    assert document["environment"]["python"] == sys.version.split()[0]
    packages = {name.removesuffix("-cpu") for name in document["environment"]["packages"]}
    libraries = {*FLAVORS[document["flavor"]].libraries, *(["pandas"] if "pickle" in name else [])}
    assert {library.replace("sklearn", "scikit-learn") for library in libraries} <= packages
    assert (version.signature is None) == (MODELS[name][2] is None)
    if version.signature is not None:
        assert version.signature.to_json() == document["signature"]
        assert version.signature.outputs
        assert "input_example.json" in files


def test_what_runs_code_when_it_is_read_is_as_the_table_says() -> None:
    risky = {name for name, flavor in FLAVORS.items() if flavor.suspects({})}
    assert risky == {"sklearn", "joblib", "pickle"}
    assert FLAVORS["pytorch"].suspects({"format": "torch"})
