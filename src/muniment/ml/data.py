"""Data as models take and give it, seen one way: named arrays, a row along the first axis.

    pandas.DataFrame, polars.DataFrame      a column each
    pandas.Series, polars.Series            one column, under its name
    [{"age": 31, "city": "Bonn"}, …]        records: a column for each key
    {"age": [31, 40], "city": […]}          columns; a numpy array among them is a tensor
    numpy arrays, torch tensors, lists      one tensor without a name

Nothing is imported for it but numpy: data of a library shows itself by its own methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from muniment.domain.entities import VariableType
from muniment.errors import ConfigurationError, InvalidInput

NUMBERS: Final = "biufc"
"""numpy's kinds of dtype that are numbers; a truth value is one."""

TEXT: Final = "string"
MIXED: Final = "object"
CATEGORY: Final = "category"


@dataclass(frozen=True, slots=True)
class Column:
    """Values under one name.

    `dtype` is numpy's name for numbers (`float64`), `string` or `category`, `object` for values of
    several types, else the library's own name. `values` is a numpy array; `missing` says for each
    of its elements whether there is none (`values` then holds anything there).
    """

    name: str
    dtype: str
    values: Any
    missing: Any
    is_tensor: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """All columns; `is_named` is False for a tensor that brought no name."""

    columns: tuple[Column, ...]
    is_named: bool = True
    is_table: bool = False

    def column(self, name: str) -> Column | None:
        """Return the column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def numpy() -> Any:
    """Return numpy.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return import_module("numpy")
    except ImportError as error:
        raise ConfigurationError(
            "Signatures, examples and checks of data need numpy, which is not installed.",
            hint="pip install numpy.",
        ) from error


def data_of(value: object, *, nameless: str = "input") -> Data:
    """Return any data as named arrays; `nameless` is what one without a name is called.

    Raises:
        InvalidInput: it is no data, or its rows are not of one length.
    """
    if callable(getattr(value, "detach", None)):  # a tensor of torch
        value = value.detach().cpu().numpy()  # type: ignore[attr-defined]
    library = type(value).__module__.partition(".")[0]
    kind = type(value).__name__
    if library in ("pandas", "polars") and kind == "DataFrame":
        table: Any = value
        if len(set(map(str, table.columns))) < len(table.columns):
            raise InvalidInput("The table has a column twice.", hint="Give each its own name.")
        columns = [_of_series(table[name], str(name)) for name in table.columns]
        return Data(tuple(columns), is_table=True)
    if library in ("pandas", "polars") and kind == "Series":
        series: Any = value
        named = series.name not in (None, "")
        return Data((_of_series(series, str(series.name) if named else nameless),), named)
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if isinstance(value, numpy().ndarray):
        return Data((_of_array(value, nameless, is_tensor=True),), is_named=False)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _of_sequence(value, nameless)
    if isinstance(value, str | int | float | numpy().generic):
        return Data((_of_array(_array(value), nameless, is_tensor=True),), is_named=False)
    raise InvalidInput(
        f"A {type(value).__module__}.{kind} is no data that can be described.",
        hint="Use a data frame, a numpy array, or lists and dicts of numbers and texts.",
    )


def numeric_dtype(name: str | None) -> Any:
    """Return numpy's dtype for the name of a number's type, MLflow's names included; else None."""
    name = _SYNONYMS.get(name or "", name or "")
    if not _NUMERIC.fullmatch(name):
        return None
    try:
        return numpy().dtype(name)
    except TypeError:  # no such width
        return None


_NUMERIC: Final = re.compile(r"bool|(u?int|float|complex)\d{0,3}")
_SYNONYMS: Final = {"boolean": "bool", "integer": "int32", "long": "int64", "double": "float64"}


def type_of_value(value: object) -> VariableType | None:
    """Return what a single value is; None if it is neither a number nor text."""
    if isinstance(value, str):
        return VariableType.TEXT
    return VariableType.NUMERIC if _is_number(value) else None


def elements(column: Column) -> Iterator[tuple[tuple[int, ...], object]]:
    """Yield the place and the value of whatever is not missing, row by row."""
    for place in numpy().argwhere(~column.missing).tolist():
        yield tuple(place), column.values[tuple(place)]


def is_missing(value: object) -> bool:
    """Say whether a value means that there is none: None, NaN, pandas' NA and NaT."""
    return (
        value is None
        or (isinstance(value, float) and value != value)
        or type(value).__name__ in ("NAType", "NaTType")
    )


# -- libraries -------------------------------------------------------------------------------------


def _of_series(series: Any, name: str) -> Column:
    if type(series).__module__.partition(".")[0] == "polars":
        return _of_polars(series, name)
    dtype = series.dtype
    native = getattr(dtype, "numpy_dtype", dtype)  # of nullable and of Arrow's types
    if getattr(native, "kind", "") not in NUMBERS or dtype.name == CATEGORY:
        label = None if native.kind in "OUST" and dtype.name != CATEGORY else str(dtype)
        return _of_objects(series.astype(object).to_numpy(), name, label=label)
    missing = series.isna().to_numpy(dtype=bool)
    if missing.any() and native.kind in "biu":
        values = series.to_numpy(dtype=native, na_value=0)
    else:
        values = series.to_numpy(dtype=native)
    return Column(name, native.name, values, missing)


