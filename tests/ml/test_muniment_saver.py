"""A MunimentSaver checks everything, then writes a folder: whole, or not at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from muniment.domain.entities import Signature, Variable, VariableType
from muniment.errors import AlreadyExists, InvalidInput
from muniment.ml import MunimentLoader, MunimentSaver, infer_signature
from muniment.ml.descriptor import Descriptor
from tests.ml.models import Threshold, labels, rows

MODEL = Threshold(2.5)
NUMERIC = VariableType.NUMERIC


def test_the_folder_says_what_the_model_is(tmp_path: Path) -> None:
    info = MunimentSaver(path=str(tmp_path / "build" / "model")).save(MODEL, None, rows(3))

    assert info.model_uri == (tmp_path / "build" / "model").as_uri()
    assert {file.name for file in info.folder.iterdir()} == {
        "muniment.json",
        "model.pkl",
        "input_example.json",
    }
    document = json.loads((info.folder / "muniment.json").read_text())
    assert document["schema"] == "muniment.model/1"
    assert (document["flavor"], document["class"]) == ("pickle", "tests.ml.models.Threshold")
    assert document["files"] == ["model.pkl"]
    assert document["signature"]["output"]["variables"] == [
        {"name": "risky", "type": "NUMERIC", "dtype": "bool"}
    ]
    assert document["input_example"] == {
        "file": "input_example.json",
        "container": "pandas.DataFrame",
    }
    assert document["environment"]["python"] == sys.version.split()[0]
    assert document["environment"]["packages"]["pandas"] == pd.__version__
    assert Descriptor.parse((info.folder / "muniment.json").read_bytes()) == info.descriptor


def test_a_model_may_come_without_signature_and_example(tmp_path: Path) -> None:
    info = MunimentSaver(path=str(tmp_path / "model")).save(MODEL)
    assert info.signature is None
    assert not (info.folder / "input_example.json").exists()


def test_what_the_signature_leaves_out_is_inferred(tmp_path: Path) -> None:
    said = Signature(inputs=(Variable("amount", NUMERIC), Variable("age", NUMERIC, "int8")))
    info = MunimentSaver(path=str(tmp_path / "model")).save(MODEL, said, rows(3))
    assert info.signature is not None
    assert info.signature.inputs == said.inputs
    assert [variable.name for variable in info.signature.outputs] == ["risky"]


class Odd:
    """A model that does what it is told to, once it is asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, inputs: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


INPUTS = infer_signature(rows(3))


@pytest.mark.parametrize(
    ("model", "signature", "example", "said"),
    [
        (MODEL, INPUTS, rows(3).drop(columns="age"), "The input 'age' is missing"),
        (MODEL, INPUTS, rows(3).assign(age=["1", "2", "3"]), "'age', row 0 is '1', not a number"),
        (MODEL, infer_signature(rows(3), {"risky": ["x"]}), rows(3), "output 'risky', row 0"),
        (MODEL, infer_signature(rows(3), np.zeros((1, 2))), rows(3), "output 'output'"),
        (MODEL, None, pd.DataFrame({"age": [1]}), "can't predict its input example: KeyError"),
        (MODEL, None, pd.DataFrame({"amount": pd.to_datetime(["2026-01-01"])}), "TypeError"),
        (MODEL, "a: double", rows(3), "no signature"),
        (MODEL, None, object(), "predict its input example|no data"),
        (MODEL, Signature(inputs=INPUTS.inputs * 2), None, "stands twice"),
        (Odd(ValueError("no such tree")), None, rows(3), "ValueError: no such tree"),
        (Odd(None), None, rows(3), "returned None"),
        (Odd(object()), None, rows(3), "no data"),
        (Odd([float("nan")]), infer_signature(rows(3), [1.0]), rows(3), "row 0 has no value"),
        (LogisticRegression(), None, rows(3), "NotFittedError"),
        (None, None, None, "no model"),
        (lambda: None, None, None, "can't be saved"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_written(
    model: Any, signature: Any, example: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=said):
        MunimentSaver(path=str(tmp_path / "new" / "model")).save(model, signature, example)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_example_that_json_can_not_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="as JSON"):
        MunimentSaver(path=str(tmp_path / "model")).save(Odd([1]), None, {"x": [float("inf")]})


def test_a_model_of_another_flavor_is_refused(tmp_path: Path) -> None:
    saver = MunimentSaver(path=str(tmp_path / "model"), flavor="xgboost")
    with pytest.raises(InvalidInput, match=r"Threshold is no model of the flavor 'xgboost'"):
        saver.save(MODEL)


def test_what_stands_at_the_path_stays(tmp_path: Path) -> None:
    saver = MunimentSaver(path=str(tmp_path))
    (tmp_path / "precious").write_text("data")
    with pytest.raises(AlreadyExists, match="Save to a new folder"):
        saver.save(MODEL)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    info = MunimentSaver(path=str(tmp_path / "model")).save([1, 2, 3])
    assert MunimentLoader().load(info.model_uri).model == [1, 2, 3]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Unpicklable:
        def __init__(self) -> None:
            self.call = lambda: None

    with pytest.raises(InvalidInput, match="can't be saved"):
        MunimentSaver(path=str(tmp_path / "model")).save(Unpicklable())
    assert list(tmp_path.iterdir()) == []


def test_an_estimator_that_is_not_fitted_can_not_be_saved_by_its_own_format(
    tmp_path: Path,
) -> None:
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    for model in (LGBMClassifier(), XGBClassifier()):
        with pytest.raises(InvalidInput, match="can't be saved"):
            MunimentSaver(path=str(tmp_path / "model")).save(model)
    assert list(tmp_path.iterdir()) == []


def test_what_a_format_can_not_hold_is_refused(tmp_path: Path) -> None:
    from lightgbm import LGBMRegressor
    from xgboost import XGBRegressor

    class Mine(XGBRegressor):
        pass

    def squared(truth: Any, guess: Any) -> Any:
        return guess - truth, np.ones_like(truth)

    saver = MunimentSaver(path=str(tmp_path / "model"))
    with pytest.raises(InvalidInput, match="would not come back as what it is"):
        saver.save(Mine(n_estimators=2).fit(rows(), rows().amount))
    for kind in (XGBRegressor, LGBMRegressor):
        with pytest.raises(InvalidInput, match="objective is a function"):
            saver.save(kind(n_estimators=2, objective=squared).fit(rows(), rows().amount))


def test_onnx_with_weights_elsewhere_is_refused(tmp_path: Path) -> None:
    import onnx
    from skl2onnx import to_onnx

    values = rows().to_numpy(dtype="float32")
    model = to_onnx(LogisticRegression().fit(values, labels()), values)
    tensor = onnx.numpy_helper.from_array(np.zeros(3, "float32"), "weights")
    onnx.external_data_helper.set_external_data(tensor, "elsewhere.bin")
    model.graph.initializer.append(tensor)
    with pytest.raises(InvalidInput, match="keeps weights in files beside it"):
        MunimentSaver(path=str(tmp_path / "model")).save(model)
