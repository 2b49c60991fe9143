"""Savers: a model, its signature and an input example become files that can be registered.

CustomSaver     a project's own model, as MLflow's PyFunc
BuiltinSaver    a model of a library, as one of MLflow's flavors
MunimentSaver   a model of a library, or any object, without MLflow

from muniment.ml.savers import SAVERS

saver = SAVERS.validate_python({"KIND": "MunimentSaver", "path": "build/model"})
info = saver.save(model, input_example=frame)       # info.model_uri goes to a register
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field, TypeAdapter

from muniment.ml.savers.base import Info, Saver
from muniment.ml.savers.builtin import BuiltinSaver
from muniment.ml.savers.custom import CustomSaver
from muniment.ml.savers.native import MunimentSaver, SavedModel

__all__ = [
    "SAVERS",
    "BuiltinSaver",
    "CustomSaver",
    "Info",
    "MunimentSaver",
    "SavedModel",
    "Saver",
    "SaverKind",
]

SaverKind: TypeAlias = Annotated[
    CustomSaver | BuiltinSaver | MunimentSaver, Field(discriminator="KIND")
]
"""Any saver, chosen by its `KIND`."""

SAVERS: Final[TypeAdapter[CustomSaver | BuiltinSaver | MunimentSaver]] = TypeAdapter(SaverKind)
"""Reads a saver out of configuration: `validate_python`, `validate_json`."""
