"""Schemas of pandera that a project wrote, named in a loader's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pandera.polars as papl
import polars as pl
import pytest

from muniment.errors import ConfigurationError, InvalidInput
from muniment.ml import MunimentLoader, MunimentSaver
from muniment.ml.project_schemas import check_schema
from tests.ml.models import Threshold, rows


class Inputs(pa.DataFrameModel):
    amount: float = pa.Field(ge=-100)
    age: int = pa.Field(ge=0, coerce=True)


class Outputs(pa.DataFrameModel):
    risky: bool = pa.Field(eq=False)


class Table(papl.DataFrameModel):
    age: int = papl.Field(ge=0)


HERE = __name__


def test_a_loader_asks_the_projects_schemas(tmp_path: Path) -> None:
    info = MunimentSaver(path=str(tmp_path / "model")).save(Threshold(2.5), None, rows(3))
    loader = MunimentLoader(
        trust=True, input_schema=f"{HERE}:Inputs", output_schema=f"{HERE}:Outputs"
    )
    adapter = loader.load(info.model_uri)
    assert adapter.predict(rows(1)).risky.tolist() == [False]
    with pytest.raises(
        InvalidInput, match=r"input 'amount', row 2 is -200\.0, which breaks Inputs"
    ):
        adapter.predict(rows(3).assign(amount=[0.0, 1.0, -200.0]))
    with pytest.raises(InvalidInput, match=r"The output 'risky', row 1 is True.* breaks Outputs"):
        adapter.predict(rows(2))


def test_the_row_is_counted_whatever_the_index() -> None:
    frame = pd.DataFrame({"amount": [1.0, -500.0], "age": [1, 2]}, index=[40, 20])
    with pytest.raises(InvalidInput) as refused:
        check_schema(frame, Inputs, side="input")
    assert refused.value.details == {"column": "amount", "row": 1}


def test_a_schema_may_convert() -> None:
    frame = pd.DataFrame({"amount": [1.0], "age": ["7"]})
    assert check_schema(frame, Inputs, side="input").age.tolist() == [7]


@pytest.mark.parametrize(
    ("data", "details", "said"),
    [
        (pd.DataFrame({"amount": [1.0]}), {"column": "age"}, "is missing"),
        (pd.DataFrame({"amount": ["x"], "age": [1]}), {"column": "amount"}, "float64"),
        (pd.DataFrame({"amount": [1.0], "age": ["x"]}), {"column": "age"}, "coerce"),
        ({"amount": [1.0]}, {}, "which Inputs can't look at"),
    ],
    ids=["missing", "type", "coerced", "no frame"],
)
def test_what_breaks_a_schema_is_named(data: Any, details: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        check_schema(data, Inputs, side="input")
    assert details.items() <= refused.value.details.items()


def test_a_schema_for_polars() -> None:
    with pytest.raises(InvalidInput, match="row 1 is '-1', which breaks Table") as refused:
        check_schema(pl.DataFrame({"age": [3, -1]}), Table, side="input")
    assert refused.value.details == {"column": "age", "row": 1}


def test_a_schema_that_is_not_there(tmp_path: Path) -> None:
    info = MunimentSaver(path=str(tmp_path / "model")).save([1])
    with pytest.raises(ConfigurationError, match=f"{HERE}:Nothing"):
        MunimentLoader(input_schema=f"{HERE}:Nothing").load(info.model_uri)
