"""Schemas that a project wrote with pandera, asked about data, with our errors."""

from __future__ import annotations

from typing import Any

from muniment.errors import Detail, InvalidInput


def check_schema(data: Any, schema: Any, *, side: str) -> Any:
    """Return data as a `DataFrameModel` or `DataFrameSchema` of pandera leaves it.

    A schema may coerce types, add defaults or drop columns.

    Raises:
        InvalidInput: the data breaks it; `details` hold `column` and `row`, counted from 0.
    """
    if schema is None:
        return data
    from pandera.errors import SchemaError, SchemaErrors

    try:
        return schema.validate(data, lazy=True)  # else pandera for polars tells no rows
    except SchemaErrors as error:
        cases = error.failure_cases
        raise _broken(
            {name: cases[name][0] for name in cases.columns}, schema, data, side
        ) from error
    except (SchemaError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"The {side} is a {type(data).__name__}, which {_name(schema)} can't look at: {error}.",
            hint="Pass a data frame of the library that the schema was written for.",
        ) from error


def _broken(case: dict[str, Any], schema: Any, data: Any, side: str) -> InvalidInput:
    """Return the error for the first case that pandera lists."""
    column, check, value = case["column"], case["check"], case["failure_case"]
    if check in ("column_in_dataframe", "column_in_schema"):
        state = "is missing" if check == "column_in_dataframe" else "is not in it"
        return InvalidInput(
            f"The {side} {value!r:.100} {state}: it breaks {_name(schema)}.",
            details={"column": str(value)},
        )
    details: dict[str, Detail] = {"column": str(column)}
    where = f"The {side} {column!r:.100}"
    if (row := _row(case["index"], data)) is not None:
        details["row"] = row
        value = value.item() if hasattr(value, "item") else value
        where += f", row {row} is {value!r:.80}, which"
    return InvalidInput(f"{where} breaks {_name(schema)}: {check}.", details=details)


def _row(label: Any, data: Any) -> int | None:
    """Return the place of a row from 0; pandas calls it by its label."""
    if label is None or label != label:
        return None
    index = getattr(data, "index", None)
    return int(label) if index is None else int(index.get_indexer_for([label])[0])


def _name(schema: Any) -> str:
    return str(getattr(schema, "__name__", None) or getattr(schema, "name", None) or "the schema")
