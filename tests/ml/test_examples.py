"""Input examples come back from JSON in their containers, with their types."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from muniment.domain.entities import Signature
from muniment.errors import Corrupt, InvalidInput
from muniment.ml.examples import container_of, read_example, write_example
from muniment.ml.signatures import infer_signature

FRAME = pd.DataFrame(
    {
        "x": np.array([1.5, 0.1], "float32"),
        "n": np.array([1, 2], "uint8"),
        "b": [True, False],
        "t": ["a", "ä"],
    }
)


def again(example: Any) -> Any:
    signature = infer_signature(example)
    return read_example(write_example(example), container_of(example), signature)


def test_tables_come_back() -> None:
    pd.testing.assert_frame_equal(again(FRAME), FRAME)
    table = pl.from_pandas(FRAME)
    assert again(table).equals(table)
    assert again(table).schema == table.schema


def test_what_is_missing_comes_back_missing() -> None:
    frame = pd.DataFrame(
        {
            "x": [1.5, np.nan],
            "n": pd.array([1, None], dtype="Int64"),
            "b": pd.array([True, None], dtype="boolean"),
            "t": ["a", None],
            "c": pd.Categorical(["u", None]),
        }
    )
    assert json.loads(write_example(frame))[1] == dict.fromkeys("xnbtc")
    back = again(frame)
    assert back.isna().equals(frame.isna())
    assert [str(back[name].dtype) for name in "xnbc"] == ["float64", "Int64", "boolean", "category"]
    table = pl.DataFrame({"x": [1.5, None], "n": [1, None], "t": ["a", None]})
    assert again(table).equals(table)


@pytest.mark.parametrize(
    "example",
    [
        np.arange(6, dtype="float32").reshape(1, 2, 3),
        np.array([[1.0, np.nan]]),
        np.array(["a", "b"]),
        np.array([], dtype="int8"),
    ],
    ids=str,
)
def test_arrays_come_back(example: Any) -> None:
    back = again(example)
    assert (back.dtype, back.shape) == (example.dtype, example.shape)
    np.testing.assert_array_equal(back, example)


def test_tensors_by_name_come_back() -> None:
    example = {"image": np.zeros((1, 2, 2), "uint8"), "weights": np.ones((1, 3), "float32")}
    back = again(example)
    assert {name: array.dtype.name for name, array in back.items()} == {
        "image": "uint8",
        "weights": "float32",
    }
    np.testing.assert_array_equal(back["image"], example["image"])


def test_series_come_back() -> None:
    series = pd.Series([1, 2], name="age")
    pd.testing.assert_series_equal(again(series), series)
    assert again(pl.Series("age", [1, 2])).equals(pl.Series("age", [1, 2]))


@pytest.mark.parametrize(
    "example",
    [[{"a": 1, "b": "x"}], {"a": [1, 2]}, {"a": 1}, [[1, 2], [3, 4]], ["a text"], 3.5, "a text"],
    ids=str,
)
def test_plain_values_stay_what_they_are(example: Any) -> None:
    assert container_of(example) == "json"
    assert again(example) == example


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(InvalidInput, match="as JSON"):
        write_example(np.array([np.inf]))


@pytest.mark.parametrize(
    ("content", "container"),
    [
        (b"{", "json"),
        (b"3", "pandas.DataFrame"),
        (b"[[1], [2, 3]]", "numpy.ndarray"),
        (b"[1]", "tensors"),
        (b"[]", "os.path"),
    ],
)
def test_what_was_not_written_so_is_refused(content: bytes, container: str) -> None:
    with pytest.raises(Corrupt, match=r"(?i)no "):
        read_example(content, container, Signature(infer_signature(FRAME).inputs))
