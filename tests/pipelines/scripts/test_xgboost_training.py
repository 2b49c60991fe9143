"""XGBoost training: what it learns, measures and leaves."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from muniment.pipelines.scripts.xgboost_training import Refused, Table, train, typed
from tests.pipelines.scripts.running import Container

GIVEN = {
    "tab_field_list": '["amount"]',
    "cat_field_list": '["country"]',
    "label_name": "y",
    "num_round": "20",
    "max_depth": "3",
    "nthread": "1",
}
INFERENCE = Path(__file__).parents[3] / "examples" / "fraud_inference" / "inference.py"


def rows(count: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    amount = random.uniform(0, 10, count)
    country = random.choice(["DE", "FR", "XX"], count)
    fraud = (amount > 5) | (country == "XX")
    return pd.DataFrame({"country": country, "amount": amount, "y": fraud.astype(int)})


def write(folder: Path, **parts: pd.DataFrame) -> Path:
    tables = {"train": rows(300, 1), "validation": rows(60, 2), "test": rows(60, 3), **parts}
    for name, table in tables.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / name / f"{name}.csv", index=False)
    return folder


def inference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inference", INFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_model_with_all_that_others_need_to_know(container: Container) -> None:
    data = write(container.folder("input/data/training_data"))
    (data / "dataset.json").write_text('{"digest": "sha256:1"}')
    config = container.folder("input/config") / "hyperparameters.json"
    config.write_text(json.dumps({**GIVEN, "id_name": "order"}))
    done = container.run("xgboost_training.py")
    assert (done.returncode, done.stderr) == (0, "")
    model = container.opt_ml / "model"
    read: dict[str, Any] = {f.name: json.loads(f.read_text()) for f in model.glob("*.json")}
    assert set(read) == {
        "xgboost_model.json",
        "hyperparameters.json",
        "categories.json",
        "metrics.json",
        "dataset.json",
    }
    assert read["hyperparameters.json"] == {
        "tab_field_list": ["amount"],
        "cat_field_list": ["country"],
        "label_name": "y",
        "id_name": "order",
        "num_round": 20,
        "max_depth": 3,
        "nthread": 1,
        "objective": "binary:logistic",
    }
    assert (model / "feature_columns.txt").read_text() == "amount\ncountry\n"
    assert read["categories.json"] == {"country": ["DE", "FR", "XX"]}
    assert read["metrics.json"]["test_auc"] > 0.95
    assert set(read["metrics.json"]) == {
        f"{part}_{name}"
        for part in ("validation", "test")
        for name in ("accuracy", "logloss", "auc")
    }
    assert read["dataset.json"] == {"digest": "sha256:1"}


def test_the_examples_inference_says_what_the_model_does(tmp_path: Path) -> None:
    data, model = write(tmp_path / "data"), tmp_path / "model"
    train(GIVEN, data, model)
    table = Table(data, typed(GIVEN))
    booster = xgboost.Booster(model_file=model / "xgboost_model.json")
    expected = booster.predict(table.matrix("test"))
    served = inference()
    loaded = served.model_fn(str(model))
    seen = table.rows["test"]
    csv = seen[["amount", "country"]].to_csv(index=False, header=False)
    assert served.predict_fn(served.input_fn(csv, "text/csv"), loaded) == pytest.approx(expected)
    body = seen.drop(columns="y").to_json(orient="records")
    found = served.predict_fn(served.input_fn(body, "application/json"), loaded)
    assert found == pytest.approx(expected)
    unknown = served.predict_fn(
        served.input_fn('{"amount": "", "country": "??"}', "application/json"), loaded
    )
    assert 0 < unknown[0] < 1


def test_the_same_data_make_the_same_model(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    models = []
    for name in ("a", "b"):
        train({**GIVEN, "subsample": "0.8"}, data, tmp_path / name)
        models.append((tmp_path / name / "xgboost_model.json").read_bytes())
    assert models[0] == models[1]


@pytest.mark.parametrize(
    ("more", "label", "expected"),
    [
        ({"objective": "reg:squarederror"}, "amount", {"rmse", "mae"}),
        ({"objective": "multi:softprob", "num_class": "3"}, "kind", {"accuracy"}),
        ({"objective": "multi:softmax", "num_class": "3"}, "kind", {"accuracy"}),
        ({"objective": "binary:hinge"}, "y", {"accuracy", "auc"}),
    ],
)
def test_other_objectives(
    more: Mapping[str, str], label: str, expected: set[str], tmp_path: Path
) -> None:
    tables = {
        name: rows(90, seed).assign(kind=[0, 1, 2] * 30)
        for seed, name in enumerate(("train", "validation", "test"))
    }
    data = write(tmp_path, **tables)
    given = {
        **GIVEN,
        **more,
        "label_name": label,
        "tab_field_list": "[]",
        "early_stopping_rounds": "5",
    }
    found = train(given, data, tmp_path / "model")
    assert {name.removeprefix("test_") for name in found if name.startswith("test_")} == expected


def test_a_test_part_of_one_class_has_no_auc(tmp_path: Path) -> None:
    data = write(tmp_path, test=rows(20, 5).assign(y=0))
    assert set(train(GIVEN, data, tmp_path / "m")) >= {
        "test_accuracy",
        "test_logloss",
        "validation_auc",
    }
    assert "test_auc" not in train(GIVEN, data, tmp_path / "m")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tab_field_list": "amount"}, "tab_field_list is 'amount'; it must be a list"),
        ({"tab_field_list": "[]", "cat_field_list": "[]"}, "must see a column"),
        ({"label_name": ""}, "label_name is missing"),
        ({"label_name": "amount", "tab_field_list": "[]"}, "name an objective"),
        ({"tab_field_list": '["country"]', "cat_field_list": "[]"}, "'country' is '..' in a row"),
        ({"tab_field_list": '["none"]'}, "no column 'none'"),
    ],
)
def test_hyperparameters_that_make_no_sense(
    more: Mapping[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=said):
        train({**GIVEN, **more}, write(tmp_path), tmp_path / "model")


def test_data_that_lack_something(tmp_path: Path) -> None:
    data = write(tmp_path, validation=rows(5, 1).assign(y=[1, 0, None, 0, 1]))
    with pytest.raises(Refused, match="'y' is missing in a row of validation"):
        train(GIVEN, data, tmp_path / "model")
    write(tmp_path, validation=rows(5, 1).iloc[:0])
    with pytest.raises(Refused, match=r"validation\.csv has no rows"):
        train(GIVEN, data, tmp_path / "model")
    (data / "train" / "train.csv").unlink()
    with pytest.raises(Refused, match=r"must hold one \.csv file; it holds 0"):
        train(GIVEN, data, tmp_path / "model")


def test_a_failure_is_left_where_the_service_looks_for_it(container: Container) -> None:
    done = container.run("xgboost_training.py")
    assert done.returncode == 1
    assert done.stderr.startswith("xgboost_training: ")
    assert "hyperparameters.json" in (container.opt_ml / "output/failure").read_text()


def test_what_xgboost_refuses_is_said(container: Container) -> None:
    write(container.folder("input/data/training_data"))
    config = container.folder("input/config") / "hyperparameters.json"
    config.write_text(json.dumps({**GIVEN, "objective": "binary:none"}))
    done = container.run("xgboost_training.py")
    assert done.returncode == 1
    assert "binary:none" in done.stderr
    assert "Traceback" not in done.stderr
