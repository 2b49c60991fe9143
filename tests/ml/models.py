"""Models that the tests save, and that a fresh process can import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


def rows(count: int = 60) -> pd.DataFrame:
    """Two columns of numbers, one of them whole."""
    steps = np.arange(count)
    return pd.DataFrame({"amount": np.sin(steps) * 10, "age": steps % 17})


def labels(count: int = 60) -> Any:
    return (np.sin(np.arange(count)) > 0.2).astype(int)


@dataclass
class Threshold:
    """A model of a project: rules and a call."""

    limit: float

    def predict(self, inputs: Any) -> Any:
        return pd.DataFrame({"risky": inputs["amount"] > self.limit})


@dataclass
class Wrapped:
    """A project's model around a library's."""

    inside: Any

    def predict(self, inputs: Any) -> Any:
        return self.inside.predict(inputs)

    def get_internal_model(self) -> Any:
        return self.inside
