"""Errors of ours, told to MLflow's application in its own kind, which its handlers answer with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from muniment.errors import InvalidInput, MunimentError, NotFound, PermissionDenied

_CODES: Final = (
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (PermissionDenied, "PERMISSION_DENIED"),
    (InvalidInput, "INVALID_PARAMETER_VALUE"),
)


@contextmanager
def told_to_mlflow() -> Iterator[None]:
    """Raise MLflow's errors in the place of ours."""
    try:
        yield
    except MunimentError as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL_ERROR")
        raise MlflowException(str(error), error_code=ErrorCode.Value(code)) from error
