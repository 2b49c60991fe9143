"""A project's own model, as MLflow's PyFunc."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from muniment.errors import InvalidInput
from muniment.ml.mlflow_calls import log_model, mlflow_module
from muniment.ml.savers.base import Saver


class CustomSaver(Saver):
    """Logs any object that has `predict(inputs)` to MLflow, wrapped in an adapter.

    MLflow writes it with cloudpickle: classes of modules that can be imported are kept by name, and
    must be there when it is loaded. `path` is the name of the logged model; `options` go to
    `mlflow.pyfunc.log_model`, such as `pip_requirements`. It is logged where MLflow is led to.
    """

    KIND: Literal["CustomSaver"] = "CustomSaver"
    options: dict[str, JsonValue] = Field(default_factory=dict)

    def save(self, model: Any, signature: Any = None, input_example: Any = None) -> Any:
        """Log a model; return MLflow's `ModelInfo`.

        Raises:
            InvalidInput: the model has no `predict`, or model, signature and example do not fit
                together, or an option is not known; nothing was logged.
            ConfigurationError: MLflow is not installed.
        """
        if not callable(getattr(model, "predict", None)):
            raise InvalidInput(
                f"A {type(model).__qualname__} has no predict(inputs).",
                hint="Give it one; or save it by BuiltinSaver if it is a library's model.",
            )
        module = mlflow_module("pyfunc")
        from muniment.ml.pyfunc_adapter import Adapter, kept_by_value

        with kept_by_value():
            return log_model(
                module,
                {"name": self.path, "python_model": Adapter(model)},
                model.predict,
                signature,
                input_example,
                self.options,
            )
