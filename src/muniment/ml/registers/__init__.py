"""Registers: a saved model becomes a version of a registered model.

MlflowRegister     in the registry that MLflow is led to: Muniment's, MLflow's own, a local one
MunimentRegister   in a Muniment registry, a server or a folder, without MLflow

from muniment.ml.registers import REGISTERS

register = REGISTERS.validate_python({"KIND": "MunimentRegister", "tags": {"team": "risk"}})
version = register.register("fraud", info.model_uri)
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field, TypeAdapter

from muniment.ml.registers.base import Register, Version
from muniment.ml.registers.mlflow import MlflowRegister
from muniment.ml.registers.native import MunimentRegister

__all__ = [
    "REGISTERS",
    "MlflowRegister",
    "MunimentRegister",
    "Register",
    "RegisterKind",
    "Version",
]

RegisterKind: TypeAlias = Annotated[MlflowRegister | MunimentRegister, Field(discriminator="KIND")]
"""Any register, chosen by its `KIND`."""

REGISTERS: Final[TypeAdapter[MlflowRegister | MunimentRegister]] = TypeAdapter(RegisterKind)
"""Reads a register out of configuration: `validate_python`, `validate_json`."""
