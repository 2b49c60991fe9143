"""What goes into a model and what comes out, read off data.

    from muniment.ml.signatures import infer_signature

    signature = infer_signature(frame, model.predict(frame))

A column of a table is a variable by its name; an array is one with a shape, whose first size is -1:
any number of rows. Numbers and truth values are NUMERIC, texts are TEXT; `dtype` is numpy's name
(`int64`), `string` or `category`. What has a value missing in the data is optional.
"""

from __future__ import annotations

from muniment.domain.entities import Signature, Variable, VariableType
from muniment.errors import InvalidInput
from muniment.ml.data import (
    CATEGORY,
    MIXED,
    TEXT,
    Column,
    data_of,
    elements,
    numeric_dtype,
    type_of_value,
)

__all__ = ["infer_signature"]


def infer_signature(inputs: object, outputs: object = None) -> Signature:
    """Return the signature of a model that takes `inputs` and gives `outputs`.

    Data may be of pandas, polars or numpy, or lists and dicts. An array without a name is called
    `input` or `output`.

    Raises:
        InvalidInput: a column is neither of numbers nor of texts; the message names it, and a row.
    """
    return Signature(
        infer_variables(inputs, "input"),
        () if outputs is None else infer_variables(outputs, "output"),
    )


def infer_variables(value: object, side: str) -> tuple[Variable, ...]:
    """Return one side of a signature; `side` names an array without a name."""
    return tuple(_variable(column, side) for column in data_of(value, nameless=side).columns)


def _variable(column: Column, side: str) -> Variable:
    shape = (-1, *column.values.shape[1:]) if column.values.ndim else ()
    return Variable(
        name=column.name,
        type=_type(column, side),
        dtype=column.dtype,
        shape=shape if column.is_tensor else None,
        optional=bool(column.missing.any()),
    )


def _type(column: Column, side: str) -> VariableType:
    if column.dtype == TEXT:
        return VariableType.TEXT
    if numeric_dtype(column.dtype) is not None:
        return VariableType.NUMERIC
    present = column.values[~column.missing].tolist()
    if column.dtype == CATEGORY and present:
        types = {type_of_value(value) for value in present}
        if len(types) == 1 and (found := types.pop()) is not None:
            return found
    raise _unclear(column, side, present)


def _unclear(column: Column, side: str, present: list[object]) -> InvalidInput:
    where = f"The {side} {column.name!r:.100}"
    if not present:
        return InvalidInput(
            f"{where} has no value: nothing shows what it holds.",
            hint="Give an example with values in it, or the signature yourself.",
            details={"column": column.name},
        )
    if column.dtype not in (MIXED, CATEGORY):
        return InvalidInput(
            f"{where} is {column.dtype}: neither numbers nor texts.",
            hint="Turn it into numbers or texts before it goes to the model.",
            details={"column": column.name},
        )
    first = type_of_value(present[0])
    at = next((at for at, value in elements(column) if type_of_value(value) is not first), None)
    if first is None or at is None:
        return InvalidInput(
            f"{where} holds a {type(present[0]).__name__}: neither a number (of 64 bits) nor text.",
            hint="Turn it into numbers or texts before it goes to the model.",
            details={"column": column.name},
        )
    return InvalidInput(
        f"{where} holds both numbers and others: row {at[0] if at else 0} is "
        f"{column.values[at]!r:.80}.",
        hint="Use only numbers or only texts in a column.",
        details={"column": column.name, "row": at[0] if at else 0},
    )
