"""What in a model of MLflow's would run code: read off MLmodel and files, before MLflow does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from muniment.errors import Corrupt, InvalidInput
from muniment.ml.mlflow_trust import loader_module_of, suspects

ENV = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}


def model(
    folder: Path, flavors: dict[str, Any], *files: str, module: str = "mlflow.sklearn", **more: Any
) -> Path:
    generic = {"loader_module": module, "env": ENV, "python_version": "3.11.7", **more}
    described = {"flavors": {"python_function": generic, **flavors}, "run_id": "0123"}
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    for file in ("conda.yaml", "python_env.yaml", "requirements.txt", *files):
        (folder / file).parent.mkdir(exist_ok=True, parents=True)
        (folder / file).write_text("x")
    return folder


XGBOOST = {"xgboost": {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBClassifier"}}
SKOPS = {"sklearn": {"serialization_format": "skops", "pickled_model": "model.skops"}}
BOOSTER = {
    "lightgbm": {
        "data": "model.lgb",
        "model_class": "lightgbm.basic.Booster",
        "serialization_format": "skops",
        "skops_trusted_types": ["lightgbm.basic.Booster"],
    }
}


@pytest.mark.parametrize(
    ("flavors", "module", "file"),
    [
        (XGBOOST, "mlflow.xgboost", "model.ubj"),
        (BOOSTER, "mlflow.lightgbm", "model.lgb"),
        ({"onnx": {"data": "model.onnx"}}, "mlflow.onnx", "model.onnx"),
        (SKOPS, "mlflow.sklearn", "model.skops"),
    ],
    ids=["xgboost", "lightgbm", "onnx", "skops"],
)
def test_what_is_read_as_data_only_is_not_suspect(
    flavors: dict[str, Any], module: str, file: str, tmp_path: Path
) -> None:
    assert suspects(model(tmp_path, flavors, file, module=module)) == ()
    assert loader_module_of(tmp_path) == module


def test_of_every_other_loader_each_file_is_suspect_but_those_that_describe(
    tmp_path: Path,
) -> None:
    folder = model(
        tmp_path,
        {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}},
        "model.pkl",
        "artifacts/words.txt",
        model_path="model.pkl",
    )
    assert [suspect.path for suspect in suspects(folder)] == ["artifacts/words.txt", "model.pkl"]


def test_a_describing_file_that_is_read_as_the_model_is_suspect(tmp_path: Path) -> None:
    pickled = {"pickled_model": "requirements.txt", "serialization_format": "pickle"}
    folder = model(tmp_path, {"sklearn": pickled}, model_path="requirements.txt")
    assert [suspect.path for suspect in suspects(folder)] == ["requirements.txt"]


@pytest.mark.parametrize(
    ("flavors", "more", "said"),
    [
        (XGBOOST, {"module": "os"}, "module 'os' loads it"),
        (XGBOOST, {"module": "mlflowx.y"}, "module 'mlflowx.y' loads it"),
        (XGBOOST, {"module": "mlflow.xgboost", "code": "code"}, "code of its own"),
        (
            {"xgboost": {**XGBOOST["xgboost"], "code": "code"}},
            {"module": "mlflow.xgboost"},
            "code of its own",
        ),
        (
            {},
            {"module": "mlflow.pyfunc.model", "model_code_path": "model.py"},
            "script 'model.py'",
        ),
        (
            {"sklearn": {**SKOPS["sklearn"], "skops_trusted_types": ["os.system"]}},
            {},
            "MLmodel lists types that skops is to trust, for sklearn",
        ),
        (XGBOOST, {"module": "mlflow.xgboost", "data": "/etc/x"}, "'/etc/x', which is outside"),
        (XGBOOST, {"module": "mlflow.xgboost", "data": "a/../../x"}, "is outside of the model"),
        (XGBOOST, {"module": "mlflow.xgboost", "data": "..\\x"}, "is outside of the model"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_what_no_scan_can_clear(
    flavors: dict[str, Any], more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    found = suspects(model(tmp_path, flavors, "model.ubj", **more))
    assert any(suspect.path is None and said in suspect.reason for suspect in found)
    assert any(suspect.path == "model.ubj" for suspect in found)


@pytest.mark.parametrize(
    ("flavors", "module"),
    [
        ({"xgboost": {"model_class": "builtins.object"}}, "mlflow.xgboost"),
        ({"lightgbm": {"model_class": "lightgbm.sklearn.LGBMClassifier"}}, "mlflow.lightgbm"),
        ({}, "mlflow.xgboost"),
        ({"sklearn": {"serialization_format": "pickle"}}, "mlflow.sklearn"),
    ],
    ids=["class", "sklearn's interface", "no conf", "pickle"],
)
def test_a_known_loader_with_other_words_is_suspect(
    flavors: dict[str, Any], module: str, tmp_path: Path
) -> None:
    assert suspects(model(tmp_path, flavors, "model.ubj", module=module))


def test_data_in_a_folder_is_suspect(tmp_path: Path) -> None:
    """MLflow finds no MLmodel beside it there, and takes it for a pickle."""
    folder = model(tmp_path, SKOPS, "sub/model.skops", data="sub/model.skops")
    assert [suspect.path for suspect in suspects(folder)] == ["sub/model.skops"]


def test_another_model_in_a_folder_and_links_are_suspect(tmp_path: Path) -> None:
    folder = model(tmp_path, XGBOOST, "model.ubj", "inner/MLmodel", module="mlflow.xgboost")
    assert any("another model" in suspect.reason for suspect in suspects(folder))
    (folder / "inner" / "MLmodel").unlink()
    assert suspects(folder) == ()
    (folder / "link").symlink_to("/etc/hostname")
    assert any("links" in suspect.reason for suspect in suspects(folder))


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (None, InvalidInput, "no file MLmodel"),
        ("flavors: {sklearn: {}}", InvalidInput, "no predictions"),
        ("flavors: {python_function: {}}", InvalidInput, "no predictions"),
        ("{", Corrupt, "can't be read"),
        ("flavors: 3", Corrupt, "can't be read"),
        ("[]", Corrupt, "can't be read"),
        ("!!python/object/apply:os.mkdir [canary]", Corrupt, "can't be read"),
    ],
    ids=str,
)
def test_what_is_no_model_of_mlflow(
    text: str | None, error: type[Exception], said: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "MLmodel").write_text(text)
    for look in (suspects, loader_module_of):
        with pytest.raises(error, match=said):
            look(tmp_path)
    assert not Path("canary").exists()
