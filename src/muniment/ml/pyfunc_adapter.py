"""A project's model as MLflow's PyFunc. It needs MLflow, so only savers at work import it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cloudpickle
from mlflow.pyfunc import PythonModel


class Adapter(PythonModel):  # type: ignore[misc]  # mlflow is untyped
    """Hands MLflow's calls to a model that has `predict(inputs)`."""

    def __init__(self, model: Any) -> None:
        self.model = model

    # MLflow reads a schema off hints, and warns where they are none
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return what the model predicts."""
        return self.model.predict(model_input)


@contextmanager
def kept_by_value() -> Iterator[None]:
    """Let pickles made in the block hold the adapter itself: their readers need no Muniment."""
    here = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(here)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(here)
