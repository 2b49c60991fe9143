"""Loading through MLflow, from whatever store it is led to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from muniment.domain.entities import Signature
from muniment.errors import ConfigurationError, Corrupt, InvalidInput, MunimentError
from muniment.ml.loaders.base import Adapter, Loader
from muniment.ml.mlflow_calls import our_errors, reading, the_mlflow
from muniment.ml.mlflow_signatures import ours
from muniment.ml.mlflow_trust import CUSTOM, loader_module_of, suspects
from muniment.ml.trust import require_trust
from muniment.ml.uris import check_uri


@dataclass(frozen=True, slots=True)
class PyFuncModel(Adapter):
    """A model of MLflow's; what its own signature demands beside ours, MLflow checks."""

    def _predict(self, inputs: Any) -> Any:
        return self.model.predict(inputs)


class _PyFuncLoader(Loader):
    """Brings the files here, looks at them, and lets MLflow load them.

    An address is whatever MLflow takes: `models:/fraud/3`, `models:/fraud@champion`,
    `runs:/<run>/<path>`, a folder, …. Tracking and registry are those that MLflow is led to.
    """

    _is_custom: ClassVar[bool]
    _other: ClassVar[str]

    def load(self, uri: str) -> PyFuncModel:
        """Return the model at an address.

        Raises:
            InvalidInput: the address is malformed, or the model is of the other kind.
            NotFound, Unreachable: as they say.
            PermissionDenied: loading it may run code, and not `trust`.
            ConfigurationError: a library is not installed.
        """
        check_uri(uri)
        mlflow = the_mlflow()
        schemas = self._schemas()
        with reading(uri):
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
        module = loader_module_of(folder)
        if (module == CUSTOM) is not self._is_custom:
            raise InvalidInput(
                f"The model at {uri!r:.200} is loaded by {module}.", hint=f"Use {self._other}."
            )
        require_trust(uri, folder, suspects(folder), trust=self.trust)
        try:
            with our_errors():
                model = mlflow.pyfunc.load_model(str(folder))
        except MunimentError:
            raise
        except Exception as error:  # whatever a library, or the model itself, raises
            kind = ConfigurationError if isinstance(error, ImportError) else Corrupt
            raise kind(
                f"The model at {uri!r:.200} can't be loaded: {type(error).__name__}: {error}.",
                hint="Its requirements.txt names what it was written with.",
            ) from error
        signature = ours(model.metadata.signature)
        return PyFuncModel(model, signature if signature != Signature() else None, *schemas)


class CustomLoader(_PyFuncLoader):
    """Loads what a `CustomSaver`, or anybody else, logged as a Python model.

    Such a model is its writer's code: it is loaded only with `trust`.
    """

    KIND: Literal["CustomLoader"] = "CustomLoader"
    _is_custom = True
    _other = "BuiltinLoader"


class BuiltinLoader(_PyFuncLoader):
    """Loads a model of any of MLflow's other flavors, through its generic interface."""

    KIND: Literal["BuiltinLoader"] = "BuiltinLoader"
    _is_custom = False
    _other = "CustomLoader"
