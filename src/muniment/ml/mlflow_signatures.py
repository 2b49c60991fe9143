"""Signatures of ours and of MLflow's, either way; a saver takes both.

ours                        MLflow's
NUMERIC bool                boolean
NUMERIC int8 … int32        integer
NUMERIC int64, uint32       long
NUMERIC float16, float32    float
NUMERIC other, or unknown   double
TEXT                        string
with a shape                a tensor of the dtype
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muniment.domain.entities import Signature, Variable, VariableType
from muniment.errors import InvalidInput
from muniment.ml.data import numeric_dtype, numpy


def ours(signature: Any) -> Signature | None:
    """Return a signature of ours; one of MLflow's that does not map is as good as none.

    Raises:
        InvalidInput: it is neither.
    """
    if signature is None or isinstance(signature, Signature):
        return signature
    if isinstance(signature, dict):
        return Signature.from_json(signature)
    if type(signature).__module__.partition(".")[0] == "mlflow":
        from muniment.ml.model_facts import signature_of

        return signature_of(signature)
    raise InvalidInput(
        f"A {type(signature).__qualname__} is no signature.",
        hint="muniment.ml.signatures.infer_signature(inputs, outputs) makes one.",
    )


def of_mlflow(signature: Signature) -> Any:
    """Return MLflow's `ModelSignature` for ours.

    Raises:
        InvalidInput: a side mixes tensors and columns, which MLflow can't say.
    """
    from mlflow.models import ModelSignature

    return ModelSignature(
        inputs=_schema(signature.inputs, "input"), outputs=_schema(signature.outputs, "output")
    )


def _schema(variables: Sequence[Variable], side: str) -> Any:
    from mlflow.types import ColSpec, Schema, TensorSpec

    if not variables:
        return None
    if all(variable.shape is not None for variable in variables):
        names = [None] if len(variables) == 1 and variables[0].name == side else None
        return Schema(
            [
                TensorSpec(
                    type=numeric_dtype(variable.dtype) or numpy().dtype(_default(variable)),
                    shape=variable.shape,
                    name=variable.name if names is None else None,
                )
                for variable in variables
            ]
        )
    if any(variable.shape is not None for variable in variables):
        raise InvalidInput(
            f"The {side} has both tensors and columns, which MLflow's signatures can't say.",
            hint="Pass only columns or only arrays.",
        )
    return Schema(
        [
            ColSpec(type=_column_type(variable), name=variable.name, required=not variable.optional)
            for variable in variables
        ]
    )


def _default(variable: Variable) -> str:
    return "str" if variable.type is VariableType.TEXT else "float64"


def _column_type(variable: Variable) -> str:
    if variable.type is VariableType.TEXT:
        return "string"
    dtype = numeric_dtype(variable.dtype)
    if dtype is None:
        return "double"
    if dtype.kind == "b":
        return "boolean"
    if dtype.kind == "f":
        return "float" if dtype.itemsize <= 4 else "double"
    if dtype.kind in "iu" and dtype.name not in ("uint64",):
        narrow = dtype.itemsize < 4 or dtype.name == "int32"
        return "integer" if narrow else "long"
    return "double"
