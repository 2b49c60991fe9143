"""Loaders: from the address of a model to something that predicts.

CustomLoader     what a CustomSaver saved, through MLflow
BuiltinLoader    a model of any other of MLflow's flavors
MunimentLoader   what a MunimentSaver saved, or `registry.push` pushed, without MLflow

from muniment.ml.loaders import LOADERS

adapter = LOADERS.validate_python({"KIND": "MunimentLoader"}).load("models:/fraud@champion")
adapter.predict(frame)
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field, TypeAdapter

from muniment.ml.loaders.base import Adapter, Loader
from muniment.ml.loaders.native import MunimentLoader
from muniment.ml.loaders.pyfunc import BuiltinLoader, CustomLoader

__all__ = [
    "LOADERS",
    "Adapter",
    "BuiltinLoader",
    "CustomLoader",
    "Loader",
    "LoaderKind",
    "MunimentLoader",
]

LoaderKind: TypeAlias = Annotated[
    CustomLoader | BuiltinLoader | MunimentLoader, Field(discriminator="KIND")
]
"""Any loader, chosen by its `KIND`."""

LOADERS: Final[TypeAdapter[CustomLoader | BuiltinLoader | MunimentLoader]] = TypeAdapter(LoaderKind)
"""Reads a loader out of configuration: `validate_python`, `validate_json`."""
