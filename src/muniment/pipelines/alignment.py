"""Alignment: a specification and its script contract speak of the same inputs and outputs."""

from __future__ import annotations

from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.specifications import StepSpecification


def misalignments(spec: StepSpecification) -> list[str]:
    """Return what a contract has that its specification lacks; nothing if they are aligned.

    A specification may say more than a contract: a dependency that is no folder, say a property.
    """
    contract = spec.script_contract
    if contract is None:
        return []
    return [
        *(
            f"the contract reads {path} as {name!r}, which is no dependency of the specification"
            for name, path in contract.expected_input_paths.items()
            if name not in spec.dependencies
        ),
        *(
            f"the contract writes {path} as {name!r}, which is no output of the specification"
            for name, path in contract.expected_output_paths.items()
            if name not in spec.outputs
        ),
    ]


def check_alignment(spec: StepSpecification) -> None:
    """Raise InvalidPipeline unless each path of the contract has an entry in the specification."""
    if found := misalignments(spec):
        raise InvalidPipeline(f"{spec.step_type} is not aligned: {'; '.join(found)}.")
