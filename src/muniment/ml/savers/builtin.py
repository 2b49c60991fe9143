"""A library's model, as one of MLflow's flavors."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from muniment.ml.mlflow_calls import log_model, mlflow_module
from muniment.ml.savers.base import Saver, internal


class BuiltinSaver(Saver):
    """Logs a model by one of MLflow's flavors: `sklearn`, `xgboost`, `onnx`, ….

    It takes the library's model, or a project's model that gives it by `get_internal_model()`.
    `path` is the name of the logged model; `options` go to the flavor's `log_model`, such as
    `skops_trusted_types`. It is logged where MLflow is led to.
    """

    KIND: Literal["BuiltinSaver"] = "BuiltinSaver"
    flavor: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    options: dict[str, JsonValue] = Field(default_factory=dict)

    def save(self, model: Any, signature: Any = None, input_example: Any = None) -> Any:
        """Log a model; return MLflow's `ModelInfo`.

        Raises:
            InvalidInput: MLflow has no such flavor, an option is not known, or model, signature
                and example do not fit together; nothing was logged.
            ConfigurationError: MLflow, or the flavor's library, is not installed.
        """
        module = mlflow_module(self.flavor)
        model = internal(model)
        takes = next(iter(inspect.signature(module.log_model).parameters))
        predict = getattr(model, "predict", None)
        return log_model(
            module,
            {takes: model, "name": self.path},
            predict if callable(predict) else None,
            signature,
            input_example,
            self.options,
        )
