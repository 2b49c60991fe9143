"""Signatures, read off data of each kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from muniment.domain.entities import Signature, Variable, VariableType
from muniment.errors import InvalidInput
from muniment.ml.signatures import infer_signature

NUMERIC, TEXT = VariableType.NUMERIC, VariableType.TEXT
COLUMNS = {
    "amount": [1.5, 2.0, -3.0],
    "age": [31, 40, 17],
    "member": [True, False, True],
    "city": ["Bonn", "Köln", "Bonn"],
}
EXPECTED = (
    Variable("amount", NUMERIC, "float64"),
    Variable("age", NUMERIC, "int64"),
    Variable("member", NUMERIC, "bool"),
    Variable("city", TEXT, "string"),
)


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).convert_dtypes(),
        pd.DataFrame(COLUMNS).astype({"city": object}),
        pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
        pl.DataFrame(COLUMNS),
        COLUMNS,
        pd.DataFrame(COLUMNS).to_dict(orient="records"),
    ],
    ids=["pandas", "nullable", "objects", "arrow", "polars", "columns", "records"],
)
def test_a_table_has_the_same_signature_in_every_library(data: Any) -> None:
    if isinstance(data, pd.DataFrame) and str(data["amount"].dtype).startswith("Int"):
        data = data.astype({"amount": "Float64"})
    assert infer_signature(data).inputs == EXPECTED


@pytest.mark.parametrize(
    ("data", "optional"),
    [
        (pd.DataFrame({"x": [1.0, None]}), True),
        (pd.DataFrame({"x": pd.array([1, None], dtype="Int64")}), True),
        (pd.DataFrame({"x": pd.array([True, None], dtype="boolean")}), True),
        (pd.DataFrame({"x": ["a", None]}), True),
        (pl.DataFrame({"x": [1, None]}), True),
        (pl.DataFrame({"x": [1.0, float("nan")]}), True),
        ([{"x": 1}, {"y": 2, "x": None}], True),
        (np.array([[1.0, np.nan]]), True),
        (pd.DataFrame({"x": [1.0, 2.0]}), False),
        (pl.DataFrame({"x": ["a", ""]}), False),
    ],
    ids=str,
)
def test_what_lacks_a_value_is_optional(data: Any, optional: bool) -> None:
    assert infer_signature(data).inputs[0].optional is optional


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.zeros((5, 3), dtype="float32"), Variable("input", NUMERIC, "float32", (-1, 3))),
        (np.zeros((5, 8, 8, 3), "uint8"), Variable("input", NUMERIC, "uint8", (-1, 8, 8, 3))),
        (np.arange(4), Variable("input", NUMERIC, "int64", (-1,))),
        (np.array(["a", "bc"]), Variable("input", TEXT, "string", (-1,))),
        ([[1, 2], [3, 4]], Variable("input", NUMERIC, "int64", (-1, 2))),
        (["a text", "another"], Variable("input", TEXT, "string", (-1,))),
        (3.5, Variable("input", NUMERIC, "float64", ())),
        ("a text", Variable("input", TEXT, "string", ())),
        (pd.Series([1, 2], name="age"), Variable("age", NUMERIC, "int64")),
        (pl.Series("age", [1, 2]), Variable("age", NUMERIC, "int64")),
        (pd.Series(["a"]), Variable("input", TEXT, "string")),
        (pd.Series(["a", "b"], dtype="category", name="c"), Variable("c", TEXT, "category")),
        (pd.Series([1, 2], dtype="category", name="c"), Variable("c", NUMERIC, "category")),
        (pl.Series("c", ["a"], dtype=pl.Categorical), Variable("c", TEXT, "category")),
        ({"age": 31}, Variable("age", NUMERIC, "int64")),
        ({"image": np.zeros((2, 4, 4))}, Variable("image", NUMERIC, "float64", (-1, 4, 4))),
        ({"pair": [[1, 2], [3, 4]]}, Variable("pair", NUMERIC, "int64", (-1, 2))),
    ],
    ids=str,
)
def test_a_single_variable(data: Any, expected: Variable) -> None:
    assert infer_signature(data).inputs == (expected,)


def test_both_sides_are_read_and_stand_the_way_through_json() -> None:
    signature = infer_signature(pd.DataFrame(COLUMNS), np.array([0.1, 0.2]))
    assert signature.outputs == (Variable("output", NUMERIC, "float64", (-1,)),)
    assert Signature.from_json(signature.to_json()) == signature


@pytest.mark.parametrize(
    ("data", "said", "row"),
    [
        (pd.DataFrame({"x": pd.to_datetime(["2026-01-01"])}), "datetime64", None),
        (pl.DataFrame({"x": pl.Series([1]).cast(pl.Datetime)}), "(?i)datetime", None),
        (pd.DataFrame({"x": ["a", 1, "b"]}, dtype=object), "row 1 is 1", 1),
        ([{"x": 1.5}, {"x": "high"}], "row 1 is 'high'", 1),
        ([{"x": 1.5}, {"x": b"\x00"}], "row 1 is b", 1),
        ([{"x": object}], "holds a type", None),
        ([{"x": 2**80}], "64 bits", None),
        (pd.DataFrame({"x": [None, None]}), "has no value", None),
    ],
    ids=str,
)
def test_a_column_of_neither_numbers_nor_texts_is_refused_by_name(
    data: Any, said: str, row: int | None
) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        infer_signature(data)
    assert "'x'" in str(refused.value)
    assert refused.value.details["column"] == "x"
    assert refused.value.details.get("row") == row


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (object(), "no data"),
        ({1, 2}, "no data"),
        ({"x": object()}, "no column"),
        ([[1, 2], [3]], "not of one length"),
        ({"x": [1, 2], "y": [1]}, "1 and 2 rows"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "twice"),
    ],
    ids=["object", "set", "mapping", "ragged", "lengths", "twice"],
)
def test_what_is_no_data_is_refused(data: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        infer_signature(data)
