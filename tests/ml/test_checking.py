"""Data against a signature: what is wrong is named by column and row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from muniment.domain.entities import Variable, VariableType
from muniment.errors import InvalidInput
from muniment.ml.checking import check_data

NUMERIC, TEXT = VariableType.NUMERIC, VariableType.TEXT
PERSON = (
    Variable("age", NUMERIC, "int64"),
    Variable("city", TEXT, "string"),
    Variable("income", NUMERIC, "float64", optional=True),
)
IMAGE = (Variable("image", NUMERIC, "float32", (-1, 2, 2)),)


def people(**columns: Any) -> dict[str, Any]:
    return {"age": [31, 40], "city": ["Bonn", "Köln"], "income": [1.5, 2.5], **columns}


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, dict])
@pytest.mark.parametrize(
    ("columns", "name", "row", "said"),
    [
        ({"age": [31, "old"]}, "age", 1, "'old', not a number"),
        ({"age": [31, 40.5]}, "age", 1, "40.5, not int64"),
        ({"age": [31, None]}, "age", 1, "no value"),
        ({"age": [2**63, 40]}, "age", 0, "not int64"),
        ({"city": ["Bonn", 3]}, "city", 1, "3, not text"),
        ({"city": [1, 2]}, "city", 0, "1, not text"),
        ({"city": ["Bonn", None]}, "city", 1, "no value"),
        ({"income": ["high", None]}, "income", 0, "'high', not a number"),
    ],
    ids=str,
)
def test_the_wrong_value_is_named(
    library: Any, columns: dict[str, Any], name: str, row: int, said: str
) -> None:
    data = people(**columns)
    if library is pl.DataFrame:
        data = pl.DataFrame(data, strict=False, schema_overrides=_mixed(data))
    elif library is pd.DataFrame:
        data = pd.DataFrame(data)
    with pytest.raises(InvalidInput, match=said) as refused:
        check_data(data, PERSON, side="input")
    assert f"The input {name!r}, row {row} " in str(refused.value)
    assert refused.value.details == {"column": name, "row": row}


def _mixed(data: dict[str, Any]) -> dict[str, Any]:
    """What polars keeps as objects, since it has no column of several types."""
    found = {}
    for name, values in data.items():
        if len({type(value) for value in values if value is not None} - {float, int}) and any(
            isinstance(value, int | float) for value in values
        ):
            found[name] = pl.Object
    return found


@pytest.mark.parametrize(
    ("data", "column", "said"),
    [
        ({"city": ["Bonn"]}, "age", "is missing"),
        (people(name=["Ada", "Bob"]), "name", "not in the signature.*age, city, income"),
        (np.zeros((2, 2)), "input", r"shape \(2, 2\), but the signature has 3 columns"),
        (pd.DataFrame(people()).assign(age=pd.to_datetime("2026-01-01")), "age", "is datetime64"),
    ],
    ids=["missing", "unknown", "array", "time"],
)
def test_a_wrong_column_is_named(data: Any, column: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        check_data(data, PERSON, side="input")
    assert refused.value.details == {"column": column}


@pytest.mark.parametrize(
    "data",
    [
        people(),
        {"age": [31], "city": ["Bonn"]},
        people(income=[None, 1]),
        people(income=[True, 1e300]),
        people(age=[31.0, 40.0]),
        people(age=[True, False]),
        pd.DataFrame(people()),
        pd.DataFrame(people()).convert_dtypes(),
        pd.DataFrame(people()).astype({"city": "category", "age": "uint8"}),
        pl.DataFrame(people()),
        [{"age": 31, "city": "Bonn"}],
        {"age": 31, "city": "Bonn"},
    ],
    ids=str,
)
def test_what_fits_is_returned_as_it_is(data: Any) -> None:
    assert check_data(data, PERSON, side="input") is data


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_columns_come_into_the_order_of_the_signature(library: Any) -> None:
    shuffled = library({"income": [1.0], "city": ["Bonn"], "age": [31]})
    assert list(check_data(shuffled, PERSON, side="input").columns) == ["age", "city", "income"]


def test_columns_that_are_named_by_numbers_are_put_into_order_too() -> None:
    variables = (Variable("0", NUMERIC), Variable("1", NUMERIC))
    ordered = check_data(pd.DataFrame({1: [1.0], 0: [2.0]}), variables, side="input")
    assert list(ordered.columns) == [0, 1]


def test_an_array_fits_columns_by_their_places() -> None:
    numbers = (Variable("a", NUMERIC, "int64"), Variable("b", NUMERIC, "float64"))
    data = np.array([[1.0, 0.5], [2.0, 0.5], [2.5, 0.5]])
    assert check_data(data[:2], numbers, side="input") is not None
    with pytest.raises(InvalidInput, match=r"'a', row 2 is 2\.5, not int64"):
        check_data(data, numbers, side="input")


def test_a_table_of_numbers_fits_one_array_of_its_width() -> None:
    one = (Variable("features", NUMERIC, "float64", (-1, 2)),)
    assert check_data(pd.DataFrame({"a": [1.0], "b": [2]}), one, side="input") is not None
    with pytest.raises(InvalidInput, match=r"shape \(1, 1\), not \(-1, 2\)"):
        check_data(pd.DataFrame({"a": [1.0]}), one, side="input")
    with pytest.raises(InvalidInput, match="'b' is string: the table can't stand for it"):
        check_data(pd.DataFrame({"a": [1.0], "b": ["x"]}), one, side="input")


@pytest.mark.parametrize("data", [np.zeros((3, 2, 2)), {"image": np.zeros((1, 2, 2))}], ids=str)
def test_a_tensor_fits_by_shape(data: Any) -> None:
    assert check_data(data, IMAGE, side="input") is data


@pytest.mark.parametrize(
    ("data", "details", "said"),
    [
        (np.zeros((3, 2)), {"column": "image"}, r"shape \(3, 2\), not \(-1, 2, 2\)"),
        (np.zeros((3, 2, 3)), {"column": "image"}, r"\(3, 2, 3\), not"),
        (
            np.array([[[0, 0], [0, 0]], [[0, np.nan], [0, 0]]]),
            {"column": "image", "row": 1},
            r"row 1 \(at \[1, 0, 1\]\) has no value",
        ),
        (np.full((1, 2, 2), "x"), {"column": "image", "row": 0}, "'x', not a number"),
    ],
    ids=["rank", "size", "missing", "text"],
)
def test_a_tensor_that_does_not_fit(data: Any, details: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        check_data(data, IMAGE, side="input")
    assert refused.value.details == details


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("bool", [True], [1]),
        ("int8", [127, -128], [128]),
        ("uint16", [0, 65535], [-1]),
        ("long", [2**40], [0.5]),
        ("integer", [2**31 - 1], [2**31]),
        ("float", [1, 1e300], [1j]),
        ("complex128", [1j, 1], ["x"]),
        (None, [1, 1.5, True], ["x"]),
    ],
    ids=str,
)
def test_what_numbers_a_type_holds(dtype: str | None, good: list[Any], bad: list[Any]) -> None:
    variables = (Variable("x", NUMERIC, dtype),)
    check_data({"x": good}, variables, side="output")
    with pytest.raises(InvalidInput, match=r"^The output 'x', row 0 is"):
        check_data({"x": bad}, variables, side="output")


def test_without_variables_anything_goes() -> None:
    nothing = object()
    assert check_data(nothing, (), side="input") is nothing
