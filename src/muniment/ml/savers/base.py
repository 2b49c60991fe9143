"""What every saver is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from muniment.domain.entities import Signature
from muniment.ml.configuration import Configured, Path


class Info(Protocol):
    """What is known of a saved model: at least the address that a register takes."""

    @property
    def model_uri(self) -> str:
        """Where it is."""


class Saver(Configured, ABC):
    """Saves models; `path` says where, below whatever the saver writes into."""

    path: Path = "model"

    @abstractmethod
    def save(
        self, model: Any, signature: Signature | None = None, input_example: Any = None
    ) -> Info:
        """Save a model, and return where it is.

        Args:
            model: what the saver takes.
            signature: what goes in and what comes out, of ours or of MLflow's; without one it is
                inferred from the example and from what the model predicts for it.
            input_example: a few rows of what goes in.

        Raises:
            InvalidInput: model, signature and example do not fit together; nothing was written.
            ConfigurationError: a library is not installed.
        """


def internal(model: Any) -> Any:
    """Return the library's model inside a project's model, which tells it; else the model."""
    inside = getattr(model, "get_internal_model", None)
    return inside() if callable(inside) else model
