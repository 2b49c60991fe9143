"""MLflow's signatures as ours."""

from __future__ import annotations

import numpy as np

from muniment.domain.entities import Signature, Variable, VariableType

NUMERIC, TEXT = VariableType


def test_columns_keep_name_and_type() -> None:
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, Schema

    from muniment.ml.model_facts import signature_of

    inputs = Schema(
        [ColSpec("double", "age"), ColSpec("string", "city"), ColSpec("long", "n", required=False)]
    )
    found = signature_of(ModelSignature(inputs=inputs, outputs=Schema([ColSpec("boolean")])))
    assert found == Signature(
        (
            Variable("age", NUMERIC, "double"),
            Variable("city", TEXT, "string"),
            Variable("n", NUMERIC, "long", optional=True),
        ),
        (Variable("output", NUMERIC, "boolean"),),
    )


def test_tensors_keep_their_shape() -> None:
    from mlflow.models.signature import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from muniment.ml.model_facts import signature_of

    image = TensorSpec(np.dtype("float32"), (-1, 28, 28), "image")
    found = signature_of(ModelSignature(inputs=Schema([image])))
    assert found == Signature((Variable("image", NUMERIC, "float32", (-1, 28, 28)),))


def test_a_side_that_is_neither_numbers_nor_text_is_left_out() -> None:
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, Schema

    from muniment.ml.model_facts import signature_of

    dates = Schema([ColSpec("double", "age"), ColSpec("datetime", "since")])
    numbers = Schema([ColSpec("double", "risk")])
    assert signature_of(ModelSignature(inputs=dates)) is None
    found = signature_of(ModelSignature(inputs=dates, outputs=numbers))
    assert found == Signature((), (Variable("risk", NUMERIC, "double"),))
    assert signature_of(None) is None
