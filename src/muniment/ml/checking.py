"""Whether data is what a signature says; if not, which column of which row is wrong.

    NUMERIC   numbers that the variable's dtype can hold: integers where floats are said, whole
              numbers in range where integers are; truth values where those are
    TEXT      texts
    missing   only in optional variables, which may be absent altogether
    shape     sizes as said, -1 for any

Rows are counted from 0. Data without names (an array) fits a single variable, or as many as it has
columns; a table fits a single variable with a shape, if all its columns are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muniment.domain.entities import Variable, VariableType
from muniment.errors import InvalidInput
from muniment.ml.data import (
    CATEGORY,
    NUMBERS,
    TEXT,
    Column,
    Data,
    data_of,
    elements,
    numeric_dtype,
    numpy,
    type_of_value,
)


def check_data(value: Any, variables: Sequence[Variable], *, side: str) -> Any:
    """Return `value` if it is what `variables` say; a table with its columns in their order.

    Args:
        side: what to call it in messages: `input` or `output`.

    Raises:
        InvalidInput: it is not; `details` hold `column` and, where it is one value, `row`.
    """
    if not variables:
        return value
    data = data_of(value, nameless=side)
    matched = _matched(data, variables, side)
    for variable, column in matched:
        _check(variable, column, side)
    if not data.is_table or len(matched) != len(data.columns):
        return value
    given = {str(name): name for name in value.columns}  # pandas has columns named by numbers
    wanted = [given[column.name] for _, column in matched]
    return value if wanted == list(value.columns) else value[wanted]


def _matched(data: Data, variables: Sequence[Variable], side: str) -> list[tuple[Variable, Column]]:
    """Return each variable with its column; absent optional ones are left out."""
    if not data.is_named:
        return _by_place(data.columns[0], variables, side)
    only = variables[0]
    if len(variables) == 1 and only.shape is not None and data.column(only.name) is None:
        return [(only, _stacked(data, only, side))]
    known = {variable.name for variable in variables}
    for column in data.columns:
        if column.name not in known:
            raise _wrong(
                side,
                column.name,
                "is not in the signature",
                hint=f"It names {', '.join(sorted(known))[:200]}.",
            )
    matched = []
    for variable in variables:
        found = data.column(variable.name)
        if found is not None:
            matched.append((variable, found))
        elif not variable.optional:
            raise _wrong(side, variable.name, "is missing", hint="The model needs this column.")
    return matched


def _by_place(
    column: Column, variables: Sequence[Variable], side: str
) -> list[tuple[Variable, Column]]:
    if len(variables) == 1:
        return [(variables[0], column)]
    values = column.values
    if values.ndim != 2 or values.shape[1] != len(variables):
        raise _wrong(
            side,
            column.name,
            f"has the shape {_shown(values.shape)}, but the signature has {len(variables)} columns",
            hint=f"Pass a table, or an array of the shape (rows, {len(variables)}).",
        )
    return [
        (variable, Column(variable.name, column.dtype, values[:, at], column.missing[:, at]))
        for at, variable in enumerate(variables)
    ]


def _stacked(data: Data, variable: Variable, side: str) -> Column:
    """Return a table as the one array that the model takes."""
    np = numpy()
    for column in data.columns:
        if column.values.dtype.kind not in NUMBERS or column.values.ndim != 1:
            raise _wrong(
                side,
                variable.name,
                f"is missing, and the column {column.name!r:.100} is {column.dtype}: "
                "the table can't stand for it",
                hint="Pass an array, or a table of numbers only.",
            )
    if not data.columns:
        raise _wrong(side, variable.name, "is missing", hint="The data has no columns.")
    values = np.column_stack([column.values for column in data.columns])
    missing = np.column_stack([column.missing for column in data.columns])
    return Column(variable.name, values.dtype.name, values, missing, is_tensor=True)


def _check(variable: Variable, column: Column, side: str) -> None:
    _check_shape(variable, column, side)
    if not variable.optional and column.missing.any():
        place = numpy().argwhere(column.missing)[0].tolist()
        raise _wrong(
            side,
            variable.name,
            "has no value",
            place=place,
            hint="Fill it in, or make the variable optional in the signature.",
        )
    if variable.type is VariableType.TEXT:
        _check_values(variable, column, side, is_right=column.dtype == TEXT)
        return
    is_number = column.values.dtype.kind in NUMBERS
    _check_values(variable, column, side, is_right=is_number)
    expected = numeric_dtype(variable.dtype)
    if is_number and expected is not None:
        unfit = _unfit(column.values, expected) & ~column.missing
        if unfit.any():
            place = numpy().argwhere(unfit)[0].tolist()
            value = column.values[tuple(place)].item()
            raise _wrong(side, variable.name, f"is {value!r}, not {variable.dtype}", place=place)


def _check_shape(variable: Variable, column: Column, side: str) -> None:
    shape = column.values.shape
    if variable.shape is None:
        # a column, however it comes: n values, or n rows of one
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise _wrong(
                side, variable.name, f"has the shape {_shown(shape)}, but is a single column"
            )
        return
    fits = len(shape) == len(variable.shape) and all(
        said in (-1, size) for said, size in zip(variable.shape, shape, strict=True)
    )
    if not fits:
        raise _wrong(
            side,
            variable.name,
            f"has the shape {_shown(shape)}, not {_shown(variable.shape)}",
            hint="-1 stands for any size.",
        )


def _check_values(variable: Variable, column: Column, side: str, *, is_right: bool) -> None:
    """Look at single values, unless the whole column is known to be of the right type."""
    if is_right:
        return
    if column.dtype not in (TEXT, CATEGORY, "object") and not _is_numeric(column):
        raise _wrong(side, variable.name, f"is {column.dtype}, not {variable.type.value}")
    for place, value in elements(column):
        if type_of_value(value) is not variable.type:
            kind = "text" if variable.type is VariableType.TEXT else "a number"
            shown = value.item() if hasattr(value, "item") else value
            raise _wrong(side, variable.name, f"is {shown!r:.80}, not {kind}", place=place)


def _is_numeric(column: Column) -> bool:
    return column.values.dtype.kind in NUMBERS


def _unfit(values: Any, expected: Any) -> Any:
    """Say for each number whether a dtype can't hold it; floats of any width hold any number."""
    np = numpy()
    kind = values.dtype.kind
    if expected.kind == "c" or (expected.kind == "f" and kind != "c"):
        return np.zeros(values.shape, dtype=bool)
    if expected.kind == "b" or kind == "c":
        return np.full(values.shape, kind != expected.kind)
    if kind == "b":
        return np.zeros(values.shape, dtype=bool)
    limits = np.iinfo(expected)
    if kind == "f":  # in which 2**63 - 1 is 2**63
        outside = (values < limits.min) | (values >= float(limits.max + 1))
        return outside | (values != np.floor(values))
    return (values < limits.min) | (values > limits.max)


def _shown(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"


def _wrong(
    side: str, name: str, what: str, *, place: Sequence[int] = (), hint: str = ""
) -> InvalidInput:
    details: dict[str, str | int | float | bool | list[str] | None] = {"column": name}
    where = ""
    if place:
        details["row"] = place[0]
        where = f", row {place[0]}"
    if len(place) > 1:
        where += f" (at {list(place)})"
    return InvalidInput(f"The {side} {name!r:.100}{where} {what}.", hint=hint, details=details)
