"""Calls of MLflow that savers, loaders and registers make, with our errors.

MLflow is imported by the first call, not with this module.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from muniment import errors
from muniment.ml.fitting import outputs_of
from muniment.ml.mlflow_signatures import of_mlflow, ours

_RESERVED: Final = ("signature", "input_example", "artifact_path", "registered_model_name")
_ERRORS: Final[dict[str, type[errors.MunimentError]]] = {
    "RESOURCE_DOES_NOT_EXIST": errors.NotFound,
    "NOT_FOUND": errors.NotFound,
    "RESOURCE_ALREADY_EXISTS": errors.AlreadyExists,
    "INVALID_PARAMETER_VALUE": errors.InvalidInput,
    "BAD_REQUEST": errors.InvalidInput,
    "UNAUTHENTICATED": errors.Unauthenticated,
    "PERMISSION_DENIED": errors.PermissionDenied,
    "RESOURCE_CONFLICT": errors.Conflict,
    "TEMPORARILY_UNAVAILABLE": errors.Unavailable,
}


def mlflow_module(flavor: str) -> Any:
    """Return `mlflow.<flavor>`.

    Raises:
        InvalidInput: MLflow has no such flavor.
        ConfigurationError: MLflow, or the library of the flavor, is not installed.
    """
    mlflow = the_mlflow()
    try:
        module = import_module(f"mlflow.{flavor}")
    except ModuleNotFoundError as error:
        if error.name != f"mlflow.{flavor}":
            raise errors.ConfigurationError(
                f"MLflow's flavor {flavor!r} needs {error.name}, which is not installed.",
                hint=f"pip install {error.name}.",
            ) from error
        module = None
    if not hasattr(module, "log_model") or not hasattr(module, "save_model"):
        raise errors.InvalidInput(
            f"MLflow {mlflow.__version__} has no flavor {flavor!r:.100}.",
            hint="Use one such as sklearn, xgboost, lightgbm, onnx or pytorch.",
        )
    return module


def the_mlflow() -> Any:
    """Return MLflow.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return import_module("mlflow")
    except ImportError as error:
        raise errors.ConfigurationError(
            "MLflow is not installed.", hint="pip install 'muniment[mlflow]'."
        ) from error


def log_model(
    module: Any,
    given: Mapping[str, Any],
    predict: Callable[[Any], Any] | None,
    signature: Any,
    input_example: Any,
    options: Mapping[str, Any],
) -> Any:
    """Check that everything fits, then call the `log_model` of a flavor.

    Raises:
        InvalidInput: it does not fit, or an option is not known: nothing was logged. Or MLflow
            can't write the model: it then keeps a note of a logged model that has failed.
        ConfigurationError: the flavor's library is not installed.
    """
    known = inspect.signature(module.log_model).parameters
    for option in options:
        if option in given or option in _RESERVED or option not in known:
            raise errors.InvalidInput(
                f"{module.__name__}.log_model has no option {option!r:.100} that could be given.",
                hint=f"It has {', '.join(sorted(known.keys() - given.keys() - {*_RESERVED}))}.",
            )
    said = ours(signature)
    outputs = outputs_of(predict, said, input_example)
    with our_errors():
        if signature is None and outputs is not None:
            signature = the_mlflow().models.infer_signature(input_example, outputs)
        elif signature is said and said is not None:
            signature = of_mlflow(said)
    with _writing(module.__name__):
        return module.log_model(
            **given, signature=signature, input_example=input_example, **options
        )


@contextmanager
def _writing(module: str) -> Iterator[None]:
    """Raise whatever keeps a flavor from writing a model as an error of ours."""
    try:
        with our_errors():
            yield
    except ImportError as error:
        raise errors.ConfigurationError(
            f"{module} needs a library that can't be imported: {error}.",
            hint="Install what is missing.",
        ) from error
    except Exception as error:  # each flavor's library has its own
        if isinstance(error, errors.MunimentError) and type(error) is not errors.MunimentError:
            raise
        raise errors.InvalidInput(
            f"{module} can't write this model: {type(error).__name__}: {error}",
            hint="Look at the flavor's options, or choose another flavor.",
        ) from error


@contextmanager
def our_errors() -> Iterator[None]:
    """Raise what MLflow raises as an error of ours, with its words."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        text = str(error.message).strip()
        if _lost_connection(error):
            raise errors.Unreachable(
                f"MLflow's server did not answer: {text:.500}", hint="Check its address."
            ) from error
        raise _ERRORS.get(error.error_code, errors.MunimentError)(text) from error


@contextmanager
def reading(uri: str) -> Iterator[None]:
    """Raise whatever keeps MLflow from reading a model's files as an error of ours.

    Stores of many kinds stand behind an address, each with exceptions of its own.
    """
    try:
        with our_errors():
            yield
    except errors.MunimentError:
        raise
    except ImportError as error:
        raise errors.ConfigurationError(
            f"MLflow can't read {uri!r:.200}: {error}.", hint="Install what is missing."
        ) from error
    except Exception as error:
        kind = errors.Unreachable if _lost_connection(error) else errors.NotFound
        raise kind(
            f"MLflow can't read {uri!r:.200}: {type(error).__name__}: {error}.",
            hint="Check the address, and that this machine may read it.",
        ) from error


def _lost_connection(error: BaseException | None) -> bool:
    """Say whether a connection that failed is what began it, in any library's words."""
    while error is not None:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & {"ConnectionError", "ConnectTimeout", "ReadTimeout"}:
            return True
        error = error.__cause__ or error.__context__
    return False
