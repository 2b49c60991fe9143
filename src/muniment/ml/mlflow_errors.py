"""Our errors in the words of MLflow, whose callers look at `MlflowException.error_code`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from muniment import errors

_CODES: Final[tuple[tuple[type[errors.MunimentError], tuple[str, ...]], ...]] = (
    (errors.NotFound, ("RESOURCE_DOES_NOT_EXIST",)),
    (errors.AlreadyExists, ("RESOURCE_ALREADY_EXISTS",)),
    (errors.LimitExceeded, ("INVALID_PARAMETER_VALUE",)),
    (errors.InvalidInput, ("INVALID_PARAMETER_VALUE",)),
    (errors.Unauthenticated, ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")),
    (errors.PermissionDenied, ("PERMISSION_DENIED",)),
    (errors.Conflict, ("RESOURCE_CONFLICT", "INVALID_STATE")),
    (errors.RateLimited, ("REQUEST_LIMIT_EXCEEDED",)),
    (errors.Unavailable, ("TEMPORARILY_UNAVAILABLE",)),
    (errors.MunimentError, ("INTERNAL_ERROR",)),
)
"""For each error its code, and the nearest one that MLflow 2.0 knows."""


@contextmanager
def as_mlflow_errors() -> Iterator[None]:
    """Raise what goes wrong inside as MLflow's exception, with the same words."""
    try:
        yield
    except errors.MunimentError as error:
        raise MlflowException(str(error), error_code=_code(error)) from error


def _code(error: errors.MunimentError) -> int:
    names = next(names for kind, names in _CODES if isinstance(error, kind))
    known = set(ErrorCode.keys())
    return int(ErrorCode.Value(next(name for name in names if name in known)))
