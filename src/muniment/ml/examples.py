"""Input examples as JSON, and back in the container that they came in.

    container            JSON
    pandas.DataFrame     a list of records
    polars.DataFrame     a list of records
    pandas.Series        a list of values
    polars.Series        a list of values
    numpy.ndarray        nested lists
    tensors              an object: name to nested lists
    json                 what it is: lists, objects, numbers, texts

What is missing is null. Types come back from the signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from muniment.domain.entities import Signature, Variable
from muniment.errors import ConfigurationError, Corrupt, InvalidInput
from muniment.ml.data import CATEGORY, Column, data_of, numeric_dtype, numpy

CONTAINERS: Final = (
    "pandas.DataFrame",
    "polars.DataFrame",
    "pandas.Series",
    "polars.Series",
    "numpy.ndarray",
    "tensors",
    "json",
)


def container_of(example: object) -> str:
    """Return the name of what an example comes in."""
    kind = f"{type(example).__module__.partition('.')[0]}.{type(example).__name__}"
    if kind in CONTAINERS:
        return kind
    if kind.startswith("torch."):
        return "numpy.ndarray"
    if isinstance(example, Mapping) and any(c.is_tensor for c in data_of(example).columns):
        return "tensors"
    return "json"


def write_example(example: Any) -> bytes:
    """Return an example as JSON.

    Raises:
        InvalidInput: it holds something that JSON does not.
    """
    container = container_of(example)
    if container == "json":
        document = example
    else:
        columns = data_of(example).columns
        values = {column.name: _values(column) for column in columns}
        if container.endswith(".DataFrame"):
            rows = zip(*values.values(), strict=True)
            document = [dict(zip(values, row, strict=True)) for row in rows]
        else:
            document = values if container == "tensors" else next(iter(values.values()))
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The input example can't be written as JSON: {error}.",
            hint="Use a data frame, an array, or lists and dicts of finite numbers and texts.",
        ) from None
    return text.encode() + b"\n"


def read_example(content: bytes, container: str, signature: Signature | None) -> Any:
    """Return an example in the container that it was written from.

    Raises:
        Corrupt: it is not what `write_example` writes.
        ConfigurationError: the library of the container is not installed.
    """
    if container not in CONTAINERS:
        raise Corrupt(f"No input example comes in a {container!r:.80}.")
    variables = {} if signature is None else {v.name: v for v in signature.inputs}
    library, _, kind = container.partition(".")
    try:
        document: Any = json.loads(content)
        if container == "json":
            return document
        if container == "tensors":
            return {name: _array(values, variables.get(name)) for name, values in document.items()}
        only = next(iter(variables.values()), None)
        if library == "numpy":
            return _array(document, only)
        frames = import_module(library)
        if kind == "Series":
            name = only.name if only else "input"
            return frames.DataFrame({name: _series(frames, document, only)})[name]
        names = dict.fromkeys(name for record in document for name in record)
        columns = {name: [record.get(name) for record in document] for name in names}
        return frames.DataFrame(
            {name: _series(frames, each, variables.get(name)) for name, each in columns.items()}
        )
    except ImportError as error:
        raise ConfigurationError(
            f"The input example is a {container}, and {library} is not installed.",
            hint=f"pip install {library}.",
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise Corrupt(f"The input example is no {container}: {error}.") from error


def _values(column: Column) -> Any:
    """Return a column as nested lists; what is missing is None."""
    if not column.missing.any():
        return column.values.tolist()
    objects = column.values.astype(object)
    objects[column.missing] = None
    return objects.tolist()


def _array(values: Any, variable: Variable | None) -> Any:
    expected = numeric_dtype(variable.dtype) if variable else None
    return numpy().asarray(values, dtype=expected)  # of floats, None is NaN


def _series(frames: Any, values: list[Any], variable: Variable | None) -> Any:
    """Return a column for pandas or polars, of the type that its variable says."""
    expected = numeric_dtype(variable.dtype) if variable else None
    is_category = variable is not None and variable.dtype == CATEGORY
    if frames.__name__ == "polars":
        series = frames.Series(values, strict=False)
        if expected is not None:
            return series.cast(frames.Series(numpy().empty(0, dtype=expected)).dtype)
        return series.cast(frames.Categorical) if is_category else series
    if expected is None:
        return frames.Series(values, dtype=CATEGORY if is_category else None)
    if None in values and expected.kind in "iub":
        nullable = "boolean" if expected.kind == "b" else expected.name.title().replace("Ui", "UI")
        return frames.Series(values, dtype=nullable)
    return frames.Series(values, dtype=expected)


def _plain(value: object) -> object:
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")