def _of_polars(series: Any, name: str) -> Column:
    dtype = series.dtype
    if dtype.is_numeric() and not dtype.is_decimal():
        missing = series.is_null()
        if dtype.is_float():
            missing = missing | series.is_nan().fill_null(value=True)
        values = series.fill_null(0).to_numpy()
        return Column(name, values.dtype.name, values, missing.to_numpy())
    objects = numpy().empty(len(series), dtype=object)
    objects[:] = series.to_list()
    base = str(dtype.base_type())
    label = CATEGORY if base in ("Categorical", "Enum") else None
    if label is None and base not in ("String", "Boolean", "Null", "Object"):
        label = str(dtype)
    return _of_objects(objects, name, label=label)


def _of_mapping(value: Mapping[Any, Any]) -> Data:
    if value and all(item is None or _is_scalar(item) for item in value.values()):
        return _of_records([value])
    array = numpy().ndarray
    columns = []
    for key, item in value.items():
        if callable(getattr(item, "detach", None)):
            item = item.detach().cpu().numpy()
        if isinstance(item, array):
            columns.append(_of_array(item, str(key), is_tensor=True))
        elif isinstance(item, Sequence) and not isinstance(item, str | bytes):
            columns.append(_of_list(item, str(key)))
        elif hasattr(item, "dtype") and hasattr(item, "to_list"):
            columns.append(_of_series(item, str(key)))
        else:
            raise InvalidInput(
                f"{key!r:.80} holds a {type(item).__name__}, which is no column of data.",
                hint="Use lists or arrays of numbers and texts.",
            )
    lengths = {len(column.values) for column in columns if not column.is_tensor}
    if len(lengths) > 1:
        raise InvalidInput(f"The columns have {' and '.join(map(str, sorted(lengths)))} rows.")
    return Data(tuple(columns))


def _of_sequence(value: Sequence[Any], nameless: str) -> Data:
    if value and all(isinstance(item, Mapping) for item in value):
        return _of_records(value)
    return Data((_of_array(_array(value), nameless, is_tensor=True),), is_named=False)


def _of_records(records: Sequence[Mapping[Any, Any]]) -> Data:
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [_of_list([record.get(name) for record in records], str(name)) for name in names]
    return Data(tuple(columns))


def _of_list(values: Sequence[Any], name: str) -> Column:
    if any(isinstance(item, list | tuple) for item in values):
        return _of_array(_array(values), name, is_tensor=True)
    objects = numpy().empty(len(values), dtype=object)
    objects[:] = list(values)
    return _of_objects(objects, name)


def _array(value: Any) -> Any:
    try:
        array = numpy().asarray(value)
    except ValueError as error:
        raise InvalidInput(
            "The lists are not of one length: they make no array.", hint="Pad them, or cut them."
        ) from error
    if array.dtype.kind in "US" and not _only_text(value):
        array = numpy().asarray(value, dtype=object)  # else numbers beside texts would be texts
    return array


def _only_text(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_only_text, value))
    return isinstance(value, str)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool | int | float | numpy().generic)


# -- numpy -----------------------------------------------------------------------------------------


def _of_array(array: Any, name: str, *, is_tensor: bool = False) -> Column:
    np = numpy()
    kind = array.dtype.kind
    if kind in NUMBERS:
        missing = np.isnan(array) if kind in "fc" else np.zeros(array.shape, dtype=bool)
        return Column(name, array.dtype.name, array, missing, is_tensor)
    label = None if kind in "OUT" else str(array.dtype)
    return _of_objects(array.astype(object), name, label=label, is_tensor=is_tensor)


def _of_objects(
    values: Any, name: str, *, label: str | None = None, is_tensor: bool = False
) -> Column:
    """Return objects as a column of numbers if they all are, of texts if they all are."""
    np = numpy()
    missing = np.fromiter(map(is_missing, values.flat), dtype=bool, count=values.size)
    missing = missing.reshape(values.shape)
    if label is not None:
        return Column(name, label, values, missing, is_tensor)
    present = values[~missing].tolist()
    if present and all(isinstance(item, str) for item in present):
        return Column(name, TEXT, values, missing, is_tensor)
    if present and all(_is_number(item) for item in present):
        numbers = np.asarray(present)
        if numbers.dtype.kind in NUMBERS:
            filled = np.zeros(values.shape, dtype=numbers.dtype)
            filled[~missing] = numbers
            return Column(name, numbers.dtype.name, filled, missing, is_tensor)
    return Column(name, MIXED, values, missing, is_tensor)


def _is_number(value: object) -> bool:
    if isinstance(value, numpy().generic):
        return value.dtype.kind in NUMBERS
    return isinstance(value, bool | int | float | complex)
