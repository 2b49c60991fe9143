"""Do model, signature and input example fit together? Asked before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from muniment.domain.changes import check_signature
from muniment.domain.entities import Signature
from muniment.errors import InvalidInput, MunimentError
from muniment.ml.checking import check_data
from muniment.ml.signatures import infer_variables

Predict: TypeAlias = Callable[[Any], Any]


def fitting_signature(
    predict: Predict | None, signature: Signature | None, input_example: Any
) -> Signature | None:
    """Return the signature; a side that it does not tell is inferred from the example.

    Raises:
        InvalidInput: they do not fit; see `outputs_of`. Or nothing can be inferred.
    """
    outputs = outputs_of(predict, signature, input_example)
    if input_example is None:
        return signature
    said = signature or Signature()
    found = () if outputs is None else said.outputs or infer_variables(outputs, "output")
    return Signature(said.inputs or infer_variables(input_example, "input"), found or said.outputs)


def outputs_of(predict: Predict | None, signature: Signature | None, input_example: Any) -> Any:
    """Return what the model makes of the example; None without one, or without `predict`.

    Raises:
        InvalidInput: the signature breaks a rule, the example is not what it says, the model can't
            predict the example, or predicts something else than the signature says.
    """
    check_signature(signature)
    if input_example is None:
        return None
    said = signature or Signature()
    input_example = check_data(input_example, said.inputs, side="input")
    if predict is None:
        return None
    outputs = _predicted(predict, input_example)
    return check_data(outputs, said.outputs, side="output")


def _predicted(predict: Predict, example: Any) -> Any:
    try:
        outputs = predict(example)
    except MunimentError:
        raise
    except Exception as error:  # whatever a model raises
        raise InvalidInput(
            f"The model can't predict its input example: {type(error).__name__}: {error}.",
            hint="Give an example like the data that it was trained with.",
        ) from error
    if outputs is None:
        raise InvalidInput(
            "The model returned None for its input example.",
            hint="Let `predict` return its result.",
        )
    return outputs
