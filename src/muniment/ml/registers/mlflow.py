"""Registering through MLflow, in the registry that it is led to."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from muniment.domain.names import check_model_name
from muniment.errors import MunimentError, NotFound, Unavailable
from muniment.ml.mlflow_calls import our_errors, reading, the_mlflow
from muniment.ml.registers.base import Register
from muniment.ml.uris import check_uri


class MlflowRegister(Register):
    """Registers what was logged to MLflow, or any address that MLflow takes."""

    KIND: Literal["MlflowRegister"] = "MlflowRegister"

    def register(self, name: str, model_uri: str) -> Any:
        """Register the model at an address; return MLflow's `ModelVersion`, READY.

        Raises:
            InvalidInput: name or address are malformed.
            NotFound: there is no model at the address.
            Unreachable: tracking or registry do not answer. In each case nothing was registered.
        """
        check_model_name(name)
        check_uri(model_uri)
        mlflow = the_mlflow()
        with reading(model_uri):
            mlflow.models.get_model_info(model_uri)  # is it there, and a model?
        client = mlflow.MlflowClient()
        is_new = _is_new(client, name)
        try:
            with our_errors():
                version = mlflow.register_model(model_uri, name, tags=dict(self.tags))
        except BaseException:
            if is_new:
                _forget(client, name)
            raise
        if str(version.status) != "READY":
            raise Unavailable(
                f"{name} version {version.version} is {version.status}, not READY.",
                hint="Look at it in the registry; register the model once more.",
            )
        return version


def _is_new(client: Any, name: str) -> bool:
    try:
        with our_errors():
            client.get_registered_model(name)
    except NotFound:
        return True
    return False


def _forget(client: Any, name: str) -> None:
    """Remove the name that was made for a version that did not come about."""
    with suppress(MunimentError), our_errors():  # the first error is what counts
        if not client.search_model_versions(f"name='{name}'", max_results=1):
            client.delete_registered_model(name)
